"""Linux boards reached over a Link, such as `ssh://USER@BOARD`: what is read there, and who they are."""

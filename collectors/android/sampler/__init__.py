"""One script on the phone that reads its files, what it prints, and the collectors that take it."""

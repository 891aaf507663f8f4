"""Windows that a measured program marks itself: made in its process, read back here, and what they mean for a run."""

"""A run in virtual time, measured: the virtual phone's bytes through the code that a real run takes, to its tables."""

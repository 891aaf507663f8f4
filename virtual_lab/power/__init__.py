"""The power of a simulated device: what runs on it, how hot it gets, and the exact joules of any stretch of time."""

"""From a recorded run to its tables."""

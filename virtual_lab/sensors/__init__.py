"""What instruments inside a simulated device show of its power, and how they err."""

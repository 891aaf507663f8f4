"""What a phone's files in sysfs and procfs mean: which are worth reading, and how their text becomes numbers."""

"""Virtual Jetson boards: their sysfs, kept current on a timeline, and their tools."""

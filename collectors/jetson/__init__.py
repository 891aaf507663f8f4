"""NVIDIA Jetson boards: their rails, clocks and temperatures from sysfs, else from tegrastats."""

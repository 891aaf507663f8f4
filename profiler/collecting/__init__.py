"""The suite of calibration runs: what is executed on a device, as data."""

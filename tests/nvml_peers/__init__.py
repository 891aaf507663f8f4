"""Clients of NVML that we did not write, on the stand-in library."""

"""A stand-in for NVIDIA's `libnvidia-ml.so.1`: any client of NVML finds GPUs whose energy is known exactly."""

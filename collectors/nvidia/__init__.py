"""NVIDIA GPUs through NVML: their energy counter, power, clocks, temperatures, load, memory and what slows them."""

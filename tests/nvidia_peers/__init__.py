"""Zeus beside edgewatt on the stand-in for NVIDIA's library: the same power, the same windows."""

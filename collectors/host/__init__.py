"""The host that edgewatt runs on: load, frequency, temperature, RAPL."""

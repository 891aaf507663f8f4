"""The energy of single operators, from networks that run them a different number of times (measurement.md)."""

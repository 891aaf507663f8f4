"""Instruments that many machines have: Linux hwmon rails, stored runs."""

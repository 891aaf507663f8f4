"""A calibration: what models load, as one file of tables."""

"""From windows of runs to the tables of a calibration: observations, fits, and how far each can be off."""

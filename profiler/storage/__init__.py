"""How a run lies on the disk: written, read, and closed again after a crash."""

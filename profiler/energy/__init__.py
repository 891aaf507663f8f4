"""Joules of a window, and how far they can be off."""

"""Monsoon power meters: the LVPM over serial, LVPM and HVPM over USB. Its facts, to the byte, are second-hand.

They were read out of others' clients (Mobly, AOSP CTS, Chromium, ACTS, PyMonsoon) and tried on simulators, never on a
real meter.
"""

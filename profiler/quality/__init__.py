"""Reason codes: what can be said against a run, in words, with its weight and what to do about it."""

"""The interactive timeline: power, frequency, temperature and load on one axis of time, at any length of a run."""

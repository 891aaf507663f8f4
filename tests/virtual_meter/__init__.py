"""A bench in virtual time: a phone's run and the meter that feeds it, through the code of a real one, to its tables."""

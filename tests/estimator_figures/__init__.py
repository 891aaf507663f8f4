"""Errors of the energy estimator in virtual time, for networks that it has not seen."""

"""Clients of Monsoon meters that we did not write, each unmodified in an environment of its own."""

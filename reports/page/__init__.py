"""A report of runs as one page: a file that needs nothing else, opens offline, and is read before it is believed."""

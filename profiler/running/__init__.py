"""How a run goes, from the first look to the last sample."""

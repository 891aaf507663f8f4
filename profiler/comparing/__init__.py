"""From two sets of repeats to ratios."""

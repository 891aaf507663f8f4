"""The gate: what of a comparison is a regression, what passes, and what nobody can tell."""

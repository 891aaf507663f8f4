"""Which phone it is, in which state it is, and what keeps it from being measured well."""

"""What people look at, and what other programs read."""

if not __name__.startswith("edgewatt."):
    raise ImportError("import it as edgewatt.reports: under its bare name it would be a second copy")

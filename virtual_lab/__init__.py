"""Simulated devices that speak the real protocols, with a known truth."""

if not __name__.startswith("edgewatt."):
    raise ImportError("import it as edgewatt.virtual_lab: under its bare name it would be a second copy")

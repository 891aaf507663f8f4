"""What a measurement is, and how a run goes. Touches no device and knows no report."""

if not __name__.startswith("edgewatt."):
    raise ImportError("import it as edgewatt.profiler: under its bare name it would be a second copy")

"""The only code that talks to hardware."""

if not __name__.startswith("edgewatt."):
    raise ImportError("import it as edgewatt.collectors: under its bare name it would be a second copy")

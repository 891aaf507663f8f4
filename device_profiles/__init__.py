"""Facts about phones, boards, GPUs and meters: TOML, and the loader that checks it."""

if not __name__.startswith("edgewatt."):
    raise ImportError("import it as edgewatt.device_profiles: under its bare name it would be a second copy")

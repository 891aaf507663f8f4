"""What consumes the calibration: scheduling, federated learning, carbon, fine-tuning."""

if not __name__.startswith("edgewatt."):
    raise ImportError("import it as edgewatt.models: under its bare name it would be a second copy")

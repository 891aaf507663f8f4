"""Write the small network that comes with edgewatt: `python benchmarks/make_tiny_model.py`. Always the same bytes."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.tflite_models import tiny  # noqa: E402 - the folder of the tests is no installed package

MODEL = ROOT / "collectors" / "runtimes" / "edgewatt_tiny.tflite"

if __name__ == "__main__":
    print(f"{MODEL.write_bytes(tiny())} bytes written to {MODEL}")

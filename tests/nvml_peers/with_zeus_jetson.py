"""How Zeus 0.16 finds the rails of a Jetson: `with_zeus_jetson.py ROOT` prints one JSON line, milliwatts by its names.

Zeus has no other root than /; its own code is called with a Path that puts ROOT before it.
"""

import json
import sys
from pathlib import Path

from zeus.device.soc import jetson

root = sys.argv[1]
jetson.Path = lambda path: Path(root + path) if isinstance(path, str) else Path(path)
found = jetson.Jetson._discover_available_metrics(object())
print(json.dumps({name: one.measure_power() for name, one in found.items()}))

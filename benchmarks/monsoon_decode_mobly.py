"""mobly 1.10.1's Monsoon controller on bytes in memory: `monsoon_decode_mobly.py FILE TURNS`, in its own environment.

Nothing of it is changed; a file object stands for its serial port, which is the fastest port there can be. A line of
JSON: samples, and seconds of processor time of each turn.
"""

import io
import json
import logging
import sys
import time
from pathlib import Path

from mobly.controllers import monsoon

logging.disable(logging.CRITICAL)  # it complains of each frame before the first calibration


def decode(data: bytes) -> int:
    """The samples it finds."""
    monsoon.serial.Serial = lambda *_, **__: io.BytesIO(data)
    meter = monsoon.MonsoonProxy(device="a port")
    found = 0
    while (some := meter.CollectData()) is not None:
        found += len(some)
    return found


data, seconds, samples = Path(sys.argv[1]).read_bytes(), [], 0
for _ in range(int(sys.argv[2])):
    began_s = time.process_time()
    samples = decode(data)
    seconds.append(time.process_time() - began_s)
print(json.dumps({"samples": samples, "seconds": seconds}))

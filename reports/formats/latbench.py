"""LatBench: `{architecture: seconds}`, seconds and not milliseconds, one file for a device and precision.

SamsungLabs/eagle, README.md ("latency value in seconds"); an architecture of NAS-Bench-201 is a tuple of six numbers,
eagle/models/nasbench201/utils.py says of which operations. Files are called CLASS-UNIT-DEVICE-PRECISION.pickle.
"""

import re
from typing import Any, Final

from edgewatt.profiler.errors import UsageError
from edgewatt.reports.formats.by_name import any_simulated, named_rows
from edgewatt.reports.formats.made import Given, Made, refuse_nothing
from edgewatt.reports.formats.measured import difference, only

# In the order of their numbers (utils.py).
_OPERATIONS: Final = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
_EDGES: Final = 6
_VECTOR: Final = re.compile(r"[(\[]?([0-4](?:[,_ ]+[0-4]){5})[)\]]?", re.ASCII)
_WORD: Final = re.compile(r"([a-z0-9_]+)~\d", re.ASCII)


def vector_of(name: str) -> tuple[int, ...] | None:
    """The numbers of an architecture from `(1, 0, 2, 3, 0, 1)`, `1_0_2_3_0_1`, or NAS-Bench-201's `|none~0|+|...|`."""
    if found := _VECTOR.fullmatch(name):
        return tuple(int(digit) for digit in re.findall(r"\d", found[1]))
    words = _WORD.findall(name) if name.startswith("|") else []
    if len(words) != _EDGES or any(word not in _OPERATIONS for word in words):
        return None
    return tuple(_OPERATIONS.index(word) for word in words)


def seconds_by_architecture(given: Given) -> Made:
    """The seconds of each architecture of NAS-Bench-201; a key of the JSON is its six numbers with commas."""
    named, left_out = named_rows(given, lambda name: vector_of(name) is not None, "no architecture of NAS-Bench-201")
    refuse_nothing(named, "latbench", left_out, "networks named by their architecture (1_0_2_3_0_1), or --names FILE")
    rows = [row for of in named.values() for row in of]
    if len({(row.device_id, row.target, row.precision) for row in rows}) > 1:
        raise UsageError(f"--to latbench: a file is of one device, target and precision; --where {difference(rows)}")
    pickled: dict[tuple[int, ...], Any] = {
        vector_of(name) or (): only(name, of, "time_s").time_s for name, of in named.items()
    }
    content = {",".join(map(str, vector)): seconds for vector, seconds in pickled.items()}
    return Made(content, left_out, pickled, any_simulated(list(named.values())))

"""Shares by time of an energy that was measured of the network only. No measurement of an operator: "allocated"."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from edgewatt.profiler.operator_energy.solving import Part

# What rounding leaves of the sum is in the last digit, and gone after one of these, or two.
_STEPS: Final = 4


def allocated(latencies_s: Sequence[float], whole_j: float, low_j: float, high_j: float) -> list[Part]:
    """The part of each operator: its share of the sum of `latencies_s`, as if power were the same in all of them.

    Values add up to `whole_j`; intervals are, beside their value, as wide as that of the whole, and say nothing of
    the power that differs. Raises ValueError for times that are negative or all nothing.
    """
    times = np.asarray(latencies_s, np.float64)
    if not (np.isfinite(times).all() and (times >= 0).all() and times.sum() > 0):
        raise ValueError("shares by time need times from 0 on, one of them above 0")
    parts_j = (whole_j * (times / times.sum())).tolist()
    largest = int(times.argmax())
    for _ in range(_STEPS):
        parts_j[largest] += whole_j - math.fsum(parts_j)
    relative = max(high_j - whole_j, whole_j - low_j) / whole_j if whole_j else 0.0
    return [Part((1 + k,), j, abs(j) * abs(relative)) for k, j in enumerate(parts_j)]

"""In which steps a sensor counts: what all of its values are whole multiples of."""

import math
from typing import Final

import numpy as np

from edgewatt.profiler.gauging.found import Floats, Found, Undecided

# Differences of so many values have a common factor of 2 by chance once in a thousand times.
LEAST_VALUES: Final = 12


def resolution_of(values: Floats) -> Found | Undecided:
    """The step in counts, from the whole numbers that a sensor has shown (any shape, NaN where it showed none).

    A step that is no whole number of counts is not found: rounded, its values have the factor 1.
    """
    seen = np.unique(values[np.isfinite(values)])
    if len(seen) < LEAST_VALUES:
        return Undecided(f"it showed {len(seen)} different values, {LEAST_VALUES} are needed")
    if not np.array_equal(seen, np.round(seen)):
        return Undecided("its values are no whole counts")
    step = float(math.gcd(*np.diff(seen).astype(np.int64).tolist()))
    return Found(step, step, step, 0.0)

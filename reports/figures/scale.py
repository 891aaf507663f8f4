"""Values in the unit that suits an axis."""

import math
from collections.abc import Iterable

from edgewatt.profiler.units import scale_for


def prefixed(values: Iterable[float | None], unit: str) -> tuple[float, str]:
    """The factor by which values are divided and the unit that they then have, by the largest: `(1e-3, "ms")`."""
    known = [abs(value) for value in values if value is not None and math.isfinite(value)]
    factor, prefix = scale_for(max(known, default=0.0), unit)
    return factor, f"{prefix}{unit}"


def bound(end: float | None, mean: float) -> float:
    """An end of an interval; the mean itself where there is none, as of one repeat."""
    return mean if end is None or not math.isfinite(end) else end

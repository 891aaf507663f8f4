"""What was found of a sensor, with its uncertainty, or why it was not."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.statistics import LEVEL

Floats = NDArray[np.float64]

_WIDE: Final = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Found:
    """A value that lies between `low` and `high` at 95 %, with its standard uncertainty `u`; SI, or as it is said."""

    value: float
    low: float
    high: float
    u: float

    def widened(self, u: float) -> "Found":
        """With a further independent standard uncertainty."""
        below, above = np.hypot([self.value - self.low, self.high - self.value], _WIDE * u).tolist()
        return Found(self.value, self.value - below, self.value + above, float(np.hypot(self.u, u)))

    def moved(self, by: float) -> "Found":
        """All of it `by` further."""
        return Found(self.value + by, self.low + by, self.high + by, self.u)

    def times(self, factor: float) -> "Found":
        """In another unit."""
        low, high = sorted((self.low * factor, self.high * factor))
        return Found(self.value * factor, low, high, self.u * abs(factor))


@dataclass(frozen=True, slots=True)
class Undecided:
    """Why something could not be found, in words that follow a colon."""

    reason: str


def highest_density(at: Floats, density: Floats) -> Found:
    """Mean, and the 95 % of highest density, of a density on cells of equal width around `at` (shape [n] both).

    An interval of highest density holds its bound where the truth lies at the bound of what is possible.
    """
    share = density / density.sum()
    order = np.argsort(-share)
    inside = order[: int(np.searchsorted(np.cumsum(share[order]), LEVEL)) + 1]
    half = (at[1] - at[0]) / 2 if len(at) > 1 else 0.0
    mean = float(share @ at)
    u = float(np.sqrt(max(share @ (at - mean) ** 2, 0.0)))
    low, high = float(at[inside].min() - half), float(at[inside].max() + half)
    return Found(min(max(mean, low), high), low, high, u)

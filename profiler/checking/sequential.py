"""Looking several times while repeats are added, without being wrong more often for it: alpha spending.

Lan and DeMets (1983, Biometrika 70, 659-663): at the share t of the repeats that there may be, alpha(t) of the error
has been spent; here alpha t^1.5, of the family of Kim and DeMets (1987, Biometrika 74, 149-154). The boundary of each
look follows by integrating over what did not cross before (Armitage, McPherson and Rowe 1969, J. R. Statist. Soc. A
132, 235-244). It is one of Brownian motion, used on the p of Student's t (Jennison and Turnbull 2000, Group Sequential
Methods, section 3.8: the significance level approach); tests/test_checking_sequential.py says how well that holds.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.errors import UsageError

POWER: Final = 1.5
_FEWEST: Final = 3
_GROWS: Final = 1.45
_NORMAL: Final = NormalDist()
# Brownian motion ends at time 1; a path below -6 does not come back.
_LOWEST: Final = -6.0
_POINTS: Final = 600
_AT: Final = np.linspace(-9.0, 9.0, 9001)
_BELOW: Final = np.array([NormalDist().cdf(z) for z in _AT.tolist()])


@dataclass(frozen=True, slots=True)
class Looks:
    """After how many repeats a side one looks, ascending; the last is the most that there will be."""

    repeats: tuple[int, ...]

    def level(self, look: int, alpha: float) -> float:
        """The one-sided p that is significant at the look of this number, from 0, where all looks share `alpha`."""
        levels: tuple[float, ...] = _levels(self.repeats, alpha)
        return levels[look]


def looks_up_to(most: int, first: int = 4) -> Looks:
    """From `first` repeats a side on, each time about half as many again. Raises UsageError for too few."""
    if first < _FEWEST or most < first:
        raise UsageError(
            f"at most {most} repeats a side, the first look after {first}: a first look needs at least {_FEWEST}, and "
            "the most not to be fewer"
        )
    counts = [first]
    while counts[-1] < most:
        counts.append(min(max(math.ceil(counts[-1] * _GROWS), counts[-1] + 1), most))
    return Looks(tuple(counts))


def spent(share: float, alpha: float) -> float:
    """How much of `alpha` is spent at this share of the repeats."""
    return float(alpha * min(share, 1.0) ** POWER)


@lru_cache(maxsize=256)
def _levels(repeats: tuple[int, ...], alpha: float) -> tuple[float, ...]:
    times = [count / repeats[-1] for count in repeats]
    boundaries: list[float] = []
    x, density = np.zeros(1), np.ones(1)
    now = done = 0.0
    for time in times:
        sd, wanted = math.sqrt(time - now), spent(time, alpha) - done
        boundaries.append(_boundary(x, density, sd, wanted))
        x, density = _carried(x, density, sd, boundaries[-1])
        now, done = time, spent(time, alpha)
    return tuple(_NORMAL.cdf(-b / math.sqrt(t)) for b, t in zip(boundaries, times, strict=True))


def _boundary(x: NDArray[np.float64], density: NDArray[np.float64], sd: float, wanted: float) -> float:
    """Where so much of what has not crossed yet crosses at the end of one step."""
    low, high = 0.0, 10.0
    for _ in range(60):
        middle = (low + high) / 2
        crossing = np.interp((x - middle) / sd, _AT, _BELOW)
        low, high = (middle, high) if _integral(x, density * crossing) > wanted else (low, middle)
    return (low + high) / 2


def _carried(
    x: NDArray[np.float64], density: NDArray[np.float64], sd: float, boundary: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The density after one step of what stays below the boundary."""
    there = np.linspace(_LOWEST, boundary, _POINTS)
    steps = np.exp(-((there[:, None] - x[None, :]) ** 2) / (2 * sd**2)) / (sd * math.sqrt(2 * math.pi))
    return there, np.array([_integral(x, row * density) for row in steps])


def _integral(x: NDArray[np.float64], values: NDArray[np.float64]) -> float:
    """By trapezoids; a single point is where everything is at the beginning."""
    if len(x) == 1:
        return float(values[0])
    return float(np.sum((values[1:] + values[:-1]) * np.diff(x)) / 2)


def rejected_at(p_values: Sequence[float], looks: Looks, look: int, alpha: float) -> list[bool]:
    """Holm's steps at one look: the k-th smallest p against the level of alpha / (rows - k).

    It keeps the error of all rows and looks together (Maurer and Bretz 2013, Stat. Biopharm. Res. 5, 311-320).
    """
    found = [False] * len(p_values)
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        if p_values[place] > looks.level(look, alpha / (len(p_values) - rank)):
            break
        found[place] = True
    return found

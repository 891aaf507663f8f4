"""Change points of a series: where its mean moved by more than a floor, and by more than its own wandering explains.

Neighbouring sittings resemble each other (a warm week, an ageing battery), and a search over all places finds something
in any series: on autocorrelated data the usual test of change points is wrong in half of the series
(facts of the design, B2.4: 53 % at AR(1) 0.6). So the best split is held against the best splits of series that have no
change and the same autocorrelation (a parametric bootstrap of an AR(1) process; Davison and Hinkley 1997, 8.2), whose
parameter is estimated after taking that split out, with the bias of a short series put back (Kendall 1954, Biometrika
41, 403: -(1 + 3 phi)/n). Found, the two halves are looked at in turn (binary segmentation).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# A change of less is nobody's concern: the tolerance of the gate.
FLOOR: Final = 0.05
ALPHA: Final = 0.01
# Sittings on both sides of a change, at least.
SHORTEST: Final = 3
_DRAWN: Final = 1999
_MOST_PHI: Final = 0.9


@dataclass(frozen=True, slots=True)
class Change:
    """At the sitting of this number, from 0, the mean moved by `log` (of the ratio); `p` is that of the bootstrap."""

    at: int
    log: float
    p: float


def change_points(logs: Sequence[float] | Floats, *, floor: float = FLOOR, alpha: float = ALPHA) -> list[Change]:
    """The changes in a series of logarithms, in order. `floor` is the smallest share that counts."""
    values = np.asarray(logs, np.float64)
    return sorted(_within(values, 0, math.log1p(floor), alpha), key=lambda change: change.at)


def segment_of_now(logs: Floats, changes: Sequence[Change]) -> Floats:
    """What has been since the last change."""
    return logs[changes[-1].at :] if changes else logs


def _within(values: Floats, offset: int, floor: float, alpha: float) -> list[Change]:
    if len(values) < 2 * SHORTEST:
        return []
    statistic, at = (found[0] for found in _best_splits(values[None]))
    place = int(at)
    log = float(values[place:].mean() - values[:place].mean())
    if abs(log) < floor:
        return []
    p = _p_of(values, place, float(statistic))
    if p > alpha:
        return []
    before, after = _within(values[:place], offset, floor, alpha), _within(values[place:], offset + place, floor, alpha)
    return [*before, Change(offset + place, log, p), *after]


def _best_splits(rows: Floats) -> tuple[Floats, NDArray[np.intp]]:
    """Of each series (shape [m, n]) the largest t of a difference of means, and where its second part begins."""
    n = rows.shape[1]
    at = np.arange(SHORTEST, n - SHORTEST + 1)
    sums, squares = np.cumsum(rows, axis=1), np.cumsum(rows**2, axis=1)
    left, right = sums[:, at - 1], sums[:, -1:] - sums[:, at - 1]
    within = squares[:, -1:] - left**2 / at - right**2 / (n - at)
    scale = np.maximum(within, 1e-300) / (n - 2) * (1 / at + 1 / (n - at))
    t = np.abs(right / (n - at) - left / at) / np.sqrt(scale)
    best = t.argmax(axis=1)
    return t[np.arange(len(t)), best], at[best]


def _p_of(values: Floats, place: int, statistic: float) -> float:
    """How often a series without a change, that wanders as this one does, has a split as good."""
    rest = np.concatenate([values[:place] - values[:place].mean(), values[place:] - values[place:].mean()])
    phi = _wandering(rest)
    drawn = np.random.default_rng(0).standard_normal((_DRAWN, len(values)))
    series = np.empty_like(drawn)
    series[:, 0] = drawn[:, 0] / math.sqrt(1 - phi**2)
    for k in range(1, len(values)):
        series[:, k] = phi * series[:, k - 1] + drawn[:, k]
    return float((1 + (_best_splits(series)[0] >= statistic).sum()) / (_DRAWN + 1))


def _wandering(rest: Floats) -> float:
    """The AR(1) parameter, from 0 on; two means were taken out, so the bias of a short series counts twice."""
    total = float(rest @ rest)
    seen = float(rest[1:] @ rest[:-1]) / total if total > 0 else 0.0
    return float(np.clip(seen + 2 * (1 + 3 * max(seen, 0.0)) / len(rest), 0.0, _MOST_PHI))

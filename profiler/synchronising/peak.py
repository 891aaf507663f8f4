"""Where a train fits into the power that a meter saw: the shift at which its edges meet steps of the right sign."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.statistics import t_tail

# A step is the mean power after an edge less that before it, over stretches that no other edge lies in.
STRETCH_S: Final = 0.08
# A rise time of 2 ms moves the peak by about as much.
_SHIFT_S: Final = 0.005
# The chance that one look finds a peak in power that has nothing to do with the train; assumed.
FALSE_ALARM: Final = 1e-5
# Edges that fall into a gap are left out; of fewer than so many nothing is concluded.
LEAST_EDGES: Final = 6
_LEAST_SHARE: Final = 0.6
_BLOCK: Final = 4096

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Peak:
    """The best shift in seconds, its `height` in units of its own noise, and the chance that such a one is chance.

    `step_w` is the mean step. `second_chance` is that of the best shift elsewhere (1: there is none).
    """

    shift_s: float
    step_w: float
    height: float
    chance: float
    second_chance: float = 1.0

    @property
    def is_there(self) -> bool:
        """True if it is no accident."""
        return self.chance <= FALSE_ALARM

    @property
    def is_only_one(self) -> bool:
        """True if the train fits nowhere else."""
        return self.second_chance > FALSE_ALARM


def find_peak(t_s: Floats, power_w: Floats, edge_s: Floats, low_s: float, high_s: float) -> Peak | None:
    """The shift between `low_s` and `high_s` that brings the edges (begin, end, begin, ...) onto steps of the power.

    Readings at `t_s`, ascending, all finite. At each shift the steps at the edges, taken with their sign, are n values;
    their mean over its standard error is taken for Student's t if nothing matches (Bonferroni over the shifts that
    differ). None where too few edges have readings on both sides.
    """
    total_w = np.concatenate([[0.0], np.cumsum(power_w - np.median(power_w))]) if len(power_w) else np.zeros(1)
    shifts_s = np.arange(low_s, high_s + _SHIFT_S, _SHIFT_S)
    found = [
        _steps(t_s, total_w, shifts_s[first : first + _BLOCK, None] + edge_s)
        for first in range(0, len(shifts_s), _BLOCK)
    ]
    step_w, height, count = (np.concatenate(part) for part in zip(*found, strict=True))
    least = max(LEAST_EDGES, _LEAST_SHARE * len(edge_s))
    height[count < least] = -np.inf
    best = int(np.argmax(height))
    if not np.isfinite(height[best]):
        return None
    differ = max((high_s - low_s) / STRETCH_S, 1.0)
    away = np.abs(shifts_s - shifts_s[best]) > 2 * STRETCH_S
    elsewhere = np.where(away, height, -np.inf)
    second = int(np.argmax(elsewhere))
    near = np.where(np.abs(shifts_s - shifts_s[best]) <= STRETCH_S / 2, step_w, -np.inf)
    return Peak(
        float(shifts_s[int(np.argmax(near))]),
        float(np.max(near)),
        float(height[best]),
        _chance(height[best], count[best], differ),
        _chance(elsewhere[second], count[second], differ),
    )


def _steps(t_s: Floats, total_w: Floats, at_s: Floats) -> tuple[Floats, Floats, NDArray[np.intp]]:
    """Mean step, that over its standard error, and how many edges there were, for each row of `at_s`.

    Rises and falls may differ in size: where one is slow, its step is not over when the next edge comes.
    """
    begin, middle, end = (np.searchsorted(t_s, at_s + by_s) for by_s in (-STRETCH_S, 0.0, STRETCH_S))
    before, after = middle - begin, end - middle
    full = max(float(np.max(before, initial=0)), float(np.max(after, initial=0)))
    there = (before >= max(full / 2, 1)) & (after >= max(full / 2, 1))
    step_w = (total_w[end] - total_w[middle]) / np.maximum(after, 1)
    step_w -= (total_w[middle] - total_w[begin]) / np.maximum(before, 1)
    step_w *= np.where(np.arange(at_s.shape[1]) % 2, -1.0, 1.0)
    of_rises, of_falls = (_mean(step_w[:, first::2], there[:, first::2]) for first in (0, 1))
    mean_w, variance = (of_rises[0] + of_falls[0]) / 2, (of_rises[1] + of_falls[1]) / 4
    smallest_w = np.finfo(np.float64).eps * (1.0 + np.abs(mean_w))
    return mean_w, mean_w / np.maximum(np.sqrt(variance), smallest_w), there.sum(axis=1)


def _mean(step_w: Floats, there: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """The mean of each row and its variance; infinite of fewer than two."""
    count = there.sum(axis=1)
    mean_w = np.where(there, step_w, 0.0).sum(axis=1) / np.maximum(count, 1)
    squares = np.where(there, (step_w - mean_w[:, None]) ** 2, 0.0).sum(axis=1)
    return mean_w, np.where(count > 1, squares / np.maximum(count - 1, 1) / np.maximum(count, 1), np.inf)


def _chance(height: float, count: int, shifts: float) -> float:
    if not height > 0 or count < LEAST_EDGES:
        return 1.0
    return min(shifts * t_tail(float(height), float(count - 2)), 1.0)

"""When a sensor that is looked at often gives new values: its update period, and its readings one by one.

A look at t shows a change if an update fell between the look before it and t. Of a regular sensor the updates lie at
phase + k T, and every change bounds both: what is left is a polygon, and with nothing else known each point of it is as
likely as another. A sensor whose updates fit no such grid is irregular; its mean period then comes from regression.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.gauging.found import Floats, Found, Undecided, highest_density
from edgewatt.profiler.statistics import LEVEL, t_quantile

# Fewer changes show no rhythm.
LEAST_CHANGES: Final = 5
# A sensor that changes at nearly every look may change more often than that.
LEAST_LOOKS: Final = 2.5
# A value that stands for one look is a torn read where values usually stand for so many, and such are rare.
_STANDS, _TORN = 4, 0.1
_CELLS: Final = 400
_UPPER: Final = (1 + LEVEL) / 2


@dataclass(frozen=True, slots=True, eq=False)
class Updates:
    """m updates: the instant of each, how unsure that is, its value, and the looks (first, last) that saw it.

    `phase_u_s` is common to all instants, `own_u_s` (shape [m]) is not. `poll_s` is how often it was looked at.
    """

    at_s: Floats
    own_u_s: Floats
    value: Floats
    first: NDArray[np.intp]
    last: NDArray[np.intp]
    period: Found | Undecided
    phase_u_s: float
    poll_s: float
    is_regular: bool

    def held(self, values: Floats) -> Floats:
        """What another column of the same looks said while each value stood; NaN where it said nothing."""
        return np.array([_median(values[a : b + 1]) for a, b in zip(self.first, self.last, strict=True)])


@dataclass(frozen=True, slots=True, eq=False)
class _Changes:
    """n changes: after which instant, at which at the latest, and at which look the new value was seen."""

    after_s: Floats
    until_s: Floats
    look: NDArray[np.intp]

    @property
    def middle_s(self) -> Floats:
        return np.asarray((self.after_s + self.until_s) / 2)


def updates_of(t_s: Floats, values: Floats) -> Updates | Undecided:
    """The updates behind looks at ascending `t_s`, shape [n]; `values` as shown, NaN where nothing was."""
    values = _mended(values)
    seen = np.flatnonzero(np.isfinite(values))
    if len(seen) < 3:
        return Undecided("it shows no values")
    poll_s = float(np.median(np.diff(t_s)))
    changed = np.flatnonzero(np.diff(values[seen]) != 0)
    changes = _Changes(t_s[seen[changed]], t_s[seen[changed + 1]], seen[changed + 1])
    if len(changed) < LEAST_CHANGES:
        lasted_s = t_s[-1] - t_s[0]
        return Undecided(f"its value changed {len(changed)} times in {lasted_s:.0f} s")
    rough_s = _rough_period_s(changes)
    if rough_s < LEAST_LOOKS * poll_s:
        reason = f"it changes at nearly every look: it is updated every {rough_s:.2g} s or more often"
        return _by_change(changes, values, Undecided(reason), poll_s)
    count = np.concatenate([[0.0], np.cumsum(_counts(changes, rough_s))])
    grid = _grid(changes, count)
    if grid is None:
        return _by_change(changes, values, _irregular(changes, count), poll_s)
    return _by_grid(grid, (t_s, values), poll_s)


def _mended(values: Floats) -> Floats:
    """Without what stood for one look only, where values as a rule stand for several: those are torn reads."""
    begins = np.flatnonzero(np.diff(values, prepend=np.nan) != 0)
    lasted = np.diff(np.append(begins, len(values)))
    alone = begins[lasted == 1]
    if (
        not len(alone)
        or not (lasted > 1).any()
        or float(np.median(lasted[lasted > 1])) < _STANDS
        or len(alone) > _TORN * len(values)
    ):
        return values
    mended = values.copy()
    mended[alone] = np.nan
    return mended


def _rough_period_s(changes: _Changes) -> float:
    """The usual distance of changes that have no unseen update between them."""
    between_s = np.diff(changes.middle_s)
    short_s = float(np.percentile(between_s, 25))
    return float(np.median(between_s[between_s <= 1.5 * short_s]))


def _counts(changes: _Changes, rough_s: float) -> Floats:
    """How many periods lie between each change and the next: some updates brought the same value again."""
    between_s = np.diff(changes.middle_s)
    counts = np.maximum(np.round(between_s / rough_s), 1.0)
    better_s = float(between_s.sum() / counts.sum())
    return np.asarray(np.maximum(np.round(between_s / better_s), 1.0))


@dataclass(frozen=True, slots=True)
class _Grid:
    period: Found
    phase_s: float
    phase_u_s: float


def _grid(changes: _Changes, count: Floats) -> _Grid | None:
    """The regular updates that fit all changes; None where none do. The phase is that of the middle of them."""
    k = count - np.round(count[-1] / 2)
    apart = k[None, :] - k[:, None]
    later = apart > 0
    slowest = (changes.until_s[None, :] - changes.after_s[:, None])[later] / apart[later]
    fastest = (changes.after_s[None, :] - changes.until_s[:, None])[later] / apart[later]
    low_s, high_s = float(fastest.max()), float(slowest.min())
    if not low_s < high_s:
        return None
    cell_s = (high_s - low_s) / _CELLS
    period_s: Floats = np.asarray(low_s + cell_s * (np.arange(_CELLS) + 0.5), np.float64)
    first_s = (changes.after_s - k * period_s[:, None]).max(axis=1)
    last_s = (changes.until_s - k * period_s[:, None]).min(axis=1)
    room_s = np.maximum(last_s - first_s, 0.0)
    if not room_s.any():
        return None
    share = room_s / room_s.sum()
    middle_s = (first_s + last_s) / 2
    phase_s = float(share @ middle_s)
    spread = float(share @ (room_s**2 / 12 + (middle_s - phase_s) ** 2))
    return _Grid(highest_density(period_s, np.asarray(room_s)), phase_s, math.sqrt(spread))


def _irregular(changes: _Changes, count: Floats) -> Found:
    """The mean period of updates that come early and late.

    Either around a grid, by the slope of least squares; or each some time after the one before, by the mean distance,
    where deviations add up: then those from the line outgrow those of single distances.
    """
    middle_s = changes.middle_s
    slope_s, start_s = np.polyfit(count, middle_s, 1)
    off_s = middle_s - start_s - slope_s * count
    steps, n = np.diff(count), len(count)
    mean_s = float((middle_s[-1] - middle_s[0]) / count[-1])
    single_s = (np.diff(middle_s) - mean_s * steps) / np.sqrt(steps)
    scale = float(off_s @ off_s) / max(n - 2, 1)
    if scale <= float(single_s @ single_s) / (n - 1):
        u_s = math.sqrt(scale / float(np.sum((count - count.mean()) ** 2)))
        return _student(float(slope_s), u_s, n - 2)
    u_s = math.sqrt(float(single_s @ single_s) / (n - 2) / count[-1])
    return _student(mean_s, u_s, n - 2)


def _student(value: float, u: float, df: int) -> Found:
    half = t_quantile(_UPPER, df) * u
    return Found(value, value - half, value + half, u)


def _by_grid(grid: _Grid, looks: tuple[Floats, Floats], poll_s: float) -> Updates:
    """An update per period, also where it brought the value that stood before it."""
    t_s, values = looks
    period_s = grid.period.value
    first_k = math.ceil((t_s[0] - grid.phase_s) / period_s)
    last_k = math.floor((t_s[-1] - grid.phase_s) / period_s)
    at_s = grid.phase_s + period_s * np.arange(first_k, last_k + 1)
    first = np.searchsorted(t_s, at_s + grid.phase_u_s, "left")
    last = np.minimum(np.searchsorted(t_s, at_s + period_s - grid.phase_u_s, "right") - 1, len(t_s) - 1)
    shown = np.array([_median(values[a : b + 1]) for a, b in zip(first, last, strict=True)])
    there = np.isfinite(shown) & (last >= first)
    return Updates(
        at_s[there],
        np.zeros(int(there.sum())),
        shown[there],
        first[there],
        last[there],
        grid.period,
        grid.phase_u_s,
        poll_s,
        is_regular=True,
    )


def _by_change(changes: _Changes, values: Floats, period: Found | Undecided, poll_s: float) -> Updates:
    """An update per change, some time between two looks."""
    last = np.append(changes.look[1:] - 1, len(values) - 1)
    shown = values[changes.look]
    own_u_s = (changes.until_s - changes.after_s) / math.sqrt(12)
    return Updates(changes.middle_s, own_u_s, shown, changes.look, last, period, 0.0, poll_s, is_regular=False)


def _median(values: Floats) -> float:
    """The middle one of those that are there, never a mean of two; NaN of none."""
    there = np.sort(values[np.isfinite(values)])
    return float(there[len(there) // 2]) if len(there) else math.nan

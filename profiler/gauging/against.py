"""A sensor against a meter that sees the same: sensor = gain x meter + zero, by least squares on the meter.

Each value that the sensor published is set against the mean of what the meter saw over the sensor's own window, lag and
window being fitted as well (response.py): whatever the load does, both speak of the same time. Errors of both: the
meter's noise m over a window flattens the slope by m^2 / var(meter) (Fuller 1987, section 1.1), which is taken
out; what the meter may be wrong by as a whole (its stated gain and zero) comes on top, as no least squares sees it.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from edgewatt.profiler.channel import Accuracy
from edgewatt.profiler.gauging.drive import Drive
from edgewatt.profiler.gauging.found import Floats, Found, Undecided
from edgewatt.profiler.gauging.response import POINT_S, Limits, Readings, Response, fit_response
from edgewatt.profiler.statistics import LEVEL, t_quantile

# Levels of the load: parts of its range, each with so many values. Two of them show no curvature: a sensor is then
# taken to be straight in between within 1 % of its slope (standard uncertainty, assumed).
_PARTS: Final = 8
LEAST_LEVELS: Final = 2
STRAIGHT_FROM: Final = 3
UNSEEN_BEND: Final = 0.01
_LEAST_IN_LEVEL: Final = 3
# A sensor of the same thing reads neither half nor twice of it (Jetson rails: up to 50 % low, second-hand).
GAIN: Final = (0.4, 2.5)
_UPPER: Final = (1 + LEVEL) / 2
_WIDE: Final = t_quantile(_UPPER, math.inf)


@dataclass(frozen=True, slots=True)
class Line:
    """sensor = gain x meter + zero (in the meter's unit), between `low` and `high` of the meter.

    `gain` and `zero` are relative to the meter as it reads; `gain_true`, `zero_true` hold what it may be wrong by too
    (None: nobody stated it). `covariance` is that of gain and zero. `residual` is the standard deviation of single
    values (of the middle ones), `bend` how far the median of a level is off the line at most.
    """

    gain: Found
    zero: Found
    covariance: float
    gain_true: Found | None
    zero_true: Found | None
    residual: float
    bend: float
    low: float
    high: float
    levels: int
    values: int
    lag: Found
    window: Found | Undecided


def line_of(
    readings: Readings, meter_s: Floats, meter: Floats, limits: Limits, accuracy: Accuracy | None
) -> Line | Undecided:
    """The line of a sensor's readings against a meter's points (shape [n], ascending instants of the same clock)."""
    readings = _seen_by_both(readings, meter_s, limits)
    found = fit_response(readings, Drive.of_samples(meter_s, meter), limits, np.empty((len(readings.value), 0)))
    if isinstance(found, Undecided):
        return Undecided("it does not follow what the meter sees: that meter feeds something else, or nothing changed")
    levels, bend = _levels(found)
    if levels < LEAST_LEVELS:
        return Undecided(
            f"the load had {levels} level as this sensor sees it, {LEAST_LEVELS} are needed to tell a slope"
        )
    share = _flattened(found, meter_s, meter)
    if share > 0.5:
        return Undecided("the meter's own noise is as large as the steps of the load")
    return _line(found, 1 / (1 - share), (levels, bend), accuracy)


def _seen_by_both(readings: Readings, meter_s: Floats, limits: Limits) -> Readings:
    """The readings whose window lies where the meter measured, whatever the lag; at most a fifth are lost."""
    before_s = min(limits.lag_high_s + limits.window_high_s, float(meter_s[-1] - meter_s[0]) / 5)
    inside = (readings.at_s >= meter_s[0] + before_s) & (readings.at_s <= meter_s[-1] + limits.lag_low_s)
    return Readings(readings.at_s[inside], readings.value[inside], readings.u_s[inside])


def _levels(found: Response) -> tuple[int, float]:
    """How many parts of the range of loads have values, and how far the median of one lies off the line at most."""
    low, high = float(found.load.min()), float(found.load.max())
    part = np.minimum(((found.load - low) / max(high - low, 1e-300) * _PARTS).astype(int), _PARTS - 1)
    counts = np.bincount(part, minlength=_PARTS)
    used = np.flatnonzero(counts >= _LEAST_IN_LEVEL)
    # A value of a point that straddles an edge is far off and says nothing of the level: the median leaves it out.
    off = [abs(float(np.median(found.residual[part == of]))) for of in used]
    return len(used), max(off, default=0.0)


def _flattened(found: Response, meter_s: Floats, meter: Floats) -> float:
    """Which share of the spread of the loads is the meter's noise: that of its points, over as many as a window has."""
    between = np.diff(meter)
    noise = 1.4826 * float(np.median(np.abs(between - np.median(between)))) / math.sqrt(2)
    every_s = float(np.median(np.diff(meter_s)))
    window_s = found.window.value if isinstance(found.window, Found) else POINT_S
    in_window = max(window_s / every_s, 1.0)
    spread = float(np.var(found.load))
    return noise**2 / in_window / spread if spread > 0 else 1.0


def _line(found: Response, factor: float, seen: tuple[int, float], accuracy: Accuracy | None) -> Line:
    """The line with the flattening taken out: a slope that is steeper by `factor`, about the mean load."""
    levels, bend = seen
    gain = found.size.times(factor)
    mean = float(found.load.mean())
    zero = found.level.moved(-mean * found.size.value * (factor - 1))
    low, high = float(found.load.min()), float(found.load.max())
    gain_true = zero_true = None
    if accuracy is not None:
        # What the line bends by is as much as a slope may be wrong by over the range of loads.
        bent = bend / max(high - low, 1e-300) / math.sqrt(3)
        if levels < STRAIGHT_FROM:
            bent = math.hypot(bent, UNSEEN_BEND * abs(gain.value))
        gain_true = gain.widened(math.hypot(abs(gain.value) * accuracy.gain_rel, bent))
        zero_true = zero.widened(math.hypot(abs(gain.value) * accuracy.offset, bend / math.sqrt(3)))
    return Line(
        gain,
        zero,
        found.covariance * factor,
        gain_true,
        zero_true,
        1.4826 * float(np.median(np.abs(found.residual))),
        bend,
        low,
        high,
        levels,
        len(found.load),
        found.lag,
        found.window,
    )

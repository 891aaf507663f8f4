"""Over which time a sensor averages, from what it said of pulses of load whose edges are known.

Power does not step with the load: it is felt some milliseconds late, and rises and falls in a few more. Both are fitted
beside the window, since a window alone would take them in.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.clock import NS_PER_S
from edgewatt.profiler.synchronising.train import Edges

# What is tried first: averaging over 1 ms to 2 s, a load felt up to 60 ms late, and how fast power follows it.
WINDOWS_S: Final = np.geomspace(0.001, 2.0, 50)
DELAYS_S: Final = (0.0, 0.01, 0.02, 0.04, 0.06)
RISES_S: Final = (0.001, 0.01)
# Then all are moved by these steps and by ever smaller ones, eight times halved; the window by a factor.
STEPS: Final = (0.25, 0.004, 0.004, 0.004)
HALVINGS: Final = 8
LEAST_S: Final = 1e-4
# Less is explained by something else than this load.
LEAST_EXPLAINED: Final = 0.9
LEAST_UPDATES: Final = 20
# 95 % of a chi-square with one degree of freedom; windows that far away are tried for the interval.
_CHI2: Final = 3.84
_AWAY: Final = np.geomspace(1.01, 32.0, 36)

Floats = NDArray[np.float64]
_Shape = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class WindowFit:
    """The window, between `low_s` and `high_s` at 95 %; what the load does is described by the rest.

    It was felt `delay_s` late, rose and fell with the time constants `rise_s` and `fall_s`, and drew `step_w` watts
    above idle; `explained` is the share of the variance that the fit explains, of `updates`.
    """

    window_s: float
    low_s: float
    high_s: float
    delay_s: float
    rise_s: float
    fall_s: float
    step_w: float
    explained: float
    updates: int


def fit_window(t_ns: NDArray[np.int64], power_w: Floats, edges: Edges) -> WindowFit | None:
    """The boxcar that fits best: power at update t is idle + step x (mean of the load over [t - delay - W, t - delay]).

    `t_ns` int64 [n] are the updates of the sensor on the clock of the edges, `power_w` float64 [n] its values. None for
    too few of them, or where no window explains them. Least squares; the interval is where the sum of squares, with the
    rest fitted anew, stays below the least one times 1 + chi2 / (n - 6).
    """
    kept = np.isfinite(power_w)
    t_s, watts = (t_ns[kept] - edges.middle_ns) / NS_PER_S, power_w[kept]
    spread = float(np.sum((watts - watts.mean()) ** 2)) if len(watts) else 0.0
    if len(watts) < LEAST_UPDATES or spread <= 0:
        return None
    pulses = edges.seconds[::2], edges.seconds[1::2]
    tried = [(float(w), r, r, d) for w in WINDOWS_S for r in RISES_S for d in DELAYS_S]
    start = min(tried, key=lambda shape: _rest(t_s, watts, pulses, shape)[0])
    best, least = _descend(t_s, watts, pulses, start, fixed=False)
    least = max(least, 1e-9 * spread)
    _, step_w = _rest(t_s, watts, pulses, best)
    if 1 - least / spread < LEAST_EXPLAINED or step_w <= 0:
        return None
    limit = least * (1 + _CHI2 / (len(watts) - 6))
    low_s, high_s = (_bound(t_s, watts, pulses, best, limit, sign) for sign in (-1, 1))
    return WindowFit(best[0], low_s, high_s, best[3], best[1], best[2], step_w, 1 - least / spread, len(watts))


def _bound(t_s: Floats, watts: Floats, pulses: tuple[Floats, Floats], best: _Shape, limit: float, sign: int) -> float:
    """The first window away from the best that fits too badly."""
    shape = best
    for away in _AWAY.tolist():
        shape, rest = _descend(t_s, watts, pulses, (best[0] * away**sign, *shape[1:]), fixed=True)
        if rest > limit:
            break
    return shape[0]


def _descend(
    t_s: Floats, watts: Floats, pulses: tuple[Floats, Floats], start: _Shape, *, fixed: bool
) -> tuple[_Shape, float]:
    """The shape from which no smaller step leads down, and what it leaves; the window stays where it is `fixed`."""
    shape, rest = start, _rest(t_s, watts, pulses, start)[0]
    for halving in range(HALVINGS):
        moved = True
        while moved:
            moved = False
            for at in range(1 if fixed else 0, len(STEPS)):
                for sign in (-1, 1):
                    candidate = _moved(shape, at, sign * STEPS[at] / 2**halving)
                    left = _rest(t_s, watts, pulses, candidate)[0]
                    if left < rest * (1 - 1e-6):
                        shape, rest, moved = candidate, left, True
    return shape, rest


def _moved(shape: _Shape, at: int, step: float) -> _Shape:
    values = list(shape)
    values[at] = values[at] * math.exp(step) if at == 0 else max(values[at] + step, 0.0 if at == 3 else LEAST_S)
    return values[0], values[1], values[2], values[3]


def _rest(t_s: Floats, watts: Floats, pulses: tuple[Floats, Floats], shape: _Shape) -> tuple[float, float]:
    """The sum of squares that a shape (window, rise, fall, delay) leaves, and the step of power that goes with it."""
    window_s, rise_s, fall_s, delay_s = shape
    end = _load_s(t_s - delay_s, pulses, rise_s, fall_s)
    share = (end - _load_s(t_s - delay_s - window_s, pulses, rise_s, fall_s)) / window_s
    about, above = share - share.mean(), watts - watts.mean()
    square = float(about @ about)
    if square <= 0:
        return math.inf, 0.0
    step_w = float(about @ above) / square
    return float(above @ above) - step_w * float(about @ above), step_w


def _load_s(t_s: Floats, pulses: tuple[Floats, Floats], rise_s: float, fall_s: float) -> Floats:
    """The integral of the load up to each time, in seconds of full load.

    A pulse reaches 1 - exp(-t / rise) and goes from there with exp(-t / fall); what is left of it at the next pulse is
    added to that one's.
    """
    begin_s, end_s = pulses
    lengths_s = end_s - begin_s
    reached = -np.expm1(-lengths_s / rise_s)
    whole_s = lengths_s - rise_s * reached + fall_s * reached
    before_s = np.concatenate(([0.0], np.cumsum(whole_s)))
    at = np.searchsorted(begin_s, t_s, "right") - 1
    inside = np.maximum(at, 0)
    on_s = np.clip(t_s - begin_s[inside], 0.0, lengths_s[inside])
    off_s = np.maximum(t_s - end_s[inside], 0.0)
    risen = on_s + rise_s * np.expm1(-on_s / rise_s)
    fallen = -fall_s * reached[inside] * np.expm1(-off_s / fall_s)
    return np.asarray(np.where(at < 0, 0.0, before_s[inside] + risen + fallen), np.float64)

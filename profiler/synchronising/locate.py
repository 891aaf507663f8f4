"""Does this meter feed this device, and how far apart are their clocks? Asked of one train of pulses."""

import math
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.statistics import LEVEL, t_quantile
from edgewatt.profiler.synchronising.fit import Fitted, fit_offset
from edgewatt.profiler.synchronising.peak import STRETCH_S, Peak, find_peak
from edgewatt.profiler.synchronising.response import Means
from edgewatt.profiler.synchronising.train import SHORTEST_S, Edges

NO_PEAK: Final = "no_sync_peak"
AMBIGUOUS: Final = "sync_ambiguous"
NOT_SEEN: Final = "sync_not_sampled"
TOO_SLOW: Final = "sync_too_slow"
UNSURE: Final = "sync_unsure"

# How far apart two clocks are looked for, to either side; assumed, above the 3 s of issue 5.
SEARCH_S: Final = 5.0
# Faster readings are joined to means of so long; what is lost of a rise time of 2 ms is little.
_MEAN_S: Final = 0.001
# Before the first edge and after the last.
_MARGIN_S: Final = 0.3
# A meter with fewer readings than two per stretch shows no steps.
_LONGEST_INTERVAL_S: Final = STRETCH_S / 2
# An offset less sure than that is none: a quarter of the shortest pulse.
_LEAST_SURE_S: Final = 0.025
_WIDE: Final = t_quantile((1 + LEVEL) / 2, math.inf)

Floats = NDArray[np.float64]
Instants = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Power:
    """What a meter saw, on its own clock: each of n values is the mean from `begin_ns` to `end_ns` (equal: a point).

    In order of time, shape [n] each; NaN where it was not measured.
    """

    begin_ns: Instants
    end_ns: Instants
    power_w: Floats

    @classmethod
    def points(cls, t_ns: Instants, power_w: Floats, window_s: float = 0.0) -> Self:
        """Values at `t_ns`, of a sensor that averages over `window_s` around them."""
        half_ns = round(window_s * 1e9 / 2)
        return cls(t_ns - half_ns, t_ns + half_ns, power_w)


@dataclass(frozen=True, slots=True)
class Located:
    """The meter's clock is `offset_ns` ahead of the device's at `at_ns` of the device's.

    `u_offset_s` is a standard uncertainty: 1.96 of it hold 95 %. `height` is the peak in units of its noise. The power
    rises and falls by `step_w` with the time constants `rise_s` and `fall_s`; rises come `lag_s` later than falls
    (None: the meter is too slow to tell).
    """

    at_ns: int
    offset_ns: int
    u_offset_s: float
    height: float
    step_w: float
    rise_s: float
    fall_s: float
    lag_s: float | None


@dataclass(frozen=True, slots=True)
class NotLocated:
    """Why there is no offset: a reason code, and the figure behind it."""

    code: str
    why: str


def locate(edges: Edges, power: Power, *, near_ns: int = 0, search_s: float = SEARCH_S) -> Located | NotLocated:
    """Where the train lies in the power, its offset within `search_s` of `near_ns`.

    Another load on the very cores that execute the train is taken for its rise time, and can shift the offset by a
    millisecond or two; loads elsewhere only make it less sure.
    """
    origin_ns = edges.middle_ns
    begin_s, end_s, power_w = _around(power, origin_ns + near_ns, edges, search_s)
    edge_s = edges.seconds
    middle_s: Floats = (begin_s + end_s) / 2
    interval_s = float(np.median(np.diff(middle_s))) if len(middle_s) > 1 else math.inf
    if not len(middle_s):
        return NotLocated(NOT_SEEN, f"the meter has no readings within {search_s:g} s of the train")
    lasted_s = float(np.median(end_s - begin_s))
    if interval_s > _LONGEST_INTERVAL_S or lasted_s > SHORTEST_S:
        return NotLocated(
            TOO_SLOW,
            f"a reading every {interval_s:.2g} s, each a mean over {lasted_s:.2g} s; pulses of {SHORTEST_S:g} s ask "
            f"for one every {_LONGEST_INTERVAL_S:g} s",
        )
    peak = find_peak(middle_s, power_w, edge_s, -search_s, search_s)
    if peak is None:
        return NotLocated(NOT_SEEN, "the meter has too few readings around the edges of the train")
    if not peak.is_there:
        return NotLocated(
            NO_PEAK,
            f"the best fit is {peak.height:.1f} times its noise, and the chance of such a one {peak.chance:.1g}",
        )
    if not peak.is_only_one:
        return NotLocated(AMBIGUOUS, "the train fits at more than one place, as a periodic load does")
    return _fine(edges, near_ns, peak, (begin_s, end_s, power_w), interval_s)


def _around(power: Power, origin_ns: int, edges: Edges, search_s: float) -> tuple[Floats, Floats, Floats]:
    """Begins and ends in seconds since the origin, and the powers, of the readings that can matter."""
    reach_ns = round((search_s + _MARGIN_S) * 1e9) + (int(edges.end_ns[-1]) - int(edges.begin_ns[0])) // 2
    used = (np.abs(power.end_ns - origin_ns) <= reach_ns) & np.isfinite(power.power_w)
    begin_s = np.asarray((power.begin_ns[used] - origin_ns) * 1e-9, np.float64)
    end_s = np.asarray((power.end_ns[used] - origin_ns) * 1e-9, np.float64)
    return begin_s, end_s, power.power_w[used].astype(np.float64)


def _fine(
    edges: Edges, near_ns: int, peak: Peak, readings: tuple[Floats, Floats, Floats], interval_s: float
) -> Located | NotLocated:
    edge_s = edges.seconds
    low_s, high_s = edge_s[0] + peak.shift_s - _MARGIN_S, edge_s[-1] + peak.shift_s + _MARGIN_S
    inside = (readings[0] >= low_s) & (readings[1] <= high_s)
    begin_s, end_s, power_w = (values[inside] for values in readings)
    together = max(round(_MEAN_S / interval_s), 1)
    begin_s, end_s, power_w = _joined(begin_s, end_s, power_w, together, interval_s)
    shortest_s = float(np.min(np.diff(edge_s)))
    found = fit_offset(Means.of(begin_s, end_s), power_w, edge_s, peak.shift_s, shortest_s / (interval_s * together))
    if found is None or not _is_sure(found, peak):
        return NotLocated(UNSURE, "the train is there, and its offset cannot be fitted")
    u_s = math.hypot(
        found.u_offset_s * t_quantile((1 + LEVEL) / 2, found.df) / _WIDE, edges.bound_ns * 1e-9 / math.sqrt(3)
    )
    return Located(
        edges.middle_ns,
        near_ns + round(found.offset_s * 1e9),
        u_s,
        peak.height,
        found.step_w,
        found.rise_s,
        found.fall_s,
        found.lag_s,
    )


def _is_sure(found: Fitted, peak: Peak) -> bool:
    near = abs(found.offset_s - peak.shift_s) <= STRETCH_S
    return near and found.step_w > 0 and found.u_offset_s <= _LEAST_SURE_S


def _joined(
    begin_s: Floats, end_s: Floats, power_w: Floats, together: int, interval_s: float
) -> tuple[Floats, Floats, Floats]:
    """Means over `together` readings each; such as have a gap among them are left out. Points stand for an interval."""
    if together == 1:
        return begin_s, end_s, power_w
    if (begin_s == end_s).all():
        between_s = (begin_s[1:] + begin_s[:-1]) / 2
        apart = np.diff(begin_s) > 1.5 * interval_s
        half_s = interval_s / 2
        end_s = np.append(np.where(apart, begin_s[:-1] + half_s, between_s), begin_s[-1] + half_s)
        begin_s = np.concatenate([begin_s[:1] - half_s, np.where(apart, begin_s[1:] - half_s, between_s)])
    count = len(power_w) // together
    first, last = begin_s[: count * together : together], end_s[together - 1 : count * together : together]
    mean_w = power_w[: count * together].reshape(count, together).mean(axis=1)
    whole = last - first <= 1.5 * together * interval_s
    return first[whole], last[whole], mean_w[whole]

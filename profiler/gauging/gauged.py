"""What a phone's gauge is like, from looks at it while pulses of load ran: every property, or why it is not known."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from edgewatt.profiler.gauging.drive import Drive
from edgewatt.profiler.gauging.found import Floats, Found, Undecided
from edgewatt.profiler.gauging.meaning import Meaning, meaning_of
from edgewatt.profiler.gauging.resolution import resolution_of
from edgewatt.profiler.gauging.response import Limits, Readings, Response, fit_response
from edgewatt.profiler.gauging.updates import Updates, updates_of

# A look is stamped at the beginning of its row and the file read some ms later; the load begins within 0.2 ms of its
# stamp. Standard uncertainty, assumed.
STAMP_U_S: Final = 0.003
# Power follows a load with a time constant of 2 to 50 ms (measurement.md, a logarithmic normal whose middle 95 % that
# is): its mean and standard deviation. It looks like so much more lag.
RISE_S: Final = 0.014
RISE_U_S: Final = 0.0135
# A chip's heat, and its leakage with it, follow a load within some 20 s; assumed.
_HEAT_S: Final = 20.0
# Lags and windows are looked for up to so many periods.
_PERIODS: Final = 3.0
_LEAST_LIMIT_S: Final = 1.0
# A gauge changes about every 10 s at the slowest (second-hand: OnePlus 11).
SLOWEST_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Gauged:
    """What was found. Counts are the gauge's own numbers; times in seconds.

    `lag`: from the end of the stretch that a value speaks of until it can be read; `window`: how long that stretch is.
    `step` and `level` are by how much a busy core moves it, and where it stands without one.
    """

    period: Found | Undecided
    lag: Found | Undecided
    window: Found | Undecided
    resolution: Found | Undecided
    step: Found | Undecided
    level: float | None
    meaning: Meaning | Undecided
    looks: int
    poll_s: float | None


def gauged(t_s: Floats, counts: Floats, begin_s: Floats, end_s: Floats) -> Gauged:
    """From looks (shape [n]; NaN: nothing was shown) and pulses (shape [p] each) on one clock."""
    updates = updates_of(t_s, counts)
    resolution = resolution_of(counts)
    looks = int(np.isfinite(counts).sum())
    if isinstance(updates, Undecided):
        why = updates
        return Gauged(why, why, why, resolution, why, None, why, looks, None)
    response = response_to(updates, Drive.of_pulses(begin_s, end_s))
    if isinstance(response, Undecided):
        why = response
        return Gauged(updates.period, why, why, resolution, why, None, why, looks, updates.poll_s)
    common_u_s = math.hypot(updates.phase_u_s, STAMP_U_S)
    lag = response.lag.moved(-RISE_S).widened(math.hypot(common_u_s, RISE_U_S))
    window = response.window
    if isinstance(window, Found):
        # A load that rises slowly looks as if it were averaged.
        window = window.widened(RISE_S)
    return Gauged(
        updates.period,
        Found(max(lag.value, 0.0), max(lag.low, 0.0), max(lag.high, 0.0), lag.u),
        window if isinstance(window, Undecided) else _not_negative(window),
        resolution,
        response.size,
        float(np.median(updates.value)),
        meaning_of(response.size, float(np.median(np.abs(updates.value)))),
        looks,
        updates.poll_s,
    )


def response_to(updates: Updates, drive: Drive) -> Response | Undecided:
    """How the gauge answers pulses of load, a drift and heat beside it."""
    trends = np.column_stack([updates.at_s - updates.at_s.mean(), drive.followed(updates.at_s, _HEAT_S)])
    return fit_response(readings_of(updates), drive, limits_for(updates), trends)


def readings_of(updates: Updates, values: Floats | None = None) -> Readings:
    """The published values (or those of another column), with what is not known of each one's instant."""
    own_s = np.hypot(updates.own_u_s, math.hypot(updates.phase_u_s, STAMP_U_S, RISE_U_S / 2))
    return Readings(updates.at_s, updates.value if values is None else values, own_s)


def limits_for(updates: Updates, lag_low_s: float = 0.0) -> Limits:
    """Where lag and window are looked for."""
    period_s = updates.period.high if isinstance(updates.period, Found) else 2 * updates.poll_s
    most_s = max(_PERIODS * period_s, _LEAST_LIMIT_S)
    return Limits(lag_low_s, most_s, most_s)


def _not_negative(found: Found) -> Found:
    return Found(found.value, max(found.low, 0.0), found.high, found.u)

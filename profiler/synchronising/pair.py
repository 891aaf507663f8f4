"""Two trains, one at the start of a run and one at its end: the fit of a device's clock to that of a meter."""

import math
from dataclasses import dataclass
from typing import Final

from edgewatt.profiler.clockfit import ClockFit
from edgewatt.profiler.synchronising.locate import Located

# The bound of a clock fit is a rectangle; this one has the standard uncertainty that was found.
_RECTANGLE: Final = math.sqrt(3)


@dataclass(frozen=True, slots=True)
class Synchronised:
    """How a device's clock is mapped to a meter's; `u_drift` is None where one train had to do."""

    fit: ClockFit
    u_drift: float | None
    trains: tuple[Located, ...]


def synchronise(
    clock: str, trains: tuple[Located, ...], *, drift: float = 0.0, drift_bound: float = 0.0, away_ns: int = 0
) -> Synchronised:
    """The fit of `clock` (the device's) to the meter's, from one train or from the first and the last of several.

    The bound holds between the trains. With one train the drift is what else is known of it, wrong by up to
    `drift_bound`, which adds up over the `away_ns` that lie between the train and what is asked about. Raises
    ValueError without a train.
    """
    if not trains:
        raise ValueError("without a train there is no fit")
    first, last = trains[0], trains[-1]
    bound_ns = math.ceil(_RECTANGLE * max(train.u_offset_s for train in trains) * 1e9)
    apart_ns = last.at_ns - first.at_ns
    if apart_ns <= 0:
        widened_ns = bound_ns + math.ceil(drift_bound * away_ns)
        return Synchronised(ClockFit(clock, first.at_ns, first.offset_ns, drift, widened_ns), None, trains)
    found = (last.offset_ns - first.offset_ns) / apart_ns
    u_drift = math.hypot(first.u_offset_s, last.u_offset_s) * 1e9 / apart_ns
    return Synchronised(ClockFit(clock, first.at_ns, first.offset_ns, found, bound_ns), u_drift, trains)

"""Clocks whose fit cannot be that of a clock: what was set anew while it was measured."""

from collections.abc import Sequence
from typing import Final

from edgewatt.profiler.analysis.repeats import Repeat, to_host
from edgewatt.profiler.analysis.synchronised import MOST_DRIFT
from edgewatt.profiler.channel import EnergySource
from edgewatt.profiler.clock import HOST_CLOCK
from edgewatt.profiler.clockfit import ClockFit
from edgewatt.profiler.storage.trace import Trace

CLOCK_STEPPED: Final = "clock_stepped"


def stepped_between(trace: Trace, source: EnergySource, repeats: Sequence[Repeat]) -> tuple[str, ...]:
    """A reason per clock, of those that lie between a source's samples and the repeats, that was set meanwhile.

    A clock that was looked at twice has the drift that lies between the looks. More than clocks drift (MOST_DRIFT), and
    more than both looks may be wrong by, is a step; when it was, nobody knows. Raises NotMeasuredError for a clock that
    was never compared.
    """
    columns = trace.columns
    of_samples = {columns[column].clock for term in source.terms for column in term}
    of_windows = {repeat.window.clock for repeat in repeats}
    if of_samples == of_windows:
        return ()
    spans_ns = [to_host(trace, window) for window in trace.windows()]
    length_ns = max((t1_ns for _, t1_ns in spans_ns), default=0) - min((t0_ns for t0_ns, _ in spans_ns), default=0)
    fits = [trace.clock_fit(clock) for clock in sorted(of_samples | of_windows) if clock != HOST_CLOCK]
    return tuple(_said(fit) for fit in fits if length_ns > 0 and is_stepped(fit, length_ns))


def is_stepped(fit: ClockFit, length_ns: int) -> bool:
    """Whether a fit over so long a time drifts by more than clocks do."""
    return abs(fit.drift) > MOST_DRIFT + 2 * fit.bound_ns / length_ns


def _said(fit: ClockFit) -> str:
    return f"{CLOCK_STEPPED}:{fit.clock}: it seems to drift by {fit.drift * 1e6:.0f} ppm, and clocks do by 600 at most"

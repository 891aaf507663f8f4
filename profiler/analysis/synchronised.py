"""How a meter's clock and that of the device it feeds lie, from the trains of pulses at the start and end of a run.

The window of a train (`sync/start`, `sync/end`) holds in its attributes what `train_attributes` makes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from edgewatt.profiler.analysis.repeats import Repeat, to_host
from edgewatt.profiler.channel import EnergySource
from edgewatt.profiler.clockfit import ClockFit
from edgewatt.profiler.energy.power import power_between
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.checked import TEXT, WHOLE, Rule, list_of, shown
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.synchronising.locate import SEARCH_S, TOO_SLOW, Located, NotLocated, locate
from edgewatt.profiler.synchronising.pair import Synchronised, synchronise
from edgewatt.profiler.synchronising.train import Edges
from edgewatt.profiler.window import SYNC_END, SYNC_START, Window

# The reason code where one of the trains was not found, and the drift is that of the echoes.
ONE_TRAIN: Final = "sync_drift_unknown"
# The reason code where the trains lie further apart, or closer, than clocks run: one of them jumped, or samples were
# miscounted. Windows between the trains may then lie anywhere in between.
UNEVEN: Final = "sync_drift_implausible"
# Two crystals within 50 ppm each (assumed), and a kernel that slews its clock by 500 ppm (documented: ntp_adjtime(2)).
MOST_DRIFT: Final = 6e-4
# What is not known of the drift with one train, as in running/clocks.py.
DRIFT_UNKNOWN: Final = 1e-4
# Between the name of a source and that of the clock, where the manifest holds the fit.
TIE: Final = "~"

_PAIR: Final = Rule(
    "a begin and an end in ns",
    lambda value: isinstance(value, list) and len(value) == 2 and all(map(WHOLE.holds, value)),
)
_ATTRIBUTES: Final = {"edges_ns": list_of(_PAIR), "bound_ns": WHOLE, "sources": list_of(TEXT)}


@dataclass(frozen=True, slots=True)
class SourceClock:
    """What the trains say of one source: the fit of the device's clock to its own, or why there is none.

    `is_refused`: it did not see them, so that it feeds something else. A meter too slow for pulses is not refused.
    """

    clock: str
    found: Synchronised | None
    reasons: tuple[str, ...] = ()
    is_refused: bool = False

    @property
    def bounds_s(self) -> tuple[float, ...] | None:
        """What is left between windows and samples; None: what the echoes leave."""
        return None if self.found is None else (self.found.fit.bound_ns / 1e9,)

    def moved(self, repeats: Sequence[Repeat]) -> list[Repeat]:
        """The repeats where this source saw them."""
        return [self._moved(repeat) for repeat in repeats]

    def _moved(self, repeat: Repeat) -> Repeat:
        window = repeat.window
        if self.found is None or window.clock != self.clock:
            return repeat
        t0_ns, t1_ns = self.found.fit.to_host(np.asarray([window.t0_ns, window.t1_ns], np.int64)).tolist()
        return replace(repeat, t0_ns=t0_ns, t1_ns=t1_ns)


def train_attributes(edges: Edges, sources: Sequence[str]) -> dict[str, Any]:
    """What the window of a train keeps: its edges on the window's clock, and which sources should have seen them."""
    pairs = np.stack([edges.begin_ns, edges.end_ns], axis=1).tolist()
    return {"edges_ns": pairs, "bound_ns": edges.bound_ns, "sources": list(sources)}


def source_clock(trace: Trace, source: EnergySource) -> SourceClock | None:
    """What the trains of a run say of a source; None: none was meant for it. Raises UsageError for a damaged one."""
    trains = [
        (window, edges)
        for window in trace.windows("sync/")
        if window.name in {SYNC_START, SYNC_END}
        for edges, sources in [_told(trace, window)]
        if source.name in sources
    ]
    if not trains:
        return None
    clocks = {window.clock for window, _ in trains}
    if len(clocks) > 1:
        raise UsageError(
            f"{trace.path}: the trains are stamped by {' and '.join(sorted(clocks))}; one clock is expected"
        )
    clock = clocks.pop()
    looks = [_look(trace, source, window, edges) for window, edges in sorted(trains, key=lambda train: train[0].t0_ns)]
    found = tuple(look for look in looks if isinstance(look, Located))
    refused = [f"{look.code}: {look.why}" for look in looks if isinstance(look, NotLocated)]
    if not found:
        is_slow = all(look.code == TOO_SLOW for look in looks if isinstance(look, NotLocated))
        return SourceClock(clock, None, tuple(dict.fromkeys(refused)), is_refused=not is_slow)
    known = trace.clock_fit(clock)
    if len(found) == len(looks) > 1:
        both = synchronise(clock, found)
        return SourceClock(clock, both, _uneven(both))
    spans_ns = [at for window in trace.windows() if window.clock == clock for at in (window.t0_ns, window.t1_ns)]
    away_ns = max(abs(at - found[0].at_ns) for at in spans_ns)
    one = synchronise(clock, found, drift=known.drift, drift_bound=DRIFT_UNKNOWN, away_ns=away_ns)
    return SourceClock(clock, one, (": ".join([ONE_TRAIN, *refused]),))


def _uneven(both: Synchronised) -> tuple[str, ...]:
    drift, u_drift = both.fit.drift, both.u_drift or 0.0
    return (f"{UNEVEN}: {drift * 1e6:.0f} ppm",) if abs(drift) > MOST_DRIFT + 3 * u_drift else ()


def tie_of(source: EnergySource, fit: ClockFit) -> ClockFit:
    """The fit as the manifest holds it: of the device's clock as that source has it."""
    return replace(fit, clock=f"{source.name}{TIE}{fit.clock}")


def _look(trace: Trace, source: EnergySource, window: Window, edges: Edges) -> Located | NotLocated:
    """The surest of what the flows of a source say; the clearest refusal if all refuse."""
    t0_ns, t1_ns = to_host(trace, window)
    middle_ns = int(trace.clock_fit(window.clock).to_host(np.asarray([edges.middle_ns], np.int64))[0])
    reach_ns = round((SEARCH_S + 1.0) * 1e9) + (int(edges.end_ns[-1]) - int(edges.begin_ns[0]))
    looks = [
        locate(edges, power, near_ns=middle_ns - edges.middle_ns)
        for power in power_between(trace, source, min(t0_ns, middle_ns) - reach_ns, max(t1_ns, middle_ns) + reach_ns)
    ]
    found = [look for look in looks if isinstance(look, Located)]
    return min(found, key=lambda look: look.u_offset_s) if found else looks[0]


def _told(trace: Trace, window: Window) -> tuple[Edges, list[str]]:
    """The edges of a train and the sources that should have seen it."""
    told: Mapping[str, Any] = window.attributes
    for key, rule in _ATTRIBUTES.items():
        if not rule.holds(told.get(key)):
            raise UsageError(
                f"{trace.path}: window {shown(window.name)}: {key} is {shown(told.get(key))}, expected "
                f"{rule.expected}; restore windows.parquet as it was recorded"
            )
    try:
        return Edges.of([(begin, end) for begin, end in told["edges_ns"]], told["bound_ns"]), told["sources"]
    except ValueError as error:
        raise UsageError(f"{trace.path}: window {shown(window.name)}: {error}; restore windows.parquet") from None

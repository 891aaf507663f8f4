"""At which frequencies the clusters ran in each measured window, and whether those that were pinned held.

What was pinned stands in a window's attribute `pinned_hz` (a pin of that repeat alone), else in the run's condition of
that name: hertz by the name of the cluster's frequency channel. That it was set says nothing: a governor, a service of
the maker's or heat may have changed it since, so that it is read from what was recorded in the window. Time in each
state (kernel Documentation/cpu-freq/cpufreq-stats.rst) sees every change; samples see what lasts.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.checked import NUMBER, shown
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.units import Quantity
from edgewatt.profiler.window import Window

PINNED: Final = "pinned_hz"
NOT_HELD, NOT_VERIFIED = "pin_not_held", "pin_not_verified"
# Drivers that measure a frequency (APERF and MPERF on x86) never give the very step; steps lie 4 % apart or more on
# every phone that we know. Assumed.
TOLERANCE_REL: Final = 0.02
# Ticks at the edges of a window; assumed.
LEAST_SHARE: Final = 0.99
# More clusters than any phone has; of a server's processors the first.
CLUSTERS: Final = 16
# A driver that measures gives another number each time: then they are counted in bins.
STEPS: Final = 64
BIN_HZ: Final = 50e6

_CLUSTER: Final = re.compile(r"(cpu|gpu)[0-9]{0,4}")
_STATE: Final = re.compile(r"((?:cpu|gpu)[0-9]{0,4})_([0-9]{3,10})khz")
# By how the name of what executed begins: TFLite's libraries for processors, and where nobody says.
_UNITS: Final = {"cpu": "cpu", "xnnpack": "cpu", "ynnpack": "cpu", "gpu": "gpu"}

Shares = Mapping[float, float]


@dataclass(frozen=True, slots=True)
class Frequencies:
    """Of one window: the share of its time at each frequency in hertz by cluster, and what its pins came to.

    `frequency_hz` is that of the fastest cluster of what executed, None unless it was pinned and every pin held.
    """

    frequency_hz: float | None = None
    reasons: tuple[str, ...] = ()
    shares: Mapping[str, Shares] = field(default_factory=dict)

    def to_json(self) -> dict[str, dict[str, float]]:
        """The shares as plain JSON: by cluster and by frequency in whole hertz."""
        return {name: {f"{hz:.0f}": round(share, 6) for hz, share in of.items()} for name, of in self.shares.items()}


def frequencies(
    trace: Trace, windows: Sequence[Window], spans_ns: NDArray[np.int64], units: Sequence[str | None]
) -> list[Frequencies]:
    """What the run shows of each window, whose span is int64 [n, 2] on the host's clock, executed by `units`.

    Raises UsageError for pins that are none.
    """
    pins = [_pins(trace, window) for window in windows]
    named = [name for name in _clusters(trace) if any(name in one for one in pins)]
    wanted = dict.fromkeys([*_clusters(trace)[:CLUSTERS], *named])
    sampled = {name: _sampled(trace, name, spans_ns) for name in wanted}
    counted = {name: of for name in wanted if (of := _counted(trace, name, spans_ns)) is not None}
    return [
        _of_window(
            pins[k],
            units[k],
            {name: of[k] for name, of in sampled.items()},
            {name: shares for name, of in counted.items() if (shares := of[k]) is not None},
        )
        for k in range(len(windows))
    ]


def _of_window(
    pins: Mapping[str, float], unit: str | None, sampled: Mapping[str, Shares], counted: Mapping[str, Shares]
) -> Frequencies:
    shares = {name: counted.get(name) or sampled.get(name, {}) for name in dict.fromkeys((*sampled, *counted))}
    reasons = []
    for name, hz in pins.items():
        seen = [of for of in (sampled.get(name), counted.get(name)) if of]
        if not seen:
            reasons.append(f"{NOT_VERIFIED}:{name}")
        elif not (_holds(sampled.get(name), hz, 1.0) and _holds(counted.get(name), hz, LEAST_SHARE)):
            reasons.append(f"{NOT_HELD}:{name}")
    kind = next((of for begins, of in _UNITS.items() if (unit or "cpu").startswith(begins)), None)
    of_unit = [hz for name, hz in pins.items() if name.rstrip("0123456789") == kind]
    kept = {name: of for name, of in shares.items() if of}
    return Frequencies(None if reasons else max(of_unit, default=None), tuple(reasons), kept)


def _holds(seen: Shares | None, hz: float, least: float) -> bool:
    """Whether so much of the time was at that frequency; True where nothing was seen."""
    if not seen:
        return True
    at = sum(share for one, share in seen.items() if abs(one - hz) <= TOLERANCE_REL * hz)
    return at >= least - 1e-9


def _pins(trace: Trace, window: Window) -> Mapping[str, float]:
    said: Any = window.attributes.get(PINNED)
    where = f"window {shown(window.name)}"
    if said is None:
        said, where = trace.manifest.conditions.get(PINNED), "conditions"
    if said is None:
        return {}
    if not isinstance(said, Mapping) or not all(_CLUSTER.fullmatch(k) and _is_hz(v) for k, v in said.items()):
        raise UsageError(
            f"{trace.path}: {where}: {PINNED} is {shown(said)}, expected hertz by cluster, such as cpu0; restore the "
            "run as it was recorded"
        )
    return {name: float(hz) for name, hz in said.items()}


def _is_hz(value: Any) -> bool:
    return NUMBER.holds(value) and value > 0


def _clusters(trace: Trace) -> list[str]:
    """The clusters whose frequency, or whose time in each state, was recorded; in their order."""
    names = set()
    for stored in trace.columns.values():
        channel = stored.channel
        if channel.quantity is Quantity.FREQUENCY and _CLUSTER.fullmatch(channel.name):
            names.add(channel.name)
        elif channel.quantity is Quantity.DURATION and (hit := _STATE.fullmatch(channel.name)):
            names.add(hit[1])
    return sorted(names, key=lambda name: (name.rstrip("0123456789"), int(name[3:] or 0)))


def _sampled(trace: Trace, name: str, spans_ns: NDArray[np.int64]) -> list[Shares]:
    """The share of each window by the samples inside it, each of which holds until the next."""
    column = f"{name}.{Quantity.FREQUENCY.value}"
    if column not in trace.columns:
        return [{}] * len(spans_ns)
    t_ns, hz = trace.series(column).to_numpy()
    known = np.isfinite(hz)
    t_ns, hz = t_ns[known], hz[known]
    found: list[Shares] = []
    for t0_ns, t1_ns in spans_ns:
        first, end = np.searchsorted(t_ns, t0_ns, "left"), np.searchsorted(t_ns, t1_ns, "right")
        if end <= first or t1_ns <= t0_ns:
            found.append({})
            continue
        edges_ns = np.concatenate(([t0_ns], t_ns[first + 1 : end], [t1_ns]))
        found.append(_binned(hz[first:end], np.diff(edges_ns) / (t1_ns - t0_ns)))
    return found


def _binned(hz: NDArray[np.float64], shares: NDArray[np.float64]) -> Shares:
    steps = np.round(hz)
    if len(np.unique(steps)) > STEPS:
        steps = np.round(steps / BIN_HZ) * BIN_HZ
    found: dict[float, float] = {}
    for step, share in zip(steps.tolist(), shares.tolist(), strict=True):
        found[step] = found.get(step, 0.0) + share
    return dict(sorted(found.items())[:STEPS])


def _counted(trace: Trace, name: str, spans_ns: NDArray[np.int64]) -> list[Shares | None] | None:
    """The share of each window by the counters of time in each state; None where they do not reach around it."""
    steps = {
        float(int(hit[2]) * 1000): column
        for column, stored in trace.columns.items()
        if (hit := _STATE.fullmatch(stored.channel.name)) and hit[1] == name
    }
    if not steps:
        return None
    took = np.full((len(steps), len(spans_ns)), np.nan)
    read = trace.together(list(steps.values()))
    for row, column in enumerate(steps.values()):
        t_ns, seconds = read[column]
        known = np.isfinite(seconds)
        if known.any():
            edges = np.interp(spans_ns.astype(np.float64), t_ns[known], seconds[known], left=np.nan, right=np.nan)
            took[row] = edges[:, 1] - edges[:, 0]
    took = np.where(took < 0, np.nan, took)  # a counter that went back: the statistics were reset
    total = np.nansum(took, axis=0)
    return [
        {hz: float(took[row, k] / total[k]) for row, hz in enumerate(steps) if took[row, k] > 0}
        if total[k] > 0 and np.isfinite(took[:, k]).all()
        else None
        for k in range(len(spans_ns))
    ]

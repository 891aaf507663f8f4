"""At which frequencies each cluster ran in each window, and how many of its cores were busy."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.analysis.pins import Frequencies, frequencies
from edgewatt.profiler.calibrating.clusters import clusters_of
from edgewatt.profiler.calibrating.stretches import IDLE, MEASURE, Stretch
from edgewatt.profiler.calibrating.values import number, whole
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.units import Quantity

# A frequency that a cluster had for less of a window is a tick at its edges, as pins.LEAST_SHARE; assumed.
LEAST_SHARE: Final = 0.01
# A load says how busy it keeps its cores. What /proc/stat reads beside it is in ticks of 10 ms (documented: proc(5)):
# so near, what was asked is the better number. Further away than the second, something else ran, or it did not run.
NEAR: Final = 0.03
TICK_S: Final = 0.01
CORES_DIFFER, BACKGROUND = "cores_differ", "background_load"
FAR: Final = 0.2
# Below so many cores above what idling shows, a cluster counts as idle; assumed.
LEAST_BUSY: Final = 0.05
# From this share of a window on, it is all of it; assumed.
WHOLE_TIME: Final = 0.95
# At least so much of a window has to lie between the readings inside it, before these alone are believed.
MOST_OF_IT: Final = 0.5


@dataclass(frozen=True, slots=True)
class Residency:
    """Of one window: the share of time at each frequency in hertz by cluster, and its busy cores.

    `busy` is the mean number of cores busy; `on` the share of time in which any was, with `on_unsure` how far it may
    be off where cores are busy a part of the time and nobody knows whether together. `beside` are the cores that were
    busy with what nobody asked for (a phone's own wakes), `beside_on` the share of time in which any of them was while
    no other was, and `beside_unsure` between what least and most that may lie; `beside_u` is the standard uncertainty
    of the first. `is_read`: somebody looked at how busy the processors were, or a load asked for it; else `busy` is
    nothing that anybody knows.
    """

    shares: Mapping[str, Mapping[float, float]] = field(default_factory=dict)
    busy: Mapping[str, float] = field(default_factory=dict)
    on: Mapping[str, float] = field(default_factory=dict)
    on_unsure: float = 0.0
    beside: Mapping[str, float] = field(default_factory=dict)
    beside_on: Mapping[str, float] = field(default_factory=dict)
    beside_unsure: Mapping[str, float] = field(default_factory=dict)
    beside_u: Mapping[str, float] = field(default_factory=dict)
    pinned: bool = False
    loads: Mapping[str, float] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()
    is_read: bool = True

    def is_mixed(self, cluster: str) -> bool:
        """Whether a cluster was busy at times, and at several steps: nobody knows at which of them it was busy.

        A governor climbs when work begins, so that the steps of a window are not those of its work.
        """
        on, shares = self.on.get(cluster, 0.0), self.shares.get(cluster) or {}
        return 0 < on < WHOLE_TIME and max(shares.values(), default=1.0) < WHOLE_TIME


def residencies(trace: Trace, stretches: Sequence[Stretch]) -> list[Residency]:
    """What the channels of a run show of each of its stretches."""
    if not stretches:
        return []
    clusters = clusters_of(trace)
    spans_ns = np.asarray([(one.repeat.t0_ns, one.repeat.t1_ns) for one in stretches], np.int64)
    units = [_text(one.window.attributes.get("target_used")) for one in stretches]
    ran = frequencies(trace, [one.window for one in stretches], _between_readings(trace, spans_ns), units)
    loads = _loads(trace, spans_ns)
    quiet = _quiet(stretches, loads)
    configs = trace.manifest.configs
    return [
        _residency(one, clusters, ran[k], (loads[k], quiet), configs.get(one.window.config_id or "", {}))
        for k, one in enumerate(stretches)
    ]


def _residency(
    stretch: Stretch,
    clusters: Mapping[str, tuple[int, ...]],
    ran: Frequencies,
    read: tuple[Mapping[str, float], Mapping[str, float]],
    config: Mapping[str, Any],
) -> Residency:
    loads, quiet = read
    above = {name: max(load - quiet.get(name, 0.0), 0.0) for name, load in loads.items()}
    asked, reasons, threads = _asked(stretch), list(ran.reasons), _threads(stretch, config)
    busy, on, unsure = {}, {}, 0.0
    beside, beside_on, beside_unsure, beside_u = {}, {}, {}, {}
    for cluster, numbers in clusters.items():
        cpus = numbers or (int(cluster[3:] or 0),)
        of_cpus = [_busy(number, asked, above) for number in cpus]
        total = math.fsum(of_cpus)
        busy[cluster] = total if total >= LEAST_BUSY else 0.0
        on[cluster], off = _on(of_cpus, threads) if busy[cluster] else (0.0, 0.0)
        unsure = max(unsure, off)
        # A core that was asked for does its wakes within its own time.
        others = [
            max(min(loads.get(f"cpu{number}", 0.0), 1.0) - used, 0.0) if asked is None or number not in asked else 0.0
            for number, used in zip(cpus, of_cpus, strict=True)
        ]
        of_others, off = _on(others, None)
        beside[cluster] = math.fsum(others)
        beside_on[cluster], beside_unsure[cluster] = (1 - on[cluster]) * of_others, (1 - on[cluster]) * off
        # A wake of about a tick is counted as none, one or two (variance 1/6), and of a short window's wakes about a
        # third lie between its readings and its edges.
        beside_u[cluster] = math.sqrt(beside[cluster] * TICK_S / max(stretch.duration_s, TICK_S) / 2)
    if asked is not None and loads:
        reasons += _differences(asked, above, loads)
    return Residency(
        {
            name: _shares(ran.shares.get(name, {}))
            for name in (*clusters, *(n for n in ran.shares if n not in clusters))
        },
        busy,
        on,
        unsure,
        beside,
        beside_on,
        beside_unsure,
        beside_u,
        _is_pinned(stretch),
        loads,
        tuple(dict.fromkeys(reasons)),
        asked is not None or any(name.startswith("cpu") for name in loads),
    )


def _on(of_cpus: Sequence[float], threads: int | None) -> tuple[float, float]:
    """The share of time in which any of the cores was busy, and how far it may be off.

    One thread is on one core at a time, wherever it goes. Several are taken to work at the same time. Where nobody
    knows how many there are, cores are taken to be busy independently of each other.
    """
    total, most = math.fsum(of_cpus), max(of_cpus, default=0.0)
    if threads is not None:
        return min(max(most, total / max(threads, 1)), 1.0), 0.0
    return 1 - math.prod(1 - min(one, 1.0) for one in of_cpus), min(total, 1.0) - most


def _threads(stretch: Stretch, config: Mapping[str, Any]) -> int | None:
    return (whole(config.get("threads")) or None) if stretch.kind == MEASURE else None


def _busy(number: int, asked: Mapping[int, float] | None, above: Mapping[str, float]) -> float:
    """How busy a processor was: as asked where a load asked and the reading agrees, else as read."""
    read = above.get(f"cpu{number}")
    if asked is None:
        return min(read or 0.0, 1.0)
    wanted = asked.get(number, 0.0)
    if read is None or wanted == 0.0 or abs(read - wanted) <= NEAR:
        return wanted
    return read


def _differences(asked: Mapping[int, float], above: Mapping[str, float], loads: Mapping[str, float]) -> list[str]:
    """What ran beside a load, or did not run, as far as the processors' readings tell."""
    found = []
    for cpu, wanted in sorted(asked.items()):
        read = loads.get(f"cpu{cpu}")
        if read is not None and abs(read - wanted) > FAR:
            found.append(f"{CORES_DIFFER}:cpu{cpu} was busy for {read:.2f}, asked for {wanted:.2f}")
    others = {name: of for name, of in above.items() if name[3:].isdigit() and int(name[3:]) not in asked}
    beside = math.fsum(others.values())
    if beside > FAR:
        found.append(f"{BACKGROUND}:{beside:.2f} of a core on processors that were not asked for")
    return found


def _asked(stretch: Stretch) -> dict[int, float] | None:
    """The share of time that a load asked of each processor; None of a window that asked for none by number."""
    if stretch.kind == IDLE:
        return {}
    cpus, duty = stretch.asked.get("cpus"), number(stretch.asked.get("duty_ratio", 1.0))
    if stretch.kind not in {"cpu", "memory"} or not isinstance(cpus, list | tuple):
        return None
    ratio = duty if duty is not None and 0 < duty <= 1 else 1.0
    return {cpu: ratio for said in cpus if (cpu := whole(said)) is not None}


def _is_pinned(stretch: Stretch) -> bool:
    return bool(stretch.window.attributes.get("pinned_hz"))


def _shares(of: Mapping[float, float]) -> dict[float, float]:
    kept = {hz: share for hz, share in of.items() if share >= LEAST_SHARE}
    total = math.fsum(kept.values())
    return {hz: share / total for hz, share in kept.items()} if total > 0 else {}


def _between_readings(trace: Trace, spans_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """The spans from the first to the last reading of the time in each state inside them, where that is most of them.

    Counters say exactly what passed between two readings; between a reading and an edge they have to be interpolated
    over a change of frequency.
    """
    column = next((c for c, s in trace.columns.items() if s.channel.quantity is Quantity.DURATION and "khz" in c), None)
    if column is None:
        return spans_ns
    t_ns, seconds = trace.series(column).to_numpy()
    t_ns = t_ns[np.isfinite(seconds)]
    inside = spans_ns.copy()
    for k, (t0_ns, t1_ns) in enumerate(spans_ns):
        first, end = np.searchsorted(t_ns, t0_ns, "left"), np.searchsorted(t_ns, t1_ns, "right")
        if end - first >= 2 and t_ns[end - 1] - t_ns[first] >= MOST_OF_IT * (t1_ns - t0_ns):
            inside[k] = t_ns[first], t_ns[end - 1]
    return inside


def _loads(trace: Trace, spans_ns: NDArray[np.int64]) -> list[dict[str, float]]:
    """The mean of each load channel over the readings whose own averaging lies inside the window."""
    found: list[dict[str, float]] = [{} for _ in spans_ns]
    columns = {c: s for c, s in trace.columns.items() if s.channel.quantity is Quantity.LOAD}
    read = trace.together(list(columns))
    for column, stored in columns.items():
        t_ns, ratio = read[column]
        known = np.isfinite(ratio)
        t_ns, ratio = t_ns[known], ratio[known]
        window_s = stored.channel.window_s
        back_ns = round((window_s if window_s is not None else stored.channel.period_s or 0.0) * 1e9)
        for k, (t0_ns, t1_ns) in enumerate(spans_ns):
            first, end = np.searchsorted(t_ns, t0_ns + back_ns, "left"), np.searchsorted(t_ns, t1_ns, "right")
            if end > first:
                found[k][stored.channel.name] = float(ratio[first:end].mean())
    return found


def _quiet(stretches: Sequence[Stretch], loads: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """How busy each processor is while nothing is executed: what the base power holds already."""
    idle = [of for one, of in zip(stretches, loads, strict=True) if one.kind == IDLE]
    names = dict.fromkeys(name for of in idle for name in of if name.startswith("cpu"))
    return {name: float(np.median([of[name] for of in idle if name in of])) for name in names}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None

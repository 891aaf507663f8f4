"""What heat does to a device under a load that goes on: how warm it gets, how fast, and how speed falls."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.analysis.temperature import chosen_columns
from edgewatt.profiler.calibrating.clusters import clusters_of
from edgewatt.profiler.calibrating.heat import Node, fit_node
from edgewatt.profiler.calibrating.observations import Observation, digests
from edgewatt.profiler.calibrating.throttling import Throttled, throttled
from edgewatt.profiler.calibrating.values import Found, Value, cells, known, number, whole
from edgewatt.profiler.channel import EnergySource
from edgewatt.profiler.energy.sources import energy_of_source
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.units import Quantity

Array = NDArray[np.float64]

STEP: Final = "thermal"
# Power and temperature are looked at so often: a package warms in seconds, a phone in minutes.
EVERY_S: Final = 1.0
# What a load needs before its power is its own, and by how much it has to warm for leakage to show; assumed.
_SETTLED_S: Final = 5.0
_LEAST_KELVIN: Final = 3.0
_CLIMBS_S: Final = 0.5
_ABOUT: Final = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class _Course:
    """Temperature and power of a run, every EVERY_S; `hot_ns` are the windows of its load, [n, 2]."""

    channel: str
    t_ns: NDArray[np.int64]
    temperature_c: Array
    power_w: Array
    hot_ns: NDArray[np.int64]

    def is_hot(self, t_ns: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether the load ran at these times."""
        inside = (t_ns[:, None] >= self.hot_ns[:, 0]) & (t_ns[:, None] <= self.hot_ns[:, 1])
        return np.asarray(inside.any(axis=1))


def thermal_rows(trace: Trace, seen: Sequence[Observation], source: EnergySource | None) -> Found:
    """The rows of `thermal`, `throttling` and `fits` of one run; none where it has no load of the step."""
    found = Found()
    mine = [one for one in seen if one.step == STEP and not one.is_void]
    hot = [one for one in mine if one.kind == "cpu"]
    if not hot:
        return found
    course = _course(trace, mine, hot, source)
    name = trace.path.name
    if course is None:
        found.notes.append(f"thermal of {name}: no temperature was recorded")
        return found
    cluster, cores = _loaded(trace, hot)
    gain = next((p.gain_rel for one in hot if source is not None and (p := one.powers.get(source.name))), None)
    shown = np.isfinite(course.power_w).all() and source is not None
    t_s = (course.t_ns - course.t_ns[0]) / 1e9
    node = fit_node(t_s, course.temperature_c, course.power_w, gain_rel=gain) if shown else None
    if node is None:
        found.notes.append(f"thermal of {name}: temperature and power do not show one time constant")
    slower = _slower(trace, cluster, course)
    if slower is None:
        found.notes.append(f"thermal of {name}: nobody recorded the frequency of {cluster} often enough")
    ambient = number(trace.manifest.conditions.get("ambient_c"))
    if ambient is None and node is not None:
        ambient = known(node.ambient.value)
    about = {"unit": cluster, "cores_n": cores, "source": digests(mine)}
    found.add(
        "thermal",
        {
            **about,
            "ambient_c": ambient,
            "channel": course.channel,
            **cells("resistance", "k_per_w", None if node is None else node.resistance),
            **cells("time_constant", "s", None if node is None else node.time_constant),
            "trip_c": None if slower is None else slower.trip_c,
            "onset_s": None if slower is None else slower.onset_s,
            **cells("sustained", "ratio", None if slower is None else slower.sustained),
            "leakage_w_per_k": _leakage(course, slower) if shown else None,
            "observations_n": len(hot),
        },
    )
    for t_of, speed, warm in () if slower is None else slower.curve:
        found.add("throttling", {**about, "t_s": t_of, "speed_ratio": speed, "temperature_c": warm})
    if node is not None and source is not None:
        _add_fits(found, node, course, (cluster, source.name, digests(mine)))
    return found


def _course(
    trace: Trace, mine: Sequence[Observation], hot: Sequence[Observation], source: EnergySource | None
) -> _Course | None:
    columns = chosen_columns(trace)
    series = {column: trace.series(column).to_numpy() for column in columns}
    known_c = {c: (t[np.isfinite(v)], v[np.isfinite(v)]) for c, (t, v) in series.items() if np.isfinite(v).sum() > 1}
    if not known_c:
        return None
    spans = np.asarray([(one.stretch.repeat.t0_ns, one.stretch.repeat.t1_ns) for one in mine], np.int64)
    column = max(known_c, key=lambda c: float(known_c[c][1].max()))
    t_ns = _even_ns(known_c[column][0], int(spans.min()), int(spans.max()))
    temperature_c = np.interp(t_ns, *known_c[column])
    power_w = np.full(len(t_ns), np.nan)
    if source is not None:
        half_ns = round(EVERY_S * 1e9) // 2
        found = energy_of_source(trace, source, t_ns - half_ns, t_ns + half_ns, min_coverage=0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            power_w = found.energy_j / (found.duration_s * found.coverage)
        seen = np.isfinite(power_w)
        if seen.any():
            power_w = np.interp(t_ns, t_ns[seen], power_w[seen])
    loads = np.asarray([(one.stretch.repeat.t0_ns, one.stretch.repeat.t1_ns) for one in hot], np.int64)
    return _Course(trace.columns[column].channel.name, t_ns, temperature_c, power_w, loads)


def _even_ns(read_ns: NDArray[np.int64], begin_ns: int, end_ns: int) -> NDArray[np.int64]:
    """Times every EVERY_S, or at the readings where these are about as often: between two a temperature may bend."""
    inside = read_ns[(read_ns >= begin_ns) & (read_ns < end_ns)]
    step_ns = round(EVERY_S * 1e9)
    if len(inside) > 1 and abs(np.median(np.diff(inside)) / step_ns - 1) <= _ABOUT:
        begin_ns, step_ns = (
            int(inside[0]),
            round(float(inside[-1] - inside[0]) / round((inside[-1] - inside[0]) / step_ns)),
        )
    return np.arange(begin_ns, end_ns, step_ns, dtype=np.int64)


def _loaded(trace: Trace, hot: Sequence[Observation]) -> tuple[str, int]:
    """The cluster that a load ran on most, and on how many of its cores."""
    cpus = hot[0].stretch.asked.get("cpus")
    numbers = {whole(of) for of in cpus} if isinstance(cpus, list | tuple) else set()
    by_cluster = {name: len(numbers & set(of)) for name, of in clusters_of(trace).items()}
    name = max(by_cluster, key=lambda cluster: by_cluster[cluster])
    return name, by_cluster[name]


def _slower(trace: Trace, cluster: str, course: _Course) -> Throttled | None:
    begin_ns, t_ns, hz = _speed(trace, cluster)
    # A governor climbs at the begin of a window; what was read over one of its ends is of two things.
    hot = course.is_hot(begin_ns - round(_CLIMBS_S * 1e9)) & course.is_hot(begin_ns) & course.is_hot(t_ns)
    begun_ns = int(course.hot_ns.min())
    warm_s = (course.t_ns - begun_ns) / 1e9
    return throttled((t_ns[hot] - begun_ns) / 1e9, hz[hot], warm_s, course.temperature_c)


def _speed(trace: Trace, cluster: str) -> tuple[NDArray[np.int64], NDArray[np.int64], Array]:
    """The frequency of a cluster from when to when: as sampled, else the mean between readings of time in state."""
    sampled = f"{cluster}.{Quantity.FREQUENCY.value}"
    if sampled in trace.columns:
        t_ns, hz = trace.series(sampled).to_numpy()
        seen = np.isfinite(hz)
        return t_ns[seen], t_ns[seen], hz[seen]
    steps = {
        float(s.channel.name.removeprefix(f"{cluster}_").removesuffix("khz")) * 1e3: c
        for c, s in trace.columns.items()
        if s.channel.quantity is Quantity.DURATION
        and s.channel.name.startswith(f"{cluster}_")
        and s.channel.name.removeprefix(f"{cluster}_").removesuffix("khz").isdigit()
    }
    if not steps:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
    read = [trace.series(column).to_numpy() for column in steps.values()]
    t_ns = read[0][0]
    took = np.diff(np.stack([seconds for _, seconds in read]), axis=1)
    total = took.sum(axis=0)
    good = np.isfinite(total) & (total > 0) & (took >= 0).all(axis=0)
    mean = (np.asarray(list(steps))[:, None] * took).sum(axis=0)[good] / total[good]
    return t_ns[:-1][good], t_ns[1:][good], mean


def _leakage(course: _Course, slower: Throttled | None) -> float | None:
    """Watts per kelvin under the same load, before speed fell; None where it did not warm by enough."""
    begun_ns = int(course.hot_ns.min())
    until_s = math.inf if slower is None or slower.onset_s is None else slower.onset_s - EVERY_S
    since_s = (course.t_ns - begun_ns) / 1e9
    # Only seconds that are whole within the load.
    half_ns = round(EVERY_S * 1e9) // 2
    whole = course.is_hot(course.t_ns - half_ns) & course.is_hot(course.t_ns + half_ns)
    mine = whole & (since_s >= _SETTLED_S) & (since_s < until_s)
    warm = course.temperature_c[mine]
    if mine.sum() < _SETTLED_S or float(np.ptp(warm)) < _LEAST_KELVIN:
        return None
    return float(np.polyfit(warm - warm.mean(), course.power_w[mine], 1)[0])


def _add_fits(found: Found, node: Node, course: _Course, about: tuple[str, str, str]) -> None:
    terms: dict[str, tuple[str, Value]] = {
        "resistance": ("k_per_w", node.resistance),
        "time_constant": ("s", node.time_constant),
        "ambient": ("c", node.ambient),
    }
    for term, (unit, value) in terms.items():
        found.add(
            "fits",
            {
                "fit": "thermal",
                "of": about[0],
                "energy_source": about[1],
                "term": term,
                "unit": unit,
                "value": value.value,
                "low": value.low,
                "high": value.high,
                "over": "power_w",
                "valid_low": float(course.power_w.min()),
                "valid_high": float(course.power_w.max()),
                "residual": node.residual_k,
                "residual_unit": "k",
                "df_n": node.df,
                "observations_n": node.readings,
                "source": about[2],
            },
        )

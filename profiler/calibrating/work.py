"""Measured repeats of the same work taken together: networks and training steps, alone and beside a co-runner."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from edgewatt.profiler.calibrating.accelerators import unit_of
from edgewatt.profiler.calibrating.observations import Observation
from edgewatt.profiler.calibrating.spreads import UNKNOWN, Spread, moderated, spread_of
from edgewatt.profiler.calibrating.stretches import MEASURE
from edgewatt.profiler.calibrating.values import Row, Value, mean_alike, number, whole
from edgewatt.profiler.statistics import percentiles

_FACTS: Final = ("model", "model_sha256", "runtime", "precision")
_COUNTS: Final = ("threads", "batch")
CO_LOADS: Final = ("co_cpu_ratio", "co_memory_ratio")


@dataclass(frozen=True, slots=True)
class Work:
    """What was executed, as the first columns of its tables, and its repeats that count."""

    what: tuple[tuple[str, Any], ...]
    seen: tuple[Observation, ...]

    @property
    def columns(self) -> Row:
        """What was executed, how warm it was."""
        warm = [one.temperature_c for one in self.seen if one.temperature_c is not None]
        return {**dict(self.what), "temperature_c": float(np.mean(warm)) if warm else None}

    def latencies_s(self) -> list[float]:
        """The latency of each repeat: what it told, else its length by its iterations."""
        return [latency for one in self.seen if (latency := latency_s(one)) is not None]

    def p95_s(self) -> float | None:
        """Over all iterations; where none were kept, the mean of what the runtime printed of each repeat."""
        every = [one.stretch.repeat.latencies_s for one in self.seen]
        found = percentiles(np.concatenate(every), [95]) if every else None
        if found is not None:
            return found[0]
        said = [one.stretch.window.attributes.get("printed") for one in self.seen]
        told = [number(of.get("p95_s")) for of in said if isinstance(of, Mapping)]
        printed = [of for of in told if of is not None]
        return float(np.mean(printed)) if printed else None

    def joules(self, source: str) -> list[float]:
        """Joules of an iteration of each repeat, of all that the source sees, idling included."""
        return [power.power_w * _each_s(one) for one in self.seen if (power := one.power_of(source)) is not None]

    def energy_j(self, source: str, relative: Spread) -> tuple[Value | None, str | None]:
        """The mean of `joules`, which scatter by so much of themselves; and the boundary."""
        powers = [(one, power) for one in self.seen if (power := one.power_of(source)) is not None]
        if not powers:
            return None, None
        u = [power.u_w * _each_s(one) for one, power in powers]
        value = mean_alike(self.joules(source), relative, u, gain_rel=powers[0][1].gain_rel)
        return value, powers[0][1].boundary

    def powers_w(self, source: str) -> list[float]:
        """The mean power of each repeat that the source saw."""
        return [power.power_w for one in self.seen if (power := one.power_of(source)) is not None]

    def memory_peak_b(self) -> int | None:
        """The highest of what repeats told."""
        told = [whole(one.stretch.repeat.told.get("memory_peak_b")) for one in self.seen]
        return max((of for of in told if of is not None), default=None)

    def busy_ratio(self) -> float | None:
        """Processors busy at a time, on average, or how busy the accelerator was; None where nobody looked."""
        unit = dict(self.what)["target"]
        if unit != "cpu":
            loads = [one.ran.loads[unit] for one in self.seen if unit in one.ran.loads]
            return float(np.mean(loads)) if loads else None
        seen = [math.fsum(one.ran.busy.values()) for one in self.seen if any(k != "cpu" for k in one.ran.loads)]
        return float(np.mean(seen)) if seen else None


def spreads(found: Sequence[Work], values: Callable[[Work], Sequence[float]]) -> list[Spread]:
    """By what share of itself a value scatters in the repeats of each work, by all of its network and target."""
    alike: dict[tuple[Any, Any], list[int]] = {}
    for place, work in enumerate(found):
        what = dict(work.what)
        alike.setdefault((what["model"], what["target"]), []).append(place)
    told = [UNKNOWN] * len(found)
    for places in alike.values():
        own = [_logs(values(found[place])) for place in places]
        for place, spread in zip(places, moderated(own), strict=True):
            told[place] = spread
    return told


def _logs(values: Sequence[float]) -> Spread:
    return spread_of(np.log(values)) if values and min(values) > 0 else UNKNOWN


def _each_s(one: Observation) -> float:
    return one.stretch.duration_s / max(one.stretch.repeat.iterations, 1)


def latency_s(one: Observation) -> float | None:
    """Seconds of an iteration of a repeat."""
    repeat = one.stretch.repeat
    if repeat.latency_s is not None:
        return repeat.latency_s
    return one.stretch.duration_s / repeat.iterations if repeat.iterations else None


def works(seen: Sequence[Observation], *, training: bool) -> list[Work]:
    """The measured repeats that count, by what was executed; training steps or all else."""
    found: dict[tuple[tuple[str, Any], ...], list[Observation]] = {}
    for one in seen:
        if one.kind == MEASURE and not one.is_void and is_training(one) == training:
            found.setdefault(_what(one), []).append(one)
    return [Work(what, tuple(of)) for what, of in found.items()]


def is_training(one: Observation) -> bool:
    """Whether a measured repeat is of training steps."""
    return one.step == "training" or one.config.get("task") == "training"


def _what(one: Observation) -> tuple[tuple[str, Any], ...]:
    facts = {key: one.config.get(key) for key in _FACTS}
    counts = {key: whole(one.config.get(key)) for key in _COUNTS}
    beside = {key: number(one.conditions.get(key)) for key in CO_LOADS}
    texts = {key: of if isinstance(of, str) else None for key, of in facts.items()}
    found = {**texts, "target": unit_of(one), **counts, "frequency_hz": one.stretch.repeat.ran.frequency_hz, **beside}
    return tuple(found.items())

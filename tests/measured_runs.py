"""Profile runs with known energies, written as a recording writes them: idle, repeats of constant power, idle."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.batch import Batch, Gap
from edgewatt.profiler.channel import Accuracy, Boundary, Channel, EnergySource, Opened, Unavailable
from edgewatt.profiler.clock import HOST_CLOCK
from edgewatt.profiler.clockfit import ClockFit
from edgewatt.profiler.identity import config_id
from edgewatt.profiler.protocols import Operator
from edgewatt.profiler.storage.manifest import Manifest
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.storage.writer import RunWriter
from edgewatt.profiler.units import Quantity
from edgewatt.profiler.window import IDLE_AFTER, IDLE_BEFORE, Window, measure_window

S = 1_000_000_000
IDLE_W, BUSY_W = 2.0, 10.0
IDLE_S, REPEAT_S, BETWEEN_S, ITERATIONS = 4.0, 2.0, 1.0, 20
FACTS = {
    "device": "board",
    "device_id": "f00d",
    "soc": "chip",
    "model": "net.tflite",
    "model_sha256": "ab" * 32,
    "runtime": "litert",
    "runtime_version": "2.1.0",
    "target_asked": "cpu",
    "precision": "int8",
    "threads": 4,
    "batch": 1,
    "frequency_hz": None,
}
CONFIG = config_id(FACTS)
TOLD = {
    "target_used": "xnnpack",
    "steady": True,
    "init_s": 0.5,
    "first_s": 0.2,
    "memory_peak_b": 1000,
    "latency_stat": "median",
    "reasons": [],
}


def rapl(name: str = "package-0", *, accuracy: Accuracy | None = None) -> Channel:
    """A counter of microjoules that wraps during the run."""
    return Channel(
        name, Quantity.ENERGY, "counter", scale=1e-6, counter_range=40_000_000, accuracy=accuracy, boundary="rail"
    )


def rail(name: str = "vdd_in", **fields: Any) -> Channel:
    """A gauge of watts."""
    return Channel(name, Quantity.POWER, boundary="board", **fields)


@dataclass(frozen=True)
class Instrument:
    """A collector with one channel, read every `interval_s`; `clock` reads `ahead_s` more than the host's.

    What it says is `late_s` old.
    """

    channel: Channel
    interval_s: float = 0.01
    name: str = "rapl"
    boundary: Boundary = "rail"
    clock: str = HOST_CLOCK
    ahead_s: float = 0.0
    late_s: float = 0.0
    bound_ns: int = 0
    lost: Sequence[tuple[float, float]] = ()


@dataclass
class Plan:
    """What happens: configurations in order of their repeats, and what each repeat tells and uses.

    `also` are further channels with their values over time (s), each in a stream of its own.
    """

    order: Sequence[str] = (CONFIG,) * 3
    configs: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: {CONFIG: FACTS})
    told: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    busy_w: Mapping[int, float] = field(default_factory=dict)
    idle_after_w: float = IDLE_W
    idle: bool = True
    iterations: bool = True
    manifest: Mapping[str, Any] = field(default_factory=dict)
    unavailable: Sequence[Unavailable] = ()
    temperatures: Sequence[tuple[float, float]] = ()
    also: Sequence[tuple[Channel, Sequence[tuple[float, float]]]] = ()
    closed: bool = True
    operators: Mapping[str, Sequence[Operator | tuple[str, str]]] = field(default_factory=dict)


def written(path: Path, instruments: Sequence[Instrument] = (), plan: Plan | None = None) -> Path:
    """A recorded run in the folder `path`; the host's clock starts at 100 s."""
    plan = plan or Plan()
    writer = RunWriter.create(path, _manifest(plan, instruments))
    for config, operators in plan.operators.items():
        writer.operators(config, operators)
    changes, windows = _schedule(plan)
    for instrument in instruments:
        _record(writer, instrument, changes)
    if plan.unavailable:
        writer.add_collector(Opened("nothing", {}, tuple(plan.unavailable)))
    if plan.temperatures:
        channel = Channel("cpu-thermal", Quantity.TEMPERATURE)
        writer.add_collector(Opened("thermal", {"": (channel,)}))
        t_ns = np.rint(np.array([at for at, _ in plan.temperatures]) * S).astype(np.int64)
        writer.batch("thermal", Batch(t_ns, {channel.column: np.array([c for _, c in plan.temperatures])}))
    for number, (channel, points) in enumerate(plan.also):
        writer.add_collector(Opened(f"also{number}", {"": (channel,)}))
        t_ns = np.rint(np.array([at for at, _ in points]) * S).astype(np.int64)
        writer.batch(f"also{number}", Batch(t_ns, {channel.column: np.array([value for _, value in points])}))
    for window in windows:
        if window.name.startswith("measure/") and plan.iterations and window.config_id is not None:
            repeat = int(window.name.removeprefix("measure/"))
            edges = np.linspace(window.t0_ns, window.t1_ns, ITERATIONS + 1).astype(np.int64)
            writer.begin_repeat(window.config_id, repeat)
            writer.iterations(repeat, edges[:-1], edges[1:])
        writer.window(window)
    writer.flush(sync=False)
    writer.close() if plan.closed else writer.abandon()
    return path


def _manifest(plan: Plan, instruments: Sequence[Instrument]) -> Manifest:
    fits = {
        i.clock: ClockFit(i.clock, 0, -round(i.ahead_s * S), 0.0, i.bound_ns).to_json()
        for i in instruments
        if i.clock != HOST_CLOCK
    }
    said: dict[str, Any] = {
        "simulated": True,
        "created": "2026-01-02T03:04:05.678+00:00",
        "command": ["edgewatt", "profile"],
        "versions": {},
        "device": {"name": "board", "device_id": "f00d", "soc": "chip", "idle_state": "awake", "session": "monday"},
        "conditions": {"governor": "performance"},
        "configs": {identity: dict(facts) for identity, facts in plan.configs.items()},
        "clocks": fits,
    }
    return Manifest(**{**said, **plan.manifest})


def _schedule(plan: Plan) -> tuple[list[tuple[float, float]], list[Window]]:
    """When the power changes to what (s, W), and the windows."""
    now = 100.5
    changes, windows = [(100.0, IDLE_W)], []
    if plan.idle:
        windows.append(_window(IDLE_BEFORE, now, now + IDLE_S))
        now += IDLE_S
    numbers: dict[str, int] = {}
    for place, config in enumerate(plan.order):
        now += BETWEEN_S
        number = numbers.get(config, 0)
        numbers[config] = number + 1
        changes += [(now, plan.busy_w.get(place, BUSY_W)), (now + REPEAT_S, IDLE_W)]
        told = {**TOLD, "iterations": ITERATIONS, "order": place, **plan.told.get(place, {})}
        windows.append(_window(measure_window(number), now, now + REPEAT_S, config, told))
        now += REPEAT_S
    now += BETWEEN_S
    changes.append((now, plan.idle_after_w))
    if plan.idle:
        windows.append(_window(IDLE_AFTER, now, now + IDLE_S))
    changes.append((now + IDLE_S + 0.5, plan.idle_after_w))
    return changes, windows


def _window(
    name: str, t0_s: float, t1_s: float, config: str | None = None, told: Mapping[str, Any] | None = None
) -> Window:
    return Window(name, round(t0_s * S), round(t1_s * S), config_id=config, attributes=told or {})


def _record(writer: RunWriter, instrument: Instrument, changes: Sequence[tuple[float, float]]) -> None:
    channel = instrument.channel
    source = EnergySource(f"{instrument.name}/{channel.name}", ((channel.column,),), instrument.boundary)
    writer.add_collector(Opened(instrument.name, {"": (channel,)}, sources=(source,), clock=instrument.clock))
    at_s = np.arange(changes[0][0], changes[-1][0], instrument.interval_s)
    for begin, end in instrument.lost:
        at_s = at_s[(at_s < begin) | (at_s > end)]
        stamps = [round((t + instrument.ahead_s) * S) for t in (begin, end)]
        writer.gap(instrument.name, Gap(stamps[0], stamps[1], "unplugged"))
    t_ns = np.rint((at_s + instrument.ahead_s) * S).astype(np.int64)
    writer.batch(instrument.name, Batch(t_ns, {channel.column: _values(channel, at_s - instrument.late_s, changes)}))


def _values(channel: Channel, at_s: NDArray[np.float64], changes: Sequence[tuple[float, float]]) -> NDArray[Any]:
    t, power_w = np.array([t for t, _ in changes]), np.array([w for _, w in changes])
    if channel.kind == "gauge":
        return power_w[np.maximum(np.searchsorted(t, at_s, "right") - 1, 0)]
    used_j = np.interp(at_s, t, np.concatenate(([0.0], np.cumsum(power_w[:-1] * np.diff(t)))))
    counts = np.rint(used_j / channel.scale).astype(np.int64) + 30_000_000
    return counts % (channel.counter_range or 2**62)


def tables(trace: Trace) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows of repeats and of results."""
    repeats, results = trace.repeats(), trace.results()
    assert repeats is not None
    assert results is not None
    return repeats.to_pylist(), results.to_pylist()

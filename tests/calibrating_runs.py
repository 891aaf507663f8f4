"""Runs of loads with known constants, written as a suite records them: our own equations, nothing of the lab's.

Power is base + sum over clusters (on(f) if any core is busy + cores x busy(f)) + leakage x (T - 40 C), warmth follows
power by one resistance and one time constant, and each window is off by what runs beside it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.batch import Batch
from edgewatt.profiler.channel import Accuracy, Channel, EnergySource, Opened
from edgewatt.profiler.clock import HOST_CLOCK
from edgewatt.profiler.clockfit import IDENTITY, ClockFit
from edgewatt.profiler.collecting.load import Load, load_window
from edgewatt.profiler.storage.manifest import Manifest
from edgewatt.profiler.storage.writer import RunWriter
from edgewatt.profiler.units import Quantity
from edgewatt.profiler.window import Window

S: Final = 1_000_000_000
METER: Final = "meter/main"
DEVICE: Final = "phone.boottime"
AT_C: Final = 40.0
# The clock of the device is ahead by so much.
AHEAD_S: Final = 0.7
# How often the meter looks; so often, a second.
EVERY_S: Final = 0.05
CLUSTERS: Final[Mapping[str, tuple[int, ...]]] = {"cpu0": (0, 1, 2, 3), "cpu4": (4, 5)}
STEPS: Final[Mapping[str, tuple[float, ...]]] = {"cpu0": (3e8, 9e8, 1.8e9), "cpu4": (4e8, 1.2e9, 2.4e9)}


@dataclass(frozen=True, slots=True)
class Truth:
    """The constants of a device; by cluster and step what the first core adds, and each."""

    base_w: float = 0.6
    on_w: Mapping[tuple[str, float], float] = field(default_factory=dict)
    busy_w: Mapping[tuple[str, float], float] = field(default_factory=dict)
    leakage_w_per_k: float = 0.006
    resistance_k_per_w: float = 12.0
    time_constant_s: float = 20.0
    ambient_c: float = 25.0
    spread_w: float = 0.004  # from window to window, of all of them
    spread_rel: float = 0.004  # and in proportion to what is executed
    curved: float = 0.0  # each further core adds so much more than the one before
    gain: float = 1.0
    gain_rel: float | None = 0.01


def truth_of(seed: int, **fields: Any) -> Truth:
    """A device whose constants are drawn, with the gain of its meter."""
    rng = np.random.default_rng(seed)
    on, busy = {}, {}
    for cluster, scale in (("cpu0", 0.12), ("cpu4", 0.55)):
        for hz in STEPS[cluster]:
            busy[cluster, hz] = scale * (hz / STEPS[cluster][-1]) ** 1.8 * rng.uniform(0.8, 1.2)
            on[cluster, hz] = 0.3 * scale * (hz / STEPS[cluster][-1]) * rng.uniform(0.5, 1.5)
    truth = Truth(base_w=rng.uniform(0.4, 0.9), on_w=on, busy_w=busy, **fields)
    return replace(truth, gain=1 + (truth.gain_rel or 0.0) * rng.standard_normal())


@dataclass(frozen=True, slots=True)
class Step:
    """A load, at which step its cluster is held, and what its window tells besides.

    `watts` are those of a load that no processor executes; `tail` how long, and with how many watts, it goes on.
    """

    load: Load
    cluster: str = ""
    hz: float = 0.0
    step: str = "cpu"
    asked: Mapping[str, Any] = field(default_factory=dict)
    seen: Mapping[str, Any] = field(default_factory=dict)
    watts: float = 0.0
    tail: tuple[float, float] = (0.0, 0.0)


def cpu_plan(seed: int, *, rounds: int = 2, seconds: float = 6.0) -> list[Step]:
    """Clusters x cores x steps, shuffled, with idling between."""
    rng = np.random.default_rng(seed)
    found: list[Step] = []
    for _ in range(rounds):
        cells = [
            (cluster, hz, n)
            for cluster, cpus in CLUSTERS.items()
            for hz in STEPS[cluster]
            for n in sorted({1, len(cpus) // 2, len(cpus)})
        ]
        for k, place in enumerate(rng.permutation(len(cells))):
            cluster, hz, n = cells[place]
            if k % 3 == 0:
                found.append(Step(Load("idle", seconds)))
            found.append(Step(Load("cpu", seconds, CLUSTERS[cluster][:n]), cluster, hz))
    return [*found, Step(Load("idle", seconds))]


@dataclass(slots=True)
class Said:
    """What a mutant changes of what is written: the windows lie elsewhere, the cores or steps are others."""

    shifted_s: float = 0.0
    throttled: int | None = None
    wrong_cores: int | None = None
    device_id: str = "f00d"
    simulated: bool = False
    channels: Sequence[tuple[Channel, NDArray[np.int64], NDArray[np.float64]]] = ()
    device: Mapping[str, Any] = field(default_factory=dict)
    conditions: Mapping[str, Any] = field(default_factory=dict)


def power_of(truth: Truth, step: Step, hz: float, cpus: Sequence[int]) -> float:
    """What a load takes above base, at the reference temperature."""
    if step.load.kind not in ("cpu", "memory") or not cpus:
        return step.watts
    busy = truth.busy_w[step.cluster, hz]
    return truth.on_w[step.cluster, hz] + sum(busy * (1 + truth.curved * k) for k in range(len(cpus)))


def recorded(path: Path, truth: Truth, plan: Sequence[Step], seed: int, said: Said | None = None) -> Path:
    """A run of the plan in the folder `path`."""
    said = said or Said()
    rng = np.random.default_rng(seed + 1)
    edges, at = [], 102.0
    for step in plan:
        edges.append((at, at + step.load.seconds))
        at += step.load.seconds + 0.5
    t = np.arange(100.0, at + 1.0, EVERY_S)
    above, steps_hz = np.zeros(len(t)), {c: np.full(len(t), STEPS[c][0]) for c in CLUSTERS}
    busy: dict[int, NDArray[np.float64]] = {}
    for k, (step, (t0, t1)) in enumerate(zip(plan, edges, strict=True)):
        here = (t >= t0) & (t < t1)
        cpus = tuple(step.load.cpus[:-1]) if said.wrong_cores == k else step.load.cpus
        hz = step.hz
        if said.throttled == k:
            hz = STEPS[step.cluster][STEPS[step.cluster].index(step.hz) - 1]
        if step.cluster:
            steps_hz[step.cluster][here] = hz
        watts = power_of(truth, step, hz, cpus)
        above[here] += watts
        above[here] += truth.spread_w * rng.standard_normal() + truth.spread_rel * watts * rng.standard_normal()
        above[(t >= t1) & (t < t1 + step.tail[0])] += step.tail[1]
        if step.load.kind in ("cpu", "memory"):
            for cpu in cpus:
                busy.setdefault(cpu, np.zeros(len(t)))[here] = step.load.duty_ratio
    power_w, warm_c = _warmed(truth, t, truth.base_w + above)
    writer = RunWriter.create(path, _manifest(said))
    _write(writer, truth, rng, t, power_w, said)
    _write_device(writer, rng, (t + said.shifted_s, warm_c, steps_hz, busy))
    for k, (step, (t0, t1)) in enumerate(zip(plan, edges, strict=True)):
        ends = [round((edge + AHEAD_S + said.shifted_s) * S) for edge in (t0, t1)]
        asked = {**step.load.attributes(), **step.asked}
        told = {"step": step.step, "asked": asked, "seen": dict(step.seen), "bound_ns": 2_000_000}
        if step.cluster:
            told["pinned_hz"] = {step.cluster: step.hz}
        writer.window(Window(load_window(k), ends[0], ends[1], clock=DEVICE, attributes=told))
    writer.flush(sync=False)
    writer.close()
    return path


def _warmed(
    truth: Truth, t: NDArray[np.float64], watts: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Power with leakage, and temperature: one node, stepped."""
    warm, power = np.empty(len(t)), np.empty(len(t))
    at = truth.ambient_c + truth.resistance_k_per_w * truth.base_w
    for k, of in enumerate(watts.tolist()):
        power[k] = of + truth.leakage_w_per_k * (at - AT_C)
        warm[k] = at
        at += (t[1] - t[0]) / truth.time_constant_s * (truth.ambient_c + truth.resistance_k_per_w * power[k] - at)
    return power, warm


def _manifest(said: Said) -> Manifest:
    return Manifest(
        simulated=said.simulated,
        created="2026-01-02T03:04:05.678+00:00",
        command=["edgewatt", "calibrate"],
        versions={},
        device={
            "name": "phone",
            "device_id": said.device_id,
            "soc": "chip",
            "idle_state": "awake",
            "session": "monday",
            "instruments": {"phone": {"cpu_clusters": {c: [f"cpu{n}" for n in of] for c, of in CLUSTERS.items()}}},
            **said.device,
        },
        conditions={"temperature_channel": "big", **said.conditions},
        clocks={
            HOST_CLOCK: IDENTITY.to_json(),
            DEVICE: ClockFit(DEVICE, 0, -round(AHEAD_S * S), 0.0, 2_000_000).to_json(),
        },
    )


def _write(
    writer: RunWriter,
    truth: Truth,
    rng: np.random.Generator,
    t: NDArray[np.float64],
    power_w: NDArray[np.float64],
    said: Said,
) -> None:
    accuracy = None if truth.gain_rel is None else Accuracy(truth.gain_rel, 0.0, "a calibration")
    channel = Channel("main", Quantity.POWER, period_s=0.05, window_s=0.0, boundary="battery_bypass", accuracy=accuracy)
    source = EnergySource(METER, ((channel.column,),), "battery_bypass")
    writer.add_collector(Opened("meter", {"": (channel,)}, sources=(source,)))
    seen = truth.gain * power_w + 0.01 * rng.standard_normal(len(t))
    writer.batch("meter", Batch(np.rint(t * S).astype(np.int64), {channel.column: seen}))
    for number, (more, t_ns, values) in enumerate(said.channels):
        writer.add_collector(Opened(f"more{number}", {"": (more,)}))
        writer.batch(f"more{number}", Batch(t_ns, {more.column: values}))


def _write_device(
    writer: RunWriter,
    rng: np.random.Generator,
    state: tuple[
        NDArray[np.float64],
        NDArray[np.float64],
        Mapping[str, NDArray[np.float64]],
        Mapping[int, NDArray[np.float64]],
    ],
) -> None:
    """The channels of the phone, once a second: warmth, load of each processor, time at each step."""
    t, warm_c, steps_hz, busy = state
    every = 20  # a second
    at = np.arange(every, len(t), every)
    values: dict[str, NDArray[Any]] = {}
    channels: list[Channel] = [Channel("big", Quantity.TEMPERATURE)]
    values[channels[0].column] = np.round(warm_c[at] + 0.05 * rng.standard_normal(len(at)), 1)
    for cpu in (number for of in CLUSTERS.values() for number in of):
        channel = Channel(f"cpu{cpu}", Quantity.LOAD, period_s=1.0, window_s=1.0)
        channels.append(channel)
        summed = np.concatenate(([0.0], np.cumsum(busy.get(cpu, np.zeros(len(t))))))
        values[channel.column] = np.round((summed[at] - summed[at - every]) / every, 2)
    for cluster, of in STEPS.items():
        for hz in of:
            channel = Channel(f"{cluster}_{hz / 1e3:.0f}khz", Quantity.DURATION, "counter", scale=0.01)
            channels.append(channel)
            ticks = np.concatenate(([0.0], np.cumsum(steps_hz[cluster] == hz))) * 5
            values[channel.column] = np.rint(ticks[at]).astype(np.int64)
    writer.add_collector(Opened("phone", {"": tuple(channels)}, clock=DEVICE))
    writer.batch("phone", Batch(np.rint((t[at] + AHEAD_S) * S).astype(np.int64), values))

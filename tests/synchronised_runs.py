"""Runs of a phone beside a meter on the lab's timeline: trains, idle, repeats, and how the clocks really lie."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.analysis.synchronised import train_attributes
from edgewatt.profiler.batch import Batch
from edgewatt.profiler.channel import Channel, EnergySource, Opened
from edgewatt.profiler.clock import HOST_CLOCK
from edgewatt.profiler.clockfit import IDENTITY, ClockFit
from edgewatt.profiler.storage.manifest import Manifest
from edgewatt.profiler.storage.writer import RunWriter
from edgewatt.profiler.synchronising.train import Edges, train
from edgewatt.profiler.units import Quantity
from edgewatt.profiler.window import IDLE_AFTER, IDLE_BEFORE, SYNC_END, SYNC_START, Window, measure_window
from edgewatt.virtual_lab.power.domains import Boundary, Device, Domain, Load
from edgewatt.virtual_lab.power.load import pulses
from edgewatt.virtual_lab.power.timeline import Timeline
from tests.measured_runs import CONFIG, FACTS, TOLD

S: Final = 1_000_000_000
PHONE: Final = "phone.boottime"
METER, GAUGE = "monsoon/main", "gauge/battery"
REPEATS, REPEAT_S, ITERATIONS = 3, 1.0, 100
# The phone's clock is ahead of the host's by so much; the echoes are wrong by nearly their bound.
AHEAD_S, DRIFT = 1.25, 40e-6
ECHO_WRONG_S, ECHO_BOUND_NS = 0.004, 5_000_000


@dataclass(frozen=True, slots=True)
class Plan:
    """What is wrong with a run."""

    wrong_phone: bool = False
    ends_at_s: float | None = None
    end_train: bool = True
    attributes: Mapping[str, Any] | None = None
    trains: bool = True
    repeats: bool = True


def recorded(path: Path, plan: Plan | None = None) -> list[float]:
    """A run in the folder `path`; the true joules per iteration of its repeats."""
    plan = plan or Plan()
    timeline, spans = Timeline(_device()), _schedule()
    for name, pairs in spans.items():
        if name.startswith(("sync", "measure")) and not (plan.wrong_phone and name.startswith("sync")):
            timeline.record(pulses("pulse" if name.startswith("sync") else "work", pairs[:, 0], pairs[:, 1]))
    end_ns = int(max(pairs[-1, 1] for pairs in spans.values())) + 2 * S
    writer = RunWriter.create(path, _manifest())
    _meter(writer, timeline, round(plan.ends_at_s * S) if plan.ends_at_s else end_ns)
    _gauge(writer, timeline, end_ns)
    for name, pairs in spans.items():
        if name.startswith("sync") and (not plan.trains or (name == SYNC_END and not plan.end_train)):
            continue
        if plan.repeats or not name.startswith("measure"):
            writer.window(_window(name, pairs, plan))
    writer.close()
    measured = [pairs for name, pairs in spans.items() if name.startswith("measure")]
    return [float(timeline.energy_j(p[0, 0], p[-1, 1], "supply")) / ITERATIONS for p in measured]


def phone_ns(host_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """The phone's clock."""
    return np.asarray(np.rint(host_ns * (1 + DRIFT) + AHEAD_S * 1e9), np.int64)


def _device() -> Device:
    cpu = Domain("cpu", 0.3, full_w=4.0, rise_s=0.012, fall_s=0.006)
    return Device(
        (cpu,),
        (Load("pulse", {"cpu": 0.4}), Load("work", {"cpu": 1.0})),
        boundaries=(Boundary("supply", {"cpu": 1.0}, 0.4),),
    )


def _schedule() -> dict[str, NDArray[np.int64]]:
    """The busy spans of each window, or the window itself where nothing runs; int64 of shape [n, 2]."""
    at, found = 10 * S, {IDLE_BEFORE: np.array([[8 * S, 10 * S]])}

    def trained(seed: int) -> NDArray[np.int64]:
        lengths_ns = np.rint(np.array(train(seed)).ravel() * 1e9).astype(np.int64)
        return (at + S // 2 + np.concatenate([[0], np.cumsum(lengths_ns)[:-1]])).reshape(-1, 2)

    found[SYNC_START] = trained(1)
    at = int(found[SYNC_START][-1, 1]) + S
    for repeat in range(REPEATS):
        found[measure_window(repeat)] = np.array([[at, at + round(REPEAT_S * S)]])
        at += round(REPEAT_S * S) + S // 2
    found[SYNC_END] = trained(2)
    at = int(found[SYNC_END][-1, 1]) + S
    found[IDLE_AFTER] = np.array([[at, at + 2 * S]])
    return found


def _window(name: str, pairs: NDArray[np.int64], plan: Plan) -> Window:
    if name.startswith("idle"):
        return Window(name, int(pairs[0, 0]), int(pairs[-1, 1]))
    stamped = phone_ns(pairs)
    span = (int(stamped[0, 0]), int(stamped[-1, 1]))
    if name.startswith("sync"):
        told = train_attributes(Edges(stamped[:, 0], stamped[:, 1], 1000), [METER])
        return Window(name, *span, clock=PHONE, attributes={**told, **(plan.attributes or {})})
    return Window(
        name, *span, clock=PHONE, config_id=CONFIG, attributes={**TOLD, "iterations": ITERATIONS, "latency_s": 0.01}
    )


def _manifest() -> Manifest:
    offset_ns = -round((AHEAD_S - ECHO_WRONG_S) * S)
    return Manifest(
        simulated=True,
        created="2026-01-02T03:04:05.678+00:00",
        command=["edgewatt", "profile"],
        versions={},
        device={"name": "phone", "device_id": "f00d", "soc": "chip", "idle_state": "awake", "session": "monday"},
        configs={CONFIG: dict(FACTS)},
        clocks={HOST_CLOCK: IDENTITY.to_json(), PHONE: ClockFit(PHONE, 0, offset_ns, 0.0, ECHO_BOUND_NS).to_json()},
    )


def _meter(writer: RunWriter, timeline: Timeline, end_ns: int) -> None:
    channel = Channel("main", Quantity.POWER, period_s=2e-4, window_s=0.0, boundary="battery_bypass")
    source = EnergySource(METER, ((channel.column,),), "battery_bypass")
    writer.add_collector(Opened("monsoon", {"": (channel,)}, sources=(source,)))
    t_ns = np.arange(5 * S, end_ns, 200_000)
    noise_w = 0.01 * np.random.default_rng(0).standard_normal(len(t_ns))
    writer.batch("monsoon", Batch(t_ns, {channel.column: timeline.power_w(t_ns, "supply") + noise_w}))


def _gauge(writer: RunWriter, timeline: Timeline, end_ns: int) -> None:
    """The phone's own, on its own clock: the trains are none of its business."""
    channel = Channel("battery", Quantity.POWER, period_s=0.01, window_s=0.0, boundary="gauge")
    source = EnergySource(GAUGE, ((channel.column,),), "gauge")
    writer.add_collector(Opened("gauge", {"": (channel,)}, sources=(source,), clock=PHONE))
    t_ns = np.arange(5 * S, end_ns, 10_000_000)
    writer.batch("gauge", Batch(phone_ns(t_ns), {channel.column: timeline.power_w(t_ns, "supply")}))

"""Synchronising in a profile run, in virtual time: when the trains are executed, for whom, and what comes of them."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest

from edgewatt.profiler.batch import Batch, Gap
from edgewatt.profiler.channel import Channel, EnergySource, Opened
from edgewatt.profiler.clock import Clock, ManualClock
from edgewatt.profiler.clockfit import Echo
from edgewatt.profiler.device import Device
from edgewatt.profiler.errors import DeviceError
from edgewatt.profiler.protocols import RepeatFacts, RepeatRequest, Sink, WorkloadFacts, WorkloadRequest
from edgewatt.profiler.running.profile import ProfileOptions, profile
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.synchronising.train import Edges, Train
from edgewatt.profiler.units import Quantity
from edgewatt.profiler.window import Window, measure_window
from edgewatt.virtual_lab.power import domains, load
from edgewatt.virtual_lab.power.timeline import Timeline

S = 1_000_000_000
PHONE = "phone.boottime"
AHEAD_NS, DRIFT, RTT_NS = 5 * S, 30e-6, 8_000_000
ITERATIONS = 50
CHANNEL = Channel("main", Quantity.POWER, period_s=5e-4, window_s=0.0, boundary="battery_bypass")


def timeline() -> Timeline:
    cpu = domains.Domain("cpu", 0.3, full_w=4.0, rise_s=0.012, fall_s=0.006)
    loads = (domains.Load("pulse", {"cpu": 0.4}), domains.Load("work", {"cpu": 1.0}))
    return Timeline(domains.Device((cpu,), loads), origin_ns=S)


@dataclass
class Phone:
    """A target and its workload; what it does is on the timeline, what it stamps is on its own clock."""

    clock: ManualClock
    power: Timeline = field(default_factory=timeline)
    true_j: list[float] = field(default_factory=list)
    spans_ns: list[tuple[int, int]] = field(default_factory=list)

    def stamp(self, t_ns: int) -> int:
        return round(t_ns * (1 + DRIFT)) + AHEAD_NS

    def pulses(self, train: Train) -> Edges:
        edges = []
        for busy_s, pause_s in train:
            edges.append(tuple(map(self.stamp, self._busy("pulse", busy_s))))
            self.clock.advance(pause_s)
        return Edges.of([(begin, end) for begin, end in edges], 1000)

    def _busy(self, what: str, seconds: float) -> tuple[int, int]:
        begin_ns = self.clock.now_ns()
        self.clock.advance(seconds)
        end_ns = self.clock.now_ns()
        self.power.record(load.pulses(what, begin_ns, end_ns))
        return begin_ns, end_ns

    # Target

    def probe_clock(self, clock: Clock) -> Echo:
        """An answer that took its time on one way only, so that the echo is off by nearly its bound."""
        asked_ns = clock.now_ns()
        device_ns = self.stamp(asked_ns)
        self.clock.advance(RTT_NS / S)
        return Echo(asked_ns, device_ns, clock.now_ns())

    def facts(self) -> Mapping[str, Any]:
        return {}

    def run(self, argv: Sequence[str], *, timeout_s: float) -> NoReturn:
        raise DeviceError(f"not asked for: {argv} {timeout_s}")

    def push(self, local: Path, remote: str) -> NoReturn:
        raise DeviceError(f"not asked for: {local} {remote}")

    def pull(self, remote: str, local: Path) -> NoReturn:
        raise DeviceError(f"not asked for: {local} {remote}")

    def apply(self, condition: str, value: str) -> NoReturn:
        raise DeviceError(f"not asked for: {condition} {value}")

    def undo(self, condition: str) -> None:
        """Nothing was set."""

    # Workload

    def open(self, clock: Clock) -> WorkloadFacts:
        assert clock is self.clock
        return WorkloadFacts("net", "ab" * 32, "litert", "2", "cpu", "int8", 1, 1)

    def repeat(self, request: RepeatRequest, sink: Sink) -> RepeatFacts:
        self.clock.advance(0.7)
        begin_ns, end_ns = self._busy("work", request.seconds)
        self.spans_ns.append((begin_ns, end_ns))
        told = {"iterations": ITERATIONS, "order": request.order, "target_used": "cpu", "latency_s": 0.02}
        span = self.stamp(begin_ns), self.stamp(end_ns)
        sink.window(Window(measure_window(request.repeat), *span, PHONE, config_id=request.config_id, attributes=told))
        self.clock.advance(0.4)
        return RepeatFacts(ITERATIONS, "cpu", steady=True)

    def close(self) -> None:
        """Nothing is left."""


class Meter:
    """A meter that gives all that it saw at the end; `power` is what it hangs on."""

    def __init__(self, power: Timeline) -> None:
        self._power = power

    def open(self, clock: Clock) -> Opened:
        self._clock, self._since_ns = clock, clock.now_ns()
        source = EnergySource("bench-meter/main", ((CHANNEL.column,),), "battery_bypass")
        return Opened("bench-meter", {"": (CHANNEL,)}, sources=(source,))

    def read(self, timeout_s: float) -> Batch:
        threading.Event().wait(min(timeout_s, 0.001))
        return Batch.empty()

    def drain(self) -> Iterator[Batch | Gap]:
        t_ns = np.arange(self._since_ns, self._clock.now_ns(), 500_000)
        noise_w = 0.005 * np.random.default_rng(1).standard_normal(len(t_ns))
        yield Batch(t_ns, {CHANNEL.column: self._power.power_w(t_ns, "cpu") + noise_w})

    def close(self) -> None:
        """Nothing is open."""


class Phases:
    """What was said of progress."""

    def __init__(self) -> None:
        self.said: list[tuple[str, float | None]] = []

    def phase(self, what: str, seconds_left: float | None = None) -> None:
        self.said.append((what, seconds_left))


@dataclass
class Bench:
    phone: Phone
    trace: Trace
    phases: list[tuple[str, float | None]]

    @property
    def row(self) -> dict[str, Any]:
        results = self.trace.results()
        assert results is not None
        (row,) = results.to_pylist()
        return dict(row)

    @property
    def true_j(self) -> float:
        begins, ends = np.array(self.phone.spans_ns).T
        return float(self.phone.power.energy_j(begins, ends, "cpu").mean()) / ITERATIONS


def profiled(path: Path, *, elsewhere: bool = False, broken: bool = False, own: bool = False) -> Bench:
    clock, phases = ManualClock(2 * S), Phases()
    phone = Phone(clock)
    collector = Meter(timeline() if elsewhere else phone.power)

    def fail(_: Train) -> Edges:
        raise DeviceError("the shell went away")

    def workload(_: WorkloadRequest) -> Phone:
        return phone

    device = Device(
        "test:phone",
        "phone",
        "f00d",
        (collector,) if own else (),
        target=phone,
        workload=workload,
        clock=PHONE,
        pulses=fail if broken else phone.pulses,
    )
    meter = device if own else Device("test:meter", "meter", "beef", (collector,))
    options = ProfileOptions(repeats=3, seconds=2.0, idle_s=2.0)
    trace = profile(
        device, WorkloadRequest(Path("net")), path, meters=(meter,), options=options, clock=clock, progress=phases
    )
    return Bench(phone, trace, phases.said)


def test_trains_are_executed_between_idle_and_the_repeats(tmp_path: Path) -> None:
    bench = profiled(tmp_path / "run")
    names = [window.name for window in bench.trace.windows()]
    measured = [measure_window(repeat) for repeat in range(3)]
    assert names == ["idle/before", "sync/start", *measured, "sync/end", "idle/after"]
    start, end = bench.trace.windows("sync/")
    assert start.clock == end.clock == PHONE
    assert start.attributes["sources"] == ["bench-meter/main"]
    assert start.attributes["bound_ns"] == 1000
    assert len({str(window.attributes["edges_ns"]) for window in (start, end)}) == 2, "each time another train"
    assert np.diff(np.array(start.attributes["edges_ns"]).ravel()).min() >= 0.1 * S
    said = [what for what, _ in bench.phases]
    assert said.count("synchronising") == 2
    assert said.index("idle before") < said.index("synchronising") < said.index("repeat 1 of 3")
    left_s = [left for _, left in bench.phases if left is not None]
    assert left_s == sorted(left_s, reverse=True)


def test_the_joules_are_those_of_the_meter_and_the_windows_those_of_the_phone(tmp_path: Path) -> None:
    bench = profiled(tmp_path / "run")
    assert bench.row["energy_gross_j_mean"] == pytest.approx(bench.true_j, rel=1e-3)
    assert bench.row["quality"] == "good"
    tie = bench.trace.manifest.clocks[f"bench-meter/main~{PHONE}"]
    assert tie["bound_ns"] < 500_000
    assert bench.trace.manifest.clocks[PHONE]["bound_ns"] == RTT_NS // 2


def test_a_meter_on_another_phone_is_refused(tmp_path: Path) -> None:
    bench = profiled(tmp_path / "run", elsewhere=True)
    assert bench.row["energy_gross_j_mean"] is None
    assert bench.row["latency_s_mean"] == 0.02
    assert any(reason.startswith("no_sync_peak: ") for reason in bench.row["quality_reasons"])


def test_a_device_that_cannot_pulse_marks_the_run_and_goes_on(tmp_path: Path) -> None:
    bench = profiled(tmp_path / "run", broken=True)
    assert not bench.trace.windows("sync/")
    assert "not_synchronised: the shell went away" in bench.trace.manifest.quality_reasons
    assert bench.row["energy_gross_j_mean"] == pytest.approx(bench.true_j, rel=0.02)


def test_its_own_instruments_need_no_train(tmp_path: Path) -> None:
    bench = profiled(tmp_path / "run", own=True)
    assert not bench.trace.windows("sync/")
    assert "synchronising" not in [what for what, _ in bench.phases]
    assert bench.row["energy_gross_j_mean"] is not None

"""A run while it is recorded: nothing hangs, nothing is lost in silence, everything is closed."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgewatt.profiler.batch import Batch, End, Gap
from edgewatt.profiler.channel import Channel, EnergySource, Opened
from edgewatt.profiler.clock import Clock, HostClock
from edgewatt.profiler.device import Device
from edgewatt.profiler.errors import DeviceError, UsageError
from edgewatt.profiler.running import recording as module
from edgewatt.profiler.running.beginning import begin_run
from edgewatt.profiler.running.recording import Recording
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.units import Quantity
from edgewatt.profiler.window import Window

POWER = Channel("rail", Quantity.POWER, boundary="rail", period_s=1e-3)


class Scripted:
    """An instrument that answers with what it was given, one item a read, and then as it was told to end."""

    def __init__(self, items: Iterator[Batch | Gap | End | Exception], *, name: str = "scripted") -> None:
        self.items, self.name, self.closed = items, name, 0
        self.channel = POWER if name == "scripted" else replace(POWER, name=name)

    def open(self, clock: Clock) -> Opened:
        self.clock = clock
        source = EnergySource(f"{self.name}/rail", ((self.channel.column,),), "rail")
        return Opened(self.name, {"": (self.channel,)}, sources=(source,))

    def read(self, timeout_s: float) -> Batch | Gap | End:
        item = next(self.items, None)
        if item is None:
            self.clock.sleep(timeout_s / 100)
            return Batch.empty()
        if isinstance(item, Exception):
            raise item
        return item

    def close(self) -> None:
        self.closed += 1


def batch(index: int, rows: int = 1000) -> Batch:
    t_ns = np.arange(index * rows, (index + 1) * rows, dtype=np.int64) * 1_000_000
    return Batch(t_ns, {POWER.column: np.full(rows, 2.5)})


def device() -> Device:
    return Device("test:", "a test", "test", ())


def record(path: Path, *collectors: Scripted) -> Recording:
    return Recording(begin_run(path, device()), collectors, HostClock())


def rows(path: Path) -> int:
    return sum(len(chunk.t_ns) for chunk in Trace.open(path).chunks("scripted"))


def test_every_sample_window_and_iteration_arrives(tmp_path: Path) -> None:
    collector = Scripted(iter([*(batch(i) for i in range(50)), End()]))
    with record(tmp_path / "run", collector) as recording:
        assert recording.has_energy
        recording.begin("c0ffee")
        recording.window(Window("measure/0", 0, 5, config_id="c0ffee", attributes={"iterations": 2}))
        recording.iterations(0, np.array([0, 2]), np.array([1, 4]))
        recording.raw("tool.txt", b"said\n")
        while not recording.ended:
            recording.wait(0.01)
    trace = Trace.open(tmp_path / "run")
    assert rows(trace.path) == 50_000
    assert trace.manifest.status == "complete"
    assert [w.name for w in trace.windows()] == ["measure/0"]
    assert trace.iterations()["latency_s"].to_pylist() == [1e-9, 2e-9]
    assert (trace.path / "raw" / "tool.txt").read_bytes() == b"said\n"
    assert collector.closed == 1


def test_an_overflow_is_a_gap_that_counts_what_it_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "QUEUE_LENGTH", 2)
    held = threading.Event()
    store = Recording._store

    def held_store(self: Recording, item: object) -> None:
        held.wait()
        store(self, item)  # type: ignore[arg-type]

    monkeypatch.setattr(Recording, "_store", held_store)
    collector = Scripted(iter([*(batch(i) for i in range(20)), End()]))
    with record(tmp_path / "run", collector) as recording:
        while collector.items.__length_hint__() > 0:  # type: ignore[attr-defined]
            recording.wait(0.01)
        held.set()
    trace = Trace.open(tmp_path / "run")
    gaps = trace.gaps("scripted")
    lost = sum(gap.samples_lost or 0 for gap in gaps)
    assert lost >= 16_000
    assert rows(trace.path) + lost == 20_000
    assert all("overflow" in gap.cause for gap in gaps)


def test_a_collector_that_breaks_does_not_end_the_others(tmp_path: Path) -> None:
    broken = Scripted(iter([DeviceError("the wire fell out")]), name="broken")
    with record(tmp_path / "run", broken, Scripted(iter([batch(0), End()]))) as recording:
        while not recording.ended:
            recording.wait(0.01)
    trace = Trace.open(tmp_path / "run")
    assert rows(trace.path) == 1000
    assert any("the wire fell out" in reason for reason in trace.manifest.quality_reasons)


def test_a_collector_that_never_returns_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STOP_TIMEOUT_S", 0.1)
    release = threading.Event()

    class Stuck(Scripted):
        def read(self, timeout_s: float) -> Batch | Gap | End:  # noqa: ARG002
            release.wait()
            return End()

    with record(tmp_path / "run", Stuck(iter([]))):
        pass
    release.set()
    assert "collector_stuck:scripted" in Trace.open(tmp_path / "run").manifest.quality_reasons


def test_a_disk_that_fails_is_told_in_the_callers_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise UsageError("cannot write: no space left on device")

    monkeypatch.setattr(module.RunWriter, "batch", full)
    with (
        pytest.raises(UsageError, match="no space"),
        record(tmp_path / "run", Scripted(batch(i) for i in range(10**9))) as recording,
    ):
        recording.wait(60)
    assert Trace.open(tmp_path / "run").manifest.status == "recording"


def test_ctrl_c_closes_the_run(tmp_path: Path) -> None:
    collector = Scripted(iter([batch(0)]))
    with pytest.raises(KeyboardInterrupt), record(tmp_path / "run", collector) as recording:  # noqa: PT012
        recording.idle("idle/before", 0.01)
        raise KeyboardInterrupt
    trace = Trace.open(tmp_path / "run")
    assert trace.manifest.status == "interrupted"
    assert [w.name for w in trace.windows()] == ["idle/before"]
    assert collector.closed == 1


def test_a_device_that_does_not_open_is_unavailable_with_its_reason(tmp_path: Path) -> None:
    class Absent(Scripted):
        def open(self, clock: Clock) -> Opened:  # noqa: ARG002
            raise DeviceError("nobody at home")

    with record(tmp_path / "run", Absent(iter([]))) as recording:
        assert not recording.has_energy
    assert Trace.open(tmp_path / "run").manifest.unavailable[0]["reason"] == "nobody at home"

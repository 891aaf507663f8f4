"""A stored run as a device: recorded again, it is the same run."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edgewatt.profiler.batch import Batch, End, Gap
from edgewatt.profiler.clock import NS_PER_S, Clock, ManualClock
from edgewatt.profiler.device import Device, families, open_device
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.protocols import Collector
from edgewatt.profiler.running.record import record
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.storage.writer import RunWriter
from edgewatt.profiler.window import Window
from tests.recorded_runs import CONFIG, METER, METER_CLOCK, begin, everything, manifest, recorded


class Repeats:
    """A RunWriter as the sink of a replay."""

    def __init__(self, writer: RunWriter) -> None:
        self.writer, self.config_id = writer, ""

    def begin(self, config_id: str) -> None:
        self.config_id = config_id

    def window(self, window: Window) -> None:
        self.writer.window(window)

    def iterations(self, repeat: int, t0_ns: NDArray[np.int64], t1_ns: NDArray[np.int64]) -> None:
        self.writer.begin_repeat(self.config_id, repeat)
        self.writer.iterations(repeat, t0_ns, t1_ns)

    def raw(self, name: str, content: bytes) -> None:
        self.writer.raw(name, content)


def read_to_the_end(collector: Collector, timeout_s: float = 1.0) -> list[Batch | Gap]:
    """What a collector gives until it says that it has ended."""
    items: list[Batch | Gap] = []
    while not isinstance(item := collector.read(timeout_s), End):
        items.append(item)
    return items


def record_again(device: Device, path: Path, clock: Clock) -> Trace:
    """What `record` does with a replay, one collector after the other."""
    writer = RunWriter.create(path, manifest(clocks={}, configs={}, conditions={}))
    assert device.recorded is not None
    device.recorded.restore(writer)
    for collector in device.collectors:
        name = collector.open(clock)
        writer.add_collector(name)
        for item in read_to_the_end(collector):
            (writer.gap if isinstance(item, Gap) else writer.batch)(name.name, item)  # type: ignore[operator]
        collector.close()
    device.recorded.replay(Repeats(writer))
    writer.close()
    return Trace.open(path)


@pytest.mark.parametrize("closed", [True, False])
def test_a_replay_recorded_is_the_same_run(tmp_path: Path, closed: bool) -> None:  # noqa: FBT001
    original = Trace.open(recorded(tmp_path / "run", closed=closed))
    again = record_again(open_device(f"replay:{original.path}"), tmp_path / "again", ManualClock())
    assert everything(again) == everything(original)
    for field in ("channels", "sources", "unavailable", "clocks", "configs", "conditions", "simulated"):
        stored, restored = getattr(original.manifest, field), getattr(again.manifest, field)
        assert {**restored} == {**stored} if isinstance(stored, dict) else restored == stored, field
    twice = record_again(open_device(f"replay:{again.path}"), tmp_path / "twice", ManualClock())
    assert everything(twice) == everything(original)


def test_record_plays_it_through_the_usual_path(tmp_path: Path) -> None:
    original = Trace.open(recorded(tmp_path / "run"))
    again = record(open_device(f"replay:{original.path}"), tmp_path / "again")
    assert everything(again) == everything(original)
    assert again.manifest.status == "complete"
    assert again.manifest.conditions == original.manifest.conditions
    assert again.manifest.device["name"] == "Galaxy S10e"
    assert again.manifest.device["replayed"]["uri"] == "virtual:phone"


def test_it_says_what_the_device_was(tmp_path: Path) -> None:
    run = recorded(tmp_path / "run")
    device = open_device(f"replay:{run}")
    assert (device.name, device.device_id, device.soc) == ("Galaxy S10e", "f00d", "Exynos 9820")
    assert device.simulated
    assert device.idle_state == "awake"
    assert device.workload is None
    assert device.facts["build"] == "SP1A"
    assert device.facts["replayed"]["session"] == "monday"
    assert not {"uri", "name", "session"} & set(device.facts)


def test_streams_keep_their_names_clocks_and_sources(tmp_path: Path) -> None:
    device = open_device(f"replay:{recorded(tmp_path / 'run')}")
    opened = [collector.open(ManualClock()) for collector in device.collectors]
    assert {o.name: o.clock for o in opened} == {
        "load": "host.monotonic",
        "meter": METER_CLOCK,
        "meter-slow": METER_CLOCK,
    }
    assert {o.name: o.sources for o in opened} == {"load": (), "meter": METER.sources, "meter-slow": ()}
    assert [u for o in opened for u in o.unavailable] == list(METER.unavailable)
    assert all(o.can_wait for o in opened)


def long_stream(path: Path, gaps: Sequence[Gap] = ()) -> Path:
    """A run whose meter gave 10,000 samples, one every 200 microseconds."""
    writer = begin(path)
    t_ns = np.arange(10_000) * 200_000
    writer.batch("meter", Batch(t_ns, {"main.voltage_v": t_ns / 1e9, "main.current_a": t_ns / 1e9}))
    for gap in gaps:
        writer.gap("meter", gap)
    writer.close()
    return path


def test_gaps_come_between_the_samples_that_they_separate(tmp_path: Path) -> None:
    gaps = [
        Gap(-5, -1, "early"),
        Gap(200_000, 200_001, "first"),
        Gap(200_000, 300_000, "second"),
        Gap(10**12, 10**13, "late"),
    ]
    device = open_device(f"replay:{long_stream(tmp_path / 'run', gaps)}")
    [meter] = [c for c in device.collectors if c.open(ManualClock()).name == "meter"]
    items = read_to_the_end(meter)
    assert [item.cause if isinstance(item, Gap) else len(item) for item in items] == [
        "early",
        2,
        "first",
        "second",
        4096,
        4096,
        1806,
        "late",
    ]
    stamps = np.concatenate([item.t_ns for item in items if isinstance(item, Batch)])
    assert stamps.tolist() == (np.arange(10_000) * 200_000).tolist()


@pytest.mark.parametrize("speed", [1.0, 4.0])
def test_at_the_recorded_pace_nothing_comes_early(tmp_path: Path, speed: float) -> None:
    clock = ManualClock(start_ns=77)
    device = open_device(f"replay:{long_stream(tmp_path / 'run')}?speed={speed}")
    [meter] = [c for c in device.collectors if c.open(clock).name == "meter"]
    first_ns = 5 * NS_PER_S  # where the fit of the meter's clock puts its stamp 0
    fit = Trace.open(tmp_path / "run").clock_fit(METER_CLOCK)
    count = 0
    while not isinstance(item := meter.read(0.05), End):
        assert isinstance(item, Batch)
        if len(item):
            passed_ns = (clock.now_ns() - 77) * speed
            assert fit.to_host(item.t_ns)[-1] - first_ns <= passed_ns + speed
        count += len(item)
    assert count == 10_000
    assert (clock.now_ns() - 77) / NS_PER_S == pytest.approx(2.0 / speed, rel=0.01)


def test_streams_share_one_beginning(tmp_path: Path) -> None:
    """The load is stamped when the meter's fit puts its samples: whoever is read first, both start together."""
    clock = ManualClock()
    device = open_device(f"replay:{recorded(tmp_path / 'run')}?speed=1")
    load, meter, _ = device.collectors
    for collector in (load, meter):
        collector.open(clock)
    first = load.read(0.0)
    clock.advance(0.05)
    second = meter.read(0.0)
    assert isinstance(first, Batch)
    assert isinstance(second, Batch)
    assert (len(first), len(second)) == (1, 10)


def test_a_read_returns_within_its_timeout(tmp_path: Path) -> None:
    clock = ManualClock()
    device = open_device(f"replay:{recorded(tmp_path / 'run')}?speed=0.001")
    collector = device.collectors[0]
    collector.open(clock)
    assert len(collector.read(0.2)) == 1  # type: ignore[arg-type]
    before_ns = clock.now_ns()
    assert len(collector.read(0.2)) == 0  # type: ignore[arg-type]
    assert clock.now_ns() - before_ns == round(0.2 * NS_PER_S)


def test_closing_ends_it(tmp_path: Path) -> None:
    collector = open_device(f"replay:{recorded(tmp_path / 'run')}").collectors[0]
    collector.open(ManualClock())
    assert isinstance(collector.read(1.0), Batch)
    collector.close()
    collector.close()
    assert isinstance(collector.read(1.0), End)


def test_iterations_of_several_configurations_are_kept_apart(tmp_path: Path) -> None:
    writer = begin(tmp_path / "run")
    for config_id, repeat in (("a", 0), ("b", 0), ("a", 1), ("b", 1), ("a", 0)):
        writer.begin_repeat(config_id, repeat)
        writer.iterations(repeat, np.array([1, 2]), np.array([3, 5]))
    writer.close()
    original = Trace.open(tmp_path / "run")
    assert original.iterations("a", 0)["iteration"].to_pylist() == [0, 1, 2, 3]
    again = record_again(open_device(f"replay:{original.path}"), tmp_path / "again", ManualClock())
    assert everything(again) == everything(original)
    assert again.operators()["config_id"].to_pylist() == [CONFIG, CONFIG]


@pytest.mark.parametrize(
    ("rest", "said"),
    [
        ("absent", "nothing there; expected the folder of a run"),
        ("file", r"no run\.json there"),
        ("empty", r"no run\.json there"),
        ("x" * 5000, "nothing there"),
        ("run?speed=0", "speed is '0', expected a number above 0"),
        ("run?speed=fast", "speed is 'fast'"),
        ("run?speed=nan", "speed is 'nan'"),
        ("run?pace=1", "no option 'pace'; known are speed"),
    ],
    ids=str,
)
def test_what_cannot_be_replayed_is_said(tmp_path: Path, rest: str, said: str) -> None:
    recorded(tmp_path / "run", 1)
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=said):
        open_device(f"replay:{tmp_path}/{rest}")


def test_a_path_is_needed() -> None:
    with pytest.raises(UsageError, match="nothing there"):
        open_device("replay:")


def test_nothing_is_discovered() -> None:
    assert families()["replay"].load().discover() == []


def test_a_run_without_samples_is_replayed(tmp_path: Path) -> None:
    writer = RunWriter.create(tmp_path / "run", manifest())
    writer.window(Window("measure/0", 1, 2))
    writer.close()
    again = record_again(open_device(f"replay:{writer.path}?speed={math.pi}"), tmp_path / "again", ManualClock())
    assert [window.name for window in again.windows()] == ["measure/0"]

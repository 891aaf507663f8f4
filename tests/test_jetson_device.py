"""The board that edgewatt runs on: streams and their pace, files that fail or come back, and what is no Jetson."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from edgewatt.collectors.android.files.look import Found
from edgewatt.collectors.host.conditions import Conditions
from edgewatt.collectors.host.conditions.system import Here
from edgewatt.collectors.host.places import Places
from edgewatt.collectors.jetson.device import FAMILY
from edgewatt.collectors.jetson.look import Roots
from edgewatt.collectors.jetson.polled import BoardFiles
from edgewatt.collectors.jetson.target import BoardTarget
from edgewatt.collectors.transports.local import LocalTarget
from edgewatt.profiler.batch import Batch, Gap
from edgewatt.profiler.clock import ManualClock
from edgewatt.profiler.device import Device, parse_uri
from edgewatt.profiler.errors import DeviceError, UsageError
from edgewatt.profiler.protocols import Completed
from edgewatt.profiler.running.record import record
from tests.jetson_trees import AGX_ORIN, ORIN_NX, board, found, orin_nx
from tests.trees import write

Reading = Callable[[Found], tuple[ManualClock, BoardFiles]]


@pytest.fixture
def reading() -> Iterator[Reading]:
    """Opens what reads a board, by a clock of its own; it is closed after the test."""
    with ExitStack() as held:

        def begin(of: Found) -> tuple[ManualClock, BoardFiles]:
            clock, collector = ManualClock(), held.enter_context(closing(BoardFiles(of)))
            collector.open(clock)
            return clock, collector

        yield begin


def opened(root: Path, options: str = "") -> Device:
    return FAMILY.open(parse_uri(f"jetson?root={root}{options}"))


def items(collector: BoardFiles, seconds: float, clock: ManualClock) -> Iterator[Batch | Gap]:
    """What it reads until that time, with whatever is due at its end."""
    end_ns = clock.now_ns() + round(seconds * 1e9)
    while True:
        item = collector.read(max(min(0.2, (end_ns - clock.now_ns()) / 1e9), 0.0))
        if isinstance(item, Gap) or len(item):
            yield item
        elif clock.now_ns() >= end_ns:
            return


def rails_of(read: list[Batch | Gap]) -> list[Batch]:
    return [item for item in read if isinstance(item, Batch) and item.stream == "rails"]


def test_rails_are_read_often_and_the_rest_seldom(tmp_path: Path) -> None:
    clock, collector = ManualClock(), BoardFiles(found(orin_nx(tmp_path)))
    told = collector.open(clock)
    assert set(told.channels) == {"rails", "freq", ""}
    read = list(items(collector, 4.0, clock))
    batches = [item for item in read if isinstance(item, Batch)]
    rows = {stream: sum(len(b) for b in batches if b.stream == stream) for stream in told.channels}
    assert rows == {"rails": 80, "freq": 40, "": 4}
    stamps = np.concatenate([b.t_ns for b in rails_of(read)])
    assert stamps.tolist() == [n * 50_000_000 for n in range(1, 81)]
    assert rails_of(read)[0].columns["vdd_in.current_a"][0] == 1.05
    collector.close()
    collector.close()


def test_a_rail_at_zero_beside_live_ones_is_a_reading_and_all_at_zero_are_not(reading: Reading, tmp_path: Path) -> None:
    made = board(tmp_path, AGX_ORIN)
    clock, collector = reading(found(made))
    (row,) = rails_of(list(items(collector, 0.05, clock)))
    assert row.columns["vdd_cpu_cv.current_a"][0] == 0.0
    for path in made.sysfs.glob("bus/i2c/devices/*/hwmon/hwmon*/curr[123]_input"):
        write(path, 0)
    (dead,) = rails_of(list(items(collector, 0.05, clock)))
    assert all(np.isnan(values).all() for values in dead.columns.values())


def test_eagain_is_null_at_once_and_nobody_waits(
    reading: Reading, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, collector = reading(found(orin_nx(tmp_path)))
    monkeypatch.setattr(os, "pread", gated)
    read = list(items(collector, 2.0, clock))
    assert not [item for item in read if isinstance(item, Gap)]
    assert all(np.isnan(v).all() for item in rails_of(read) for v in item.columns.values())
    assert sum(map(len, rails_of(read))) == 40


def gated(_fd: int, _length: int, _offset: int) -> bytes:
    raise BlockingIOError(11, "Resource temporarily unavailable")


def test_a_file_that_fails_is_null_and_marked_and_the_rest_goes_on(reading: Reading, tmp_path: Path) -> None:
    made = board(tmp_path, ORIN_NX)
    path = made.sysfs / "bus/i2c/devices/1-0040/hwmon/hwmon2/curr1_input"
    clock, collector = reading(found(made))
    list(items(collector, 0.1, clock))
    path.unlink()
    read = list(items(collector, 0.2, clock))
    (gap,) = [item for item in read if isinstance(item, Gap)]
    assert gap.stream == "rails"
    assert "curr1_input" in gap.cause
    assert np.isnan(rails_of(read)[-1].columns["vdd_in.current_a"][-1])
    assert rails_of(read)[-1].columns["vdd_soc.current_a"][0] == 0.28
    write(path, 2000)
    assert rails_of(list(items(collector, 0.1, clock)))[-1].columns["vdd_in.current_a"][0] == 2.0


def test_while_every_file_fails_there_is_a_gap_a_second_and_what_comes_back_is_read(
    reading: Reading, tmp_path: Path
) -> None:
    made = board(tmp_path, ORIN_NX)
    folder = made.sysfs / "bus/i2c/devices/1-0040/hwmon/hwmon2"
    clock, collector = reading(found(made))
    list(items(collector, 0.2, clock))
    for path in folder.iterdir():
        path.unlink()
    away = list(items(collector, 3.0, clock))
    assert all(isinstance(item, Gap) for item in away)
    assert 3 <= len(away) <= 5
    for number in (1, 2, 3):
        write(folder / f"in{number}_input", 5000)
        write(folder / f"curr{number}_input", 900)
    back = list(items(collector, 1.0, clock))
    assert isinstance(back[0], Gap)
    row = next(item for item in back if isinstance(item, Batch))
    assert row.columns["vdd_in.current_a"][0] == 0.9
    assert back[0].t1_ns == int(row.t_ns[0])
    gaps = [item for item in (*away, back[0]) if isinstance(item, Gap)]
    assert all(before.t1_ns == after.t0_ns for before, after in pairwise(gaps))


def test_counters_stay_whole(reading: Reading, tmp_path: Path) -> None:
    clock, collector = reading(found(orin_nx(tmp_path)))
    slow = [i for i in items(collector, 1.0, clock) if isinstance(i, Batch) and i.stream == ""]
    assert slow[0].columns["over_current_oc1.count_n"].dtype == np.int64
    assert slow[0].columns["over_current_oc1.count_n"].tolist() == [3]


def test_a_file_that_was_put_in_place_of_another_is_read(reading: Reading, tmp_path: Path) -> None:
    made = board(tmp_path, ORIN_NX)
    path = made.sysfs / "bus/i2c/devices/1-0040/hwmon/hwmon2/curr1_input"
    clock, collector = reading(found(made))
    list(items(collector, 0.1, clock))
    write(path.with_suffix(".new"), 777).replace(path)
    assert rails_of(list(items(collector, 0.1, clock)))[-1].columns["vdd_in.current_a"][0] == 0.777


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_nothing_stays_open(reading: Reading, tmp_path: Path) -> None:
    before = open_files()
    clock, collector = reading(found(orin_nx(tmp_path)))
    list(items(collector, 1.0, clock))
    assert open_files() > before
    collector.close()
    assert open_files() == before


def test_a_device_says_what_it_is(tmp_path: Path) -> None:
    orin_nx(tmp_path)
    device = opened(tmp_path)
    assert device.name.startswith("NVIDIA Jetson Orin NX")
    assert device.soc == "tegra234"
    assert len(device.device_id) == 16
    assert device.target is not None
    conditions = device.target.facts()
    assert conditions["nvpmodel"] == "15W"
    assert conditions["jetson_clocks"] == "off"
    assert conditions["governor"] == "schedutil"
    assert "pmic-die" not in conditions["temperatures_c"]
    assert conditions["temperature_c"] == 45.843


def test_a_run_holds_its_streams_and_sources(tmp_path: Path) -> None:
    orin_nx(tmp_path / "board")
    trace = record(opened(tmp_path / "board", "&period=0.01"), tmp_path / "run", seconds=0.3)
    assert set(trace.streams) >= {"jetson-freq", "jetson-rails"}
    assert trace.sources[0].name == "jetson/vdd_in"
    assert trace.stored_streams["jetson-rails"].rows > 3


def test_a_board_may_be_named_by_its_user(tmp_path: Path) -> None:
    board(tmp_path, AGX_ORIN)
    totals = [
        source.boundary
        for options in ("", "&board=jetson_agx_orin")
        for source in opened(tmp_path, options).collectors[0].open(ManualClock()).sources
    ]
    assert totals.count("board") == 1


def test_a_folder_with_characters_that_globs_know(tmp_path: Path) -> None:
    root = tmp_path / "a[b]?"
    orin_nx(root)
    device = FAMILY.open(parse_uri("jetson?root=" + str(root).replace("?", "%3F")))
    told = device.collectors[0].open(ManualClock())
    assert any(channel.column == "vdd_in.current_a" for channel in told.channels["rails"])
    assert device.target is not None
    assert device.target.facts()["nvpmodel"] == "15W"


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("jetson:orin", "the board is just `jetson`"),
        ("jetson?root=/nowhere", "is not a folder"),
        ("jetson?speed=1", "no option 'speed'"),
        ("jetson?board=jetson_venus", "neither a .toml file nor one of"),
        ("jetson?period=0", "expected seconds"),
    ],
)
def test_a_uri_that_is_none_is_refused(uri: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        FAMILY.open(parse_uri(uri))


def test_another_machine_is_no_jetson(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="no Jetson"):
        opened(tmp_path)


def test_this_machine_is_listed_only_if_it_is_one() -> None:
    is_one = Path("/etc/nv_tegra_release").exists() or Path("/sys/firmware/devicetree/base/model").exists()
    assert is_one or FAMILY.discover() == []


def test_a_board_s_own_programs_are_asked_and_may_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(_: LocalTarget, argv: Sequence[str], *, timeout_s: float) -> Completed:  # noqa: ARG001
        if argv[0] == "jetson_clocks":
            raise DeviceError("not installed")
        return Completed(0, b"NV Power Mode: 30W\n2\n", b"")

    monkeypatch.setattr(LocalTarget, "run", run)
    none = Conditions(Here(Places()), {}, family="jetson", device_id="x", uri="jetson")
    conditions = BoardTarget(Places(), Roots(), none).facts()
    assert (conditions["nvpmodel"], conditions["nvpmodel_id"]) == ("30W", 2)
    assert "jetson_clocks_show" not in conditions


def test_a_board_without_a_power_that_can_be_read_says_so(tmp_path: Path) -> None:
    board(tmp_path, {}).named("NVIDIA Jetson TX2 NX", ("nvidia,p3636-0001",), release="R32 (release), REVISION: 7.1")
    (files,) = opened(tmp_path).collectors
    told = files.open(ManualClock())
    assert not told.sources
    reason = next(u for u in told.unavailable if u.what == "board.energy_j")
    assert "no tegrastats" in reason.reason

"""tegrastats as a child: lines as they come, its end and its return, and programs that are none."""

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from edgewatt.collectors.jetson.device import FAMILY
from edgewatt.collectors.jetson.tegrastats import Tegrastats
from edgewatt.device_profiles.loader import load
from edgewatt.profiler.batch import Batch, Gap
from edgewatt.profiler.channel import Opened
from edgewatt.profiler.clock import HostClock
from edgewatt.profiler.device import parse_uri
from tests.jetson_trees import board

LINE = "RAM 6334/15388MB (lfb 1770x4MB) CPU [6%@729,off] EMC_FREQ 0%@2133 GPU@{t}C VDD_IN {mw}mW/5299mW VDD_SOC 1mW/1mW"
# Prints what a test gives, waits on its pipe for the next word, and ends with it.
PROGRAM = """#!{python} -ES
import sys
assert sys.argv[1] == "--interval", sys.argv
with open({fifo!r}) as words:
    for line in words:
        if line == "end\\n":
            break
        sys.stdout.write(line.replace("<ms>", sys.argv[2]))
        sys.stdout.flush()
"""


class Board:
    """A program in the form of tegrastats, and the words that it is told to print."""

    def __init__(self, folder: Path) -> None:
        self.fifo, self.path = folder / "words", folder / "tegrastats"
        os.mkfifo(self.fifo)
        self.path.write_text(PROGRAM.format(python=sys.executable, fifo=str(self.fifo)))
        self.path.chmod(self.path.stat().st_mode | stat.S_IXUSR)
        self._words = os.open(self.fifo, os.O_RDWR)

    def say(self, *lines: str) -> None:
        os.write(self._words, "".join(f"{line}\n" for line in lines).encode())

    def close(self) -> None:
        os.close(self._words)


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Board]:
    made = Board(tmp_path)
    yield made
    made.close()


@contextmanager
def started(program: Board, **options: object) -> Iterator[tuple[Tegrastats, Opened]]:
    collector = Tegrastats((str(program.path),), load("jetson_orin_nx"), **options)  # type: ignore[arg-type]
    try:
        yield collector, collector.open(HostClock())
    finally:
        collector.close()


def next_of(collector: Tegrastats) -> Batch | Gap:
    for _ in range(200):
        item = collector.read(0.1)
        if isinstance(item, Gap) or len(item):
            return item
    raise AssertionError("nothing came within 20 s")


def test_lines_become_rows_as_they_come(program: Board) -> None:
    program.say(LINE.format(t=40, mw=5000), LINE.format(t=-256, mw=5100))
    with started(program, period_s=0.2) as (collector, told):
        assert told.facts["command"][-2:] == ["--interval", "200"]
        assert [source.name for source in told.sources] == ["tegrastats/vdd_in", "tegrastats/vdd_soc"]
        assert told.sources[0].boundary == "board"
        program.say(LINE.format(t=41, mw=5200))
        rows = [next_of(collector)]
        while rows[-1].columns["vdd_in.power_w"][0] != 5.2:  # type: ignore[union-attr]
            rows.append(next_of(collector))
        stamps = [int(row.t_ns[0]) for row in rows if isinstance(row, Batch)]
        assert stamps == sorted(stamps)


def test_what_sysfs_gives_is_not_given_twice(program: Board) -> None:
    program.say(LINE.format(t=40, mw=5000))
    with started(program, without={"gpu.temperature_c", "cpu0.load_ratio"}) as (_, told):
        columns = {channel.column for channel in told.channels[""]}
        assert "gpu.temperature_c" not in columns
        assert {"vdd_in.power_w", "cpu0.frequency_hz"} <= columns


def test_every_rail_at_zero_is_null(program: Board) -> None:
    program.say(LINE.format(t=40, mw=5000))
    with started(program) as (collector, _):
        program.say(LINE.format(t=40, mw=0).replace("VDD_SOC 1mW", "VDD_SOC 0mW"))
        row = next_of(collector)
        assert isinstance(row, Batch)
        assert np.isnan(row.columns["vdd_in.power_w"][0])
        assert row.columns["cpu0.load_ratio"][0] == 0.06


def test_a_program_that_shows_nothing_but_zeros_says_so(program: Board) -> None:
    program.say(LINE.format(t=40, mw=0).replace("VDD_SOC 1mW", "VDD_SOC 0mW"))
    with started(program) as (_, told):
        assert [u.what for u in told.unavailable if "every rail reads 0" in u.reason] == ["board.energy_j"]


def test_what_it_shows_later_and_what_is_no_line_is_told(program: Board) -> None:
    program.say(LINE.format(t=40, mw=5000))
    with started(program) as (collector, _):
        program.say("killed", "\x00\xff", LINE.format(t=40, mw=1) + " tj@50C")
        next_of(collector)
        learnt = collector.learnt()
        assert learnt.facts == {"tegrastats_columns_later": ["tj.temperature_c"]}
        assert learnt.reasons == ("meter_values_unreadable:tegrastats:2",)


def test_when_it_ends_there_is_a_gap_and_it_is_started_again(program: Board) -> None:
    program.say(LINE.format(t=40, mw=5000))
    with started(program) as (collector, _):
        program.say("end")
        gap = next_of(collector)
        assert isinstance(gap, Gap)
        assert gap.cause == "tegrastats has ended"
        program.say(LINE.format(t=40, mw=5500))
        back = next_of(collector)
        assert isinstance(back, Gap)
        row = next_of(collector)
        assert isinstance(row, Batch)
        assert row.columns["vdd_in.power_w"][0] == 5.5


@pytest.mark.parametrize("program_path", ["/nowhere/tegrastats", "/bin/true"])
def test_a_program_that_prints_nothing_gives_a_reason(program_path: str) -> None:
    collector = Tegrastats((program_path,), load("jetson_orin_nx"))
    told = collector.open(HostClock())
    assert not told.channels
    assert [u.what for u in told.unavailable] == ["rails"]
    assert len(collector.read(0.0)) == 0  # type: ignore[arg-type]
    collector.close()


@pytest.mark.parametrize("installed", [False, True])
def test_a_board_without_readable_rails_asks_its_tegrastats(tmp_path: Path, program: Board, *, installed: bool) -> None:
    root = tmp_path / "root"
    board(root, {}).named("NVIDIA Jetson Orin NX", ("nvidia,p3767-0000",))
    program.say(LINE.format(t=40, mw=5000))
    option = "" if installed else f"&tegrastats={program.path}"
    if installed:
        (root / "usr/bin").mkdir(parents=True)
        program.path.rename(root / "usr/bin/tegrastats")
    device = FAMILY.open(parse_uri(f"jetson?root={root}{option}"))
    told = [collector.open(HostClock()) for collector in device.collectors]
    for collector in device.collectors:
        collector.close()
    assert [one.name for one in told] == ["jetson", "tegrastats"]
    assert told[1].sources[0].name == "tegrastats/vdd_in"

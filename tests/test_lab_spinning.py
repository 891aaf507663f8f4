"""A shell that loops is a load of the virtual phone, from the look at which it began to the one at which it ended."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgewatt.virtual_lab.phone.events import PIPE, Events, parse_event
from edgewatt.virtual_lab.phone.spinning import state_of, watch

LOOK_NS = 500_000


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[int]:
    """A lab's folder whose pipe is read here."""
    (tmp_path / PIPE).parent.mkdir()
    os.mkfifo(tmp_path / PIPE)
    pipe = os.open(tmp_path / PIPE, os.O_RDWR | os.O_NONBLOCK)
    yield pipe
    os.close(pipe)


def told(lab: int, tmp_path: Path, states: bytes) -> list[tuple[float, str]]:
    """When and what a watch tells of a process with these states, one look each."""
    looks = iter(range(0, 10**9, LOOK_NS))
    seen = iter([states[at : at + 1] for at in range(len(states))])
    watch(lambda: next(seen, None), Events.of(str(tmp_path)), lambda: next(looks))
    lines = os.read(lab, 1 << 16).splitlines() if os.fstat(lab) else []
    events = [parse_event(line) for line in lines]
    return [(e.t_ns / LOOK_NS, e.what) for e in events if e is not None and e.t_ns is not None]


def test_an_edge_lies_between_two_looks(lab: int, tmp_path: Path) -> None:
    assert told(lab, tmp_path, b"SSSRRRRSSSZ") == [(3.5, "busy"), (7.5, "idle")]


def test_one_look_is_no_edge(lab: int, tmp_path: Path) -> None:
    assert told(lab, tmp_path, b"SSRSSRRRRSRRSSS")[:2] == [(5.5, "busy"), (12.5, "idle")]


def test_a_process_that_ends_while_it_loops_is_idle(lab: int, tmp_path: Path) -> None:
    assert [what for _, what in told(lab, tmp_path, b"SRRR")] == ["busy", "idle"]


def test_the_state_of_this_process_and_of_none(tmp_path: Path) -> None:
    stat = os.open("/proc/self/stat", os.O_RDONLY)
    assert state_of(stat) == b"R"
    os.close(stat)
    (tmp_path / "stat").write_bytes(b"1 (a) b) S 1 2")
    other = os.open(tmp_path / "stat", os.O_RDONLY)
    assert state_of(other) == b"S"
    os.close(other)
    assert state_of(other) is None

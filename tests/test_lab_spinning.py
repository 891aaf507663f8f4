"""Pinned processes are loads of the virtual phone's processors, of which this machine need not have one."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edgewatt.virtual_lab.phone.events import PIPE, Event, Events, parse_event
from edgewatt.virtual_lab.phone.personalities import personality
from edgewatt.virtual_lab.phone.pinned import Pinned, cpus_of, placed
from edgewatt.virtual_lab.phone.spinning import NOTHING, Doing, Watch, Watched, children, state_of

LOOK_NS = 500_000
LOOP, COPY = Doing(1), Doing(1, copies=True)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[int]:
    """A lab's folder whose pipe is read here."""
    (tmp_path / "run/affinity").mkdir(parents=True)
    os.mkfifo(tmp_path / PIPE)
    pipe = os.open(tmp_path / PIPE, os.O_RDWR | os.O_NONBLOCK)
    yield pipe
    os.close(pipe)


def heard(lab: int) -> list[Event]:
    """What was told so far."""
    try:
        lines = os.read(lab, 1 << 16).splitlines()
    except BlockingIOError:
        return []
    return [event for line in lines if (event := parse_event(line)) is not None]


def told(lab: int, tmp_path: Path, seen: str) -> list[tuple[float, str, tuple[str, ...]]]:
    """When and what is told of a process that is seen so, a letter for each look: S, R, C (it copies), Z."""
    looks = iter([{"S": NOTHING, "R": LOOP, "C": COPY, "Z": None}[letter] for letter in seen])
    watch = Watch(tmp_path, Events.of(str(tmp_path)))
    watch.watched[77] = Watched(lambda: next(looks), 0)
    for number in range(1, len(seen) + 1):
        watch.look(number * LOOK_NS)
    assert not watch.watched or "Z" not in seen
    return [(e.t_ns / LOOK_NS, e.what, e.words) for e in heard(lab) if e.t_ns is not None and e.pid == 77]


def test_an_edge_lies_between_two_looks(lab: int, tmp_path: Path) -> None:
    loop = ("1", "loop", "1")
    assert told(lab, tmp_path, "SSSRRRRSSSZ") == [(3.5, "spin", loop), (7.5, "idle", ()), (11.0, "idle", ())]


def test_one_look_is_no_edge(lab: int, tmp_path: Path) -> None:
    assert [row[:2] for row in told(lab, tmp_path, "SSRSSRRRRSRRSSS")] == [(5.5, "spin"), (12.5, "idle")]


def test_a_copy_is_told_from_a_loop(lab: int, tmp_path: Path) -> None:
    said = told(lab, tmp_path, "RRCCC")
    assert [(at, words[1]) for at, _, words in said] == [(0.5, "loop"), (2.5, "copy")]


def test_a_process_that_ends_while_it_loops_is_idle(lab: int, tmp_path: Path) -> None:
    assert [what for _, what, _ in told(lab, tmp_path, "SRRRZ")] == ["spin", "idle"]


def test_what_taskset_says(lab: int, tmp_path: Path) -> None:
    watch = Watch(tmp_path, Events.of(str(tmp_path)))
    watch.pins(f"{os.getpid()} c".encode(), 1)
    assert heard(lab) == []  # the line goes on
    watch.pins(b"0\nnonsense\n\xff \xff\n1 \n99999999999 1\n4194304 1\n", 2)
    assert [(e.pid, e.what, e.words) for e in heard(lab)] == [(os.getpid(), "pin", ("6,7",))]
    assert list(watch.watched) == [os.getpid()]


def test_masks() -> None:
    assert cpus_of("c0") == (6, 7)
    assert cpus_of("0x1") == (0,)
    assert [cpus_of(word) for word in ("", "zz", "-1", "0", "f" * 40)] == [()] * 5


def test_each_thread_has_a_processor_of_its_own_as_long_as_there_are_some() -> None:
    phone = personality("pixel")
    loop = Pinned((6, 7))
    assert sorted(placed(phone, [loop])) == [7]
    assert sorted(placed(phone, [loop, loop, loop])) == [6, 7]
    assert sorted(placed(phone, [loop, Pinned((7,)), Pinned((0,), copies=True)])) == [0, 6, 7]
    assert sorted(placed(phone, [Pinned((6, 7), threads=2)])) == [6, 7]
    assert placed(phone, [Pinned((31,)), Pinned(())]) == {}
    offline = replace(phone, clusters=(*phone.clusters[:2], replace(phone.clusters[2], online=False)))
    assert placed(offline, [loop]) == {}


def test_the_state_of_this_process_and_of_none(tmp_path: Path) -> None:
    stat = os.open("/proc/self/stat", os.O_RDONLY)
    assert state_of(stat)[1] == b"R"
    os.close(stat)
    (tmp_path / "stat").write_bytes(b"1 (a) b) S 1 2")
    other = os.open(tmp_path / "stat", os.O_RDONLY)
    assert state_of(other) == (b"a) b", b"S")
    os.close(other)
    assert state_of(other) == (b"", None)
    assert children(1 << 22) == []

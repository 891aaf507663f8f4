"""A command on a board behind OpenSSH's own server: output as it comes, marks on the board's clock, nothing left."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgewatt.collectors.boards.device import FAMILY
from edgewatt.collectors.runtimes.commands.asked import Asked, asked
from edgewatt.collectors.runtimes.commands.device import executing
from edgewatt.collectors.runtimes.commands.places import ON_ARRIVAL
from edgewatt.profiler.clock import HOST_CLOCK, HostClock
from edgewatt.profiler.device import Device, parse_uri
from edgewatt.profiler.errors import DeviceError
from edgewatt.profiler.protocols import RepeatFacts, RepeatRequest, WorkloadRequest
from tests.sshd.server import Board, running_with
from tests.test_command_outcome import Kept

pytest_plugins = ["tests.sshd.fixtures"]
pytestmark = pytest.mark.peer

PATIENCE_S = 30.0
PYTHON_THERE = subprocess.run(["/bin/sh", "-c", "command -v python3"], capture_output=True, check=False).returncode == 0
# As `edgewatt.window` writes it, by the board's own Python, which has no edgewatt.
STEPS = """
import os, time
for _ in range(3):
    t0 = time.monotonic_ns(); time.sleep(0.02); t1 = time.monotonic_ns()
    with open(os.environ["EDGEWATT_MARKS"], "a") as marks:
        marks.write(f"w {t0} {t1} 0 1.1 - step\\n")
"""


@pytest.fixture
def device(board: Board) -> Iterator[Device]:
    found = FAMILY.open(parse_uri(board.address.text))
    yield found
    found.close()


def execute(device: Device, command: Asked) -> tuple[RepeatFacts, Kept]:
    sink = Kept()
    sink.raw = lambda _name, _content: None  # type: ignore[method-assign]
    make = executing(device, command).workload
    assert make is not None
    workload = make(WorkloadRequest(Path("x")))
    workload.open(HostClock())
    try:
        return workload.repeat(RepeatRequest(0, "c", 5.0, 0, 1.0), sink), sink
    finally:
        workload.close()


def test_printed_marks_arrive_as_they_are_printed(device: Device) -> None:
    loop = "for i in 1 2 3; do echo edgewatt: iteration; sleep 0.2; done"
    facts, sink = execute(device, Asked(("sh", "-c", loop)))
    assert facts.iterations == 2
    assert facts.reasons == (ON_ARRIVAL,)
    assert all(t1 > t0 for t0, t1 in sink.pairs), "they came one by one"
    assert sink.windows[-1].clock == HOST_CLOCK


@pytest.mark.skipif(not PYTHON_THERE, reason="the board's programs are this machine's, which has no python3")
def test_marks_of_the_board_are_on_its_clock(device: Device, board: Board) -> None:
    facts, sink = execute(device, Asked(("python3", "-c", STEPS)))
    measured = sink.windows[-1]
    assert (facts.iterations, facts.reasons) == (3, ())
    assert measured.clock == device.clock
    assert all((t1 - t0) / 1e9 >= 0.02 for t0, t1 in sink.pairs)
    assert not list(board.home.glob("edgewatt.*"))


def test_words_arrive_whole(device: Device) -> None:
    """The board's login shell expands none of them."""
    says = "a  $HOME `id` \\n!*"
    with pytest.raises(DeviceError) as error:
        execute(device, Asked(("sh", "-c", 'printf "%s" "$0" >&2; exit 3', says)))
    assert "exit code 3" in str(error.value)
    assert "it last said: a $HOME `id`" in str(error.value)


def test_a_program_that_is_not_there(device: Device) -> None:
    with pytest.raises(DeviceError, match="could not be started there"):
        execute(device, asked("no-such-program-there"))


def test_one_that_does_not_end_is_ended_there(device: Device) -> None:
    with pytest.raises(DeviceError, match="was not done within"):
        execute(device, Asked(("sleep", "61.25"), timeout_s=1.0))
    end_s = time.monotonic() + PATIENCE_S
    while running_with("sleep 61.25"):
        assert time.monotonic() < end_s, "it goes on there"
        time.sleep(0.02)

"""Commands on another machine, by a Target that has streams and by one that has none; both are fakes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from edgewatt.collectors.runtimes.commands.asked import Asked
from edgewatt.collectors.runtimes.commands.device import executing
from edgewatt.collectors.runtimes.commands.places import NO_MARKS_FILE, NOT_STREAMED, ON_ARRIVAL, There
from edgewatt.collectors.runtimes.commands.workload import EXIT_UNKNOWN, CommandWorkload
from edgewatt.collectors.transports.link import LinkLost
from edgewatt.profiler.clock import Clock, ManualClock
from edgewatt.profiler.clockfit import Echo
from edgewatt.profiler.device import Device
from edgewatt.profiler.errors import DeviceError, UsageError
from edgewatt.profiler.protocols import Completed, RepeatFacts, RepeatRequest, WorkloadRequest
from tests.test_command_outcome import Kept

S = 1_000_000_000
# The board booted this long after the host.
BOOTED_NS = 40 * S


class Board:
    """A Target whose commands take a second and print `said`; without streams."""

    def __init__(self, clock: ManualClock, said: bytes = b"", code: int | None = 0, marks: bytes | None = b"") -> None:
        self.clock, self.said, self.code, self.marks = clock, said, code, marks
        self.ran: list[tuple[str, ...]] = []
        self.slept_ns = 0

    def run(self, argv: Sequence[str], *, timeout_s: float) -> Completed:
        assert timeout_s > 0
        self.ran.append(tuple(argv))
        if argv[0] == "sh" and "mktemp" in argv[2]:
            return Completed(1, b"", b"denied") if self.marks is None else Completed(0, b"/tmp/tmp.x1\n", b"")
        if argv[0] == "python3":
            return Completed(0, b"%d\n" % self.slept_ns, b"") if self.slept_ns else Completed(127, b"", b"not found")
        if argv[0] == "head":
            return Completed(0, self.marks or b"", b"")
        if argv[0] != "rm":
            self.clock.advance(1.0)
            return Completed(self.code or 0, self.said, b"bad" if self.code else b"")
        return Completed(0, b"", b"")

    def probe_clock(self, clock: Clock) -> Echo:
        now_ns = clock.now_ns()
        return Echo(now_ns, now_ns - BOOTED_NS, now_ns)

    def pull(self, remote: str, local: Path) -> None:
        raise DeviceError(f"no {remote}, nothing for {local}")


class StreamingBoard(Board):
    """One that has streams: each line comes after a second."""

    def stream(self, argv: Sequence[str]) -> "Lines":
        self.ran.append(tuple(argv))
        return Lines(self, [line + b"\n" for line in self.said.split(b"\n")])


class Lines:
    """A Stream that gives a line per read."""

    def __init__(self, board: Board, lines: list[bytes]) -> None:
        self._board, self._lines = board, lines
        self.stderr = b"bad" if board.code else b""
        self.returncode: int | None = None
        self.closed = False

    def read(self, timeout_s: float) -> bytes | None:
        assert timeout_s > 0
        if not self._lines:
            self.returncode = self._board.code
            return None
        self._board.clock.advance(1.0)
        line = self._lines.pop(0)
        if line == b"lost\n":
            raise LinkLost("the board is away")
        return line

    def close(self) -> None:
        self.closed = True


def execute(board: Board, *, clock_name: str = "board.monotonic", env: dict[str, str] | None = None) -> Any:
    """What one repeat told, and where it is."""
    command = Asked(("prog", "a b"), 60.0, env=env or {})
    workload = CommandWorkload(There(command, board, clock_name), command)  # type: ignore[arg-type]
    sink = Kept()
    sink.raw = lambda _name, _content: None  # type: ignore[method-assign]
    workload.open(board.clock)
    try:
        facts: RepeatFacts = workload.repeat(RepeatRequest(0, "c", 5.0, 0, 1.0), sink)
    finally:
        workload.close()
    return facts, sink


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(100 * S)


def test_lines_are_stamped_as_they_arrive(clock: ManualClock) -> None:
    board = StreamingBoard(clock, b"edgewatt: begin step\nwork\nedgewatt: end step")
    facts, sink = execute(board)
    assert (facts.iterations, facts.reasons) == (1, (ON_ARRIVAL,))
    assert sink.pairs == [[101 * S, 103 * S]]
    assert sink.windows[-1].clock == "host.monotonic"


def test_stamps_of_the_board_stay_on_its_clock(clock: ManualClock) -> None:
    board = StreamingBoard(clock, marks=b"w 60100000000 60200000000 0 7.8 torch step\n")
    facts, sink = execute(board)
    measured = sink.windows[-1]
    assert facts.reasons == ()
    assert (measured.clock, measured.t0_ns, measured.t1_ns) == ("board.monotonic", 60_100_000_000, 60_200_000_000)
    assert sink.pairs == [[100_100_000_000, 100_200_000_000]]


def test_a_clock_that_also_counts_sleep_is_not_that_of_the_marks(clock: ManualClock) -> None:
    board = StreamingBoard(clock, b"edgewatt: begin a t_ns=5\nedgewatt: end a t_ns=6")
    facts, sink = execute(board, clock_name="phone.boottime")
    assert facts.reasons == ("mark_time_unused", ON_ARRIVAL)
    assert sink.windows[-1].clock == "host.monotonic"


def test_the_clock_of_a_board_that_counts_sleep_is_asked_for(clock: ManualClock) -> None:
    """Samples of it are stamped by BOOTTIME, marks by MONOTONIC: its own Python tells how far they are apart."""
    board = StreamingBoard(clock, marks=b"w 50100000000 50200000000 0 7.8 torch step\n")
    board.slept_ns = 10 * S
    facts, sink = execute(board, clock_name="board.boottime")
    measured = sink.windows[-1]
    assert facts.reasons == ()
    assert (measured.clock, measured.t0_ns) == ("board.boottime", 60_100_000_000)
    assert sink.pairs == [[100_100_000_000, 100_200_000_000]]


def test_the_command_gets_its_variables_and_its_words_whole(clock: ManualClock) -> None:
    board = StreamingBoard(clock)
    execute(board, env={"A": "b c"})
    assert ("env", "PYTHONUNBUFFERED=1", "A=b c", "EDGEWATT_MARKS=/tmp/tmp.x1", "prog", "a b") in board.ran
    assert board.ran[-1] == ("rm", "-f", "/tmp/tmp.x1")


def test_without_streams_one_window_and_why(clock: ManualClock) -> None:
    facts, sink = execute(Board(clock, b"edgewatt: begin step\nedgewatt: end step\n"))
    assert NOT_STREAMED in facts.reasons
    assert sink.windows[-1].t1_ns - sink.windows[-1].t0_ns <= S


def test_without_a_place_for_marks_it_is_said(clock: ManualClock) -> None:
    facts, _ = execute(StreamingBoard(clock, marks=None))
    assert NO_MARKS_FILE in facts.reasons


@pytest.mark.parametrize("board", [Board, StreamingBoard])
def test_a_command_that_fails_there(clock: ManualClock, board: type[Board]) -> None:
    with pytest.raises(DeviceError, match=r"ended with exit code 3 after .* it last said: bad"):
        execute(board(clock, b"x", code=3))
    with pytest.raises(DeviceError, match="could not be started there"):
        execute(board(clock, b"x", code=127))


def test_an_exit_code_that_nobody_tells(clock: ManualClock) -> None:
    facts, _ = execute(StreamingBoard(clock, code=None))
    assert EXIT_UNKNOWN in facts.reasons


def test_a_connection_that_is_lost(clock: ManualClock) -> None:
    board = StreamingBoard(clock, b"one\nlost\ntwo")
    with pytest.raises(LinkLost, match="away"):
        execute(board)
    assert board.ran[-1][0] == "rm"


def test_a_meter_executes_nothing() -> None:
    meter = Device("monsoon:1", "Monsoon", "1", ())
    with pytest.raises(UsageError, match="is a meter and executes nothing"):
        executing(meter, Asked(("true",)))


def test_beside_a_meter_it_is_the_same_command(clock: ManualClock) -> None:
    device = Device("adb:", "phone", "1", (), target=StreamingBoard(clock))  # type: ignore[arg-type]
    whole = Device("adb:", "phone", "1", (), target=device.target, quiet=lambda: device)
    found = executing(whole, Asked(("true",)))
    assert found.quiet is not None
    for one in (found, found.quiet()):
        assert one.workload is not None
        assert isinstance(one.workload(WorkloadRequest(Path("x"))), CommandWorkload)

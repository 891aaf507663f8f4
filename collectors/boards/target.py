"""A board as a place to execute, over its Link: commands, files, its clock, its conditions."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from edgewatt.collectors.android.state.sleep import State, look
from edgewatt.collectors.boards.clock import BoardClock
from edgewatt.collectors.boards.facts import CONDITIONS, conditions
from edgewatt.collectors.boards.look import look_at_board, roots_of, told_by_jetson
from edgewatt.collectors.host.conditions import Conditions
from edgewatt.collectors.host.target import with_pins
from edgewatt.collectors.jetson import clocks
from edgewatt.collectors.jetson import facts as jetson
from edgewatt.collectors.jetson.finding import look_at
from edgewatt.collectors.transports.link import Stream
from edgewatt.collectors.transports.reached import Reached
from edgewatt.profiler.clock import Clock
from edgewatt.profiler.clockfit import Echo
from edgewatt.profiler.errors import DeviceError, UsageError
from edgewatt.profiler.protocols import Completed
from edgewatt.profiler.undo import Note

_OF_A_JETSON: Final = tuple(
    pattern.replace("{debugfs}", "{sysfs}/kernel/debug") for pattern in (*jetson.CANDIDATES, *clocks.CANDIDATES)
)


class BoardTarget:
    """The Target of a board and its `conditions`. `is_jetson`: what a Jetson's own programs say is asked, too."""

    def __init__(self, board: Reached, conditions: Conditions, *, is_jetson: bool) -> None:
        self._board, self._conditions, self._is_jetson = board, conditions, is_jetson
        self._clock = BoardClock(board)

    def run(self, argv: Sequence[str], *, timeout_s: float) -> Completed:
        """Execute without anything being expanded by the board's shell. Raises DeviceError."""
        return self._board.link.run(_words(argv), timeout_s=timeout_s)

    def stream(self, argv: Sequence[str]) -> Stream:
        """Start a command likewise and read it as it goes; hanging up ends it. Raises LinkLost."""
        return self._board.link.stream(f"exec {_words(argv)}")

    def push(self, local: Path, remote: str) -> None:
        """Copy a file there, its permissions with it. Raises DeviceError."""
        try:
            mode = local.stat().st_mode & 0o777
        except (OSError, ValueError) as error:
            raise DeviceError(f"cannot push {local}: {error}; expected a file") from None
        self._board.link.push(local, remote, mode=mode)

    def pull(self, remote: str, local: Path) -> None:
        """Copy a file back. Raises DeviceError."""
        self._board.link.pull(remote, local)

    def probe_clock(self, clock: Clock) -> Echo:
        """The time of `board.boottime` between two looks at `clock`. Raises DeviceError."""
        return self._clock.probe(clock)

    def facts(self) -> Mapping[str, Any]:
        """The conditions of the board, as plain JSON."""
        patterns = (*CONDITIONS, *_OF_A_JETSON) if self._is_jetson else CONDITIONS
        seen = look_at(look_at_board(self._board, patterns).seen, roots_of(self._board))
        found = conditions(seen)
        if self._is_jetson:
            found |= {**jetson.facts_of(seen), **({} if self._board.root else told_by_jetson(self._board))}
        return with_pins(found, self._conditions)

    def has_fine_clock(self) -> bool:
        """False where the board's shell tells its time in steps of 10 ms. Raises DeviceError."""
        return bool(self._board.sh('echo "${EPOCHREALTIME:-}"').stdout.strip())

    def apply(self, condition: str, value: str) -> None:
        """Set a condition and verify it. Raises DeviceError, and UsageError for a name or value that is none."""
        self._conditions.apply(condition, value)

    def undo(self, condition: str) -> None:
        """Put back what `apply` found, verified. Raises DeviceError."""
        self._conditions.undo(condition)

    @property
    def condition_names(self) -> Sequence[str]:
        """What can be set by name."""
        return self._conditions.names

    @property
    def pinned_hz(self) -> Mapping[str, float]:
        """The frequency that was set of each cluster that is pinned now, by its channel's name."""
        return self._conditions.pinned_hz

    def left(self) -> Sequence[Note]:
        """What runs that were killed left changed. Raises DeviceError."""
        return self._conditions.left()

    def awake(self) -> State:
        """What shows, between two looks, whether the board slept. Raises DeviceError."""
        return look(self._board)

    def close(self) -> None:
        """End the stream that tells the time."""
        self._clock.close()


def _words(argv: Sequence[str]) -> str:
    if not argv or any("\0" in part for part in argv):
        raise UsageError(f"cannot run {list(argv)!r}: expected a program and its arguments, without NUL")
    return shlex.join(argv)

"""The clock of a board, asked over a stream that stays open: an answer takes a round trip, and no process on the board.

CLOCK_BOOTTIME, as on a phone: see stamps.py. A shell without EPOCHREALTIME (bash before 5, dash) tells it in steps of
10 ms.
"""

import shlex
from typing import Final

from edgewatt.collectors.android.stamps import STAMP_SH
from edgewatt.collectors.transports.link import LinkLost, LinkTimeout
from edgewatt.collectors.transports.reached import COMMAND_TIMEOUT_S, Reached
from edgewatt.collectors.transports.ssh_link import SshLink
from edgewatt.collectors.transports.ssh_stream import SshStream
from edgewatt.profiler.clock import Clock
from edgewatt.profiler.clockfit import Echo
from edgewatt.profiler.errors import DeviceError

BOARD_CLOCK: Final = "board.boottime"
# A line with two stamps is short; a board that says more does not answer.
_LINE_LIMIT_B: Final = 256


class BoardClock:
    """Asks `board` for the time; used by one thread at a time."""

    def __init__(self, board: Reached) -> None:
        self._board = board
        self._stream: SshStream | None = None
        uptime = shlex.quote(f"{board.proc}/uptime")
        self._script: Final = f'while read -r x;do u=;read -r u _ <{uptime};echo "{STAMP_SH}";done'

    def probe(self, clock: Clock) -> Echo:
        """The board's time between two looks at `clock`; as wide as its clock is coarse. Raises DeviceError."""
        asked_ns, said, answered_ns = self._answer(clock)
        return self._board.echo(asked_ns, said, answered_ns)

    def close(self) -> None:
        """End the stream."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()

    def _answer(self, clock: Clock) -> tuple[int, bytes, int]:
        """Ask, again where the stream is gone (its Link may have been made anew since), and on a new connection."""
        try:
            return self._ask(clock)
        except LinkLost:
            pass
        try:
            return self._ask(clock)
        except LinkLost:
            self._board.reconnect()
        return self._ask(clock)

    def _ask(self, clock: Clock) -> tuple[int, bytes, int]:
        stream = self._opened()
        asked_ns = clock.now_ns()
        try:
            stream.send(b"\n", COMMAND_TIMEOUT_S)
            said = self._line(stream)
        except BaseException:
            self.close()
            raise
        return asked_ns, said, clock.now_ns()

    def _line(self, stream: SshStream) -> bytes:
        said = bytearray()
        while b"\n" not in said and len(said) < _LINE_LIMIT_B:
            chunk = stream.read(COMMAND_TIMEOUT_S)
            if chunk is None:
                raise DeviceError(f"{self._board.uri}: its shell ended instead of telling the time")
            if not chunk:
                raise LinkTimeout(f"{self._board.uri} did not tell the time within {COMMAND_TIMEOUT_S:g} s")
            said += chunk
        return bytes(said)

    def _opened(self) -> SshStream:
        if self._stream is None:
            link = self._board.link
            if not isinstance(link, SshLink):
                raise DeviceError(f"{self._board.uri}: its clock is asked over ssh alone")
            self._stream = link.stream(self._script)
        return self._stream

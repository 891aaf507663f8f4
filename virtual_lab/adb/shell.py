"""The services `shell:`, `shell,v2:` and `exec:`.

As adbd 34 was seen to do: `shell:COMMAND` and `exec:COMMAND` run on a raw terminal, output and errors one stream of
bytes; `shell:` alone is an interactive shell on a cooked one; `shell,v2,raw:` runs on sockets, with output, errors
and exit status apart; `shell,v2,pty:` on a cooked terminal. A client that leaves hangs up on the process group.
"""

import contextlib
import os
import select
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from edgewatt.virtual_lab.adb.launch import ADBD_CWD, ADBD_ENVIRONMENT, ShellRunner
from edgewatt.virtual_lab.adb.processes import Processes, Running
from edgewatt.virtual_lab.adb.shell_v2 import CLOSE_STDIN, EXIT, STDERR, STDIN, STDOUT, WINDOW_SIZE, Unframer, frame
from edgewatt.virtual_lab.adb.streams import Stream, StreamEndedError

# As much as one read takes from a process; what adbd takes is a whole payload.
READ_B: Final = 256 << 10
_FRAME_B: Final = 5
_FAILED: Final = 255


@dataclass(frozen=True, slots=True)
class ShellRequest:
    """What a service's name asks for."""

    command: str
    v2: bool
    terminal: bool
    raw: bool
    environment: Mapping[str, str]


def parse_shell(service: bytes, features: tuple[str, ...]) -> ShellRequest | None:
    """The request in the name of a service, or None if it is none of these, or too new for the features."""
    name, colon, text = service.partition(b":")
    kind, *arguments = os.fsdecode(name).split(",")
    command = os.fsdecode(text)
    if not colon or kind not in ("shell", "exec") or (arguments and "shell_v2" not in features) or "\0" in command:
        return None
    if kind == "exec":
        return None if arguments or not command else ShellRequest(command, False, True, True, ADBD_ENVIRONMENT)
    v2 = "v2" in arguments
    terminal = "pty" in arguments or (not command and "raw" not in arguments)
    terms = [argument.removeprefix("TERM=") for argument in arguments if argument.startswith("TERM=")]
    environment = {**ADBD_ENVIRONMENT, "TERM": terms[-1]} if terms else ADBD_ENVIRONMENT
    return ShellRequest(command, v2, terminal or not v2, not v2 and not terminal, environment)


def serve_shell(stream: Stream, request: ShellRequest, runner: ShellRunner, processes: Processes) -> None:
    """Run the command to its end, or to the end of the stream. Raises StreamEndedError if the client is gone."""
    try:
        launch = runner(request.command, request.environment, ADBD_CWD)
        running = processes.start(launch, terminal=request.terminal, raw=request.raw)
    except (OSError, ValueError) as error:
        text = f"error: {error}\n".encode(errors="replace")
        stream.write(frame(STDERR, text) + frame(EXIT, bytes([_FAILED])) if request.v2 else text)
        stream.drain()
        return
    try:
        _Pump(stream, running, v2=request.v2).run()
    finally:
        processes.hang_up(running)


class _Pump:
    """Carries bytes between a stream and a process, without ever waiting for one while the other has something."""

    def __init__(self, stream: Stream, running: Running, *, v2: bool) -> None:
        self._stream, self._running, self._v2 = stream, running, v2
        self._unframer = Unframer()
        self._outputs = {running.io} if running.errors is None else {running.io, running.errors}
        self._input = memoryview(b"")
        self._input_open = True
        self._closing_input = False

    def run(self) -> None:
        """Until the process has said all and ended. Raises StreamEndedError if the client left before."""
        for descriptor in self._outputs:
            os.set_blocking(descriptor, False)
        wake = os.eventfd(1, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        ended = os.pidfd_open(self._running.process.pid)
        self._stream.watch(_ringing(wake))
        try:
            while self._outputs:
                self._wait(wake, None)
            while self._running.process.poll() is None:
                self._wait(wake, ended)
            if self._v2:
                self._stream.write(frame(EXIT, bytes([_status(self._running.process.returncode)])))
            self._stream.drain()
        finally:
            self._stream.watch(None)
            os.close(wake)
            os.close(ended)

    def _wait(self, wake: int, ended: int | None) -> None:
        poll = select.poll()
        poll.register(wake, select.POLLIN)
        if ended is not None:
            poll.register(ended, select.POLLIN)
        events = dict.fromkeys(self._outputs, select.POLLIN) if self._stream.ready else {}
        if self._input:
            events[self._running.io] = events.get(self._running.io, 0) | select.POLLOUT
        for descriptor, mask in events.items():
            poll.register(descriptor, mask)
        seen = dict(poll.poll())
        if wake in seen:
            with contextlib.suppress(BlockingIOError):
                os.eventfd_read(wake)
        if self._stream.ended:
            raise StreamEndedError
        for descriptor in tuple(self._outputs):
            if descriptor in seen and self._stream.ready:
                self._carry_out(descriptor)
        self._carry_in()

    def _carry_out(self, descriptor: int) -> None:
        """One WRTE with all that is there, as adbd does: a terminal hands out 4 KiB at a time."""
        limit_b = min(READ_B, self._stream.maxdata_b - (_FRAME_B if self._v2 else 0))
        pieces: list[bytes] = []
        while limit_b > 0:
            try:
                piece = os.read(descriptor, limit_b)
            except BlockingIOError:
                break
            except OSError:  # a terminal whose last program has gone says EIO
                piece = b""
            if not piece:
                self._outputs.discard(descriptor)
                break
            pieces.append(piece)
            limit_b -= len(piece)
        if data := b"".join(pieces):
            kind = STDERR if descriptor == self._running.errors else STDOUT
            self._stream.offer(frame(kind, data) if self._v2 else data)

    def _carry_in(self) -> None:
        while self._input or self._next_input():
            try:
                sent_b = os.write(self._running.io, self._input)
            except BlockingIOError:
                return
            except OSError:  # nobody reads any more: what the client sends is swallowed, as adbd does
                self._input, self._input_open = memoryview(b""), False
            else:
                self._input = self._input[sent_b:]
        if self._closing_input and self._input_open:
            self._input_open = False
            self._running.send_eof()

    def _next_input(self) -> bool:
        """Whether `_input` has something to write now."""
        while self._stream.readable:
            chunk = self._stream.take(READ_B)
            self._input = memoryview(self._unframed(chunk)) if self._v2 else chunk
            if self._input and self._input_open:
                return True
        self._input = memoryview(b"")
        return False

    def _unframed(self, chunk: memoryview) -> bytes:
        """What the packets that are whole bring to standard input; the others are obeyed."""
        self._unframer.feed(chunk)
        parts = []
        for kind, data in self._unframer.packets():
            if kind == STDIN and not self._closing_input:
                parts.append(data)
            elif kind == CLOSE_STDIN:
                self._closing_input = True
            elif kind == WINDOW_SIZE:
                self._resize(data)
        return b"".join(parts)

    def _resize(self, data: bytes) -> None:
        """AOSP's format is "%dx%d,%dx%d": rows, columns, and the same in pixels."""
        with contextlib.suppress(ValueError, struct.error):
            rows, columns = data.split(b",")[0].split(b"x")
            self._running.resize(int(rows), int(columns))


def _ringing(wake: int) -> Callable[[], None]:
    def ring() -> None:
        with contextlib.suppress(BlockingIOError):  # rung so often that it is full
            os.eventfd_write(wake, 1)

    return ring


def _status(returncode: int) -> int:
    """The status as adbd puts it into one byte: a signal's number with the top bit set."""
    return 0x80 | -returncode if returncode < 0 else returncode & 0xFF

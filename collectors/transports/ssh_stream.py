"""One command on a board, as one `ssh` process here: what it prints as it comes, bounded; see Stream."""

import os
import selectors
import signal
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from edgewatt.collectors.transports.adb_channel import Deadline
from edgewatt.collectors.transports.link import STDERR_LIMIT_B, LinkLost, LinkTimeout
from edgewatt.collectors.transports.ssh_command import Framed, Input, line
from edgewatt.collectors.transports.ssh_errors import no_program
from edgewatt.profiler.errors import DeviceError

_CHUNK_B: Final = 1 << 16
# How long what is left of standard error may take once the command has ended.
_GOODBYE_S: Final = 1.0
# How long ssh may take to say goodbye once its input has ended; on the board the hang-up does not need it.
_CLOSE_S: Final = 0.2

# How long a board may take to begin before a long command is sent to it.
_FIRST_S: Final = 30.0

# Why a connection ended, by what ssh and the login shell said.
Why = Callable[[str], DeviceError]


class SshStream:
    """See Stream. `send` writes to the command's standard input."""

    def __init__(
        self,
        argv: Sequence[str],
        command: str,
        why: Why,
        *,
        reads: Input = "open",
        stderr_limit_b: int = STDERR_LIMIT_B,
    ) -> None:
        asked = line(command, reads)
        self._why, self._stderr_limit_b = why, stderr_limit_b
        self._out, self._err = Framed(asked.mark), Framed(asked.mark)
        self._stderr = bytearray()
        self._closed, self._is_open = False, True
        self.on_close: Callable[[], None] = lambda: None
        try:
            # In a session of its own, Ctrl-C does not reach it: what a run undoes goes over it.
            self._process = subprocess.Popen(
                [*argv, asked.text],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,
            )
        except OSError as error:
            raise no_program(error) from None
        self._selector = selectors.DefaultSelector()
        for pipe, take in ((self._process.stdout, self._stdout_of), (self._process.stderr, self._stderr_of)):
            if pipe is not None:
                os.set_blocking(pipe.fileno(), False)
                self._selector.register(pipe, selectors.EVENT_READ, take)
        if self._process.stdin is not None:
            os.set_blocking(self._process.stdin.fileno(), False)
        if asked.first:
            self._send_first(asked.first)

    @property
    def returncode(self) -> int | None:
        """See Stream."""
        return self._out.returncode

    @property
    def begun(self) -> bool:
        """True once the board executes it."""
        return self._out.begun

    @property
    def stderr(self) -> bytes:
        """See Stream."""
        return bytes(self._stderr)

    @property
    def stderr_b(self) -> int:
        """How much of standard error is kept."""
        return len(self._stderr)

    @property
    def is_alive(self) -> bool:
        """False once ssh has ended here."""
        return not self._closed and self._process.poll() is None

    @property
    def noise(self) -> str:
        """What ssh and the login shell said before the command began."""
        return (self._err.noise or self._out.noise).decode("utf-8", "replace")

    def read(self, timeout_s: float) -> bytes | None:
        """See Stream."""
        deadline = Deadline(timeout_s)
        while not (stdout := self.step(deadline.left_s)) and stdout is not None and deadline.left_s:
            pass  # it printed something else
        return stdout

    def step(self, timeout_s: float) -> bytes | None:
        """As `read`, but b"" also once something else came than standard output."""
        if self._closed:
            raise self._why("")
        if self.returncode is not None:
            self._say_goodbye()
            return None
        stdout = self._take(timeout_s if self._is_open else min(timeout_s, _GOODBYE_S))
        if not stdout and self.returncode is None and not self._is_open and self._has_ended():
            raise self._why(self.noise or self.stderr.decode("utf-8", "replace"))
        return stdout

    def send(self, data: bytes, timeout_s: float) -> None:
        """Hand over all of it. Raises LinkTimeout, LinkLost; LinkTimeout also where the command takes it too slowly."""
        stdin, deadline, left = self._process.stdin, Deadline(timeout_s), memoryview(data)
        if stdin is None or stdin.closed:
            raise LinkLost("its input has ended")
        with selectors.DefaultSelector() as ready:
            ready.register(stdin, selectors.EVENT_WRITE)
            while left:
                if not ready.select(deadline.left_s):
                    raise LinkTimeout(f"it took no data for {timeout_s:g} s")
                with suppress(BlockingIOError):
                    try:
                        left = left[os.write(stdin.fileno(), left[:_CHUNK_B]) :]
                    except BrokenPipeError:
                        raise self._why(self.noise) from None

    def _send_first(self, command: bytes) -> None:
        """A command that no line has room for; one that cannot be sent says why when it is read."""
        try:
            self.send(command, _FIRST_S)
        except LinkLost:
            pass
        except BaseException:
            self.close()
            raise

    def end_input(self) -> None:
        """Nothing more is sent. A command that does not read what we send is hung up on."""
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()

    def close(self) -> None:
        """See Stream."""
        if self._closed:
            return
        self._closed = True
        self.end_input()
        self._selector.close()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()
        try:
            self._process.wait(_CLOSE_S)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(_CLOSE_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self.on_close()

    def _has_ended(self) -> bool:
        """Nothing more comes; a connection of the user's that stays in the background keeps standard error open."""
        return not self._selector.get_map() or self._process.poll() is not None

    def _take(self, timeout_s: float) -> bytes:
        """What came on standard output with the first of either to come."""
        stdout = bytearray()
        for key, _ in self._selector.select(timeout_s):
            try:
                chunk = os.read(key.fd, _CHUNK_B)
            except BlockingIOError:
                continue
            if not chunk:
                self._selector.unregister(key.fileobj)
                self._is_open &= key.fileobj is not self._process.stdout
            stdout += key.data(chunk)
        return bytes(stdout)

    def _stdout_of(self, chunk: bytes) -> bytes:
        return self._out.feed(chunk)

    def _stderr_of(self, chunk: bytes) -> bytes:
        printed = self._err.feed(chunk)
        self._stderr += printed[: self._stderr_limit_b - len(self._stderr)]
        return b""

    def _say_goodbye(self) -> None:
        """What is left of standard error: the mark is on it, too."""
        deadline = Deadline(_GOODBYE_S)
        while self._err.returncode is None and self._selector.get_map() and deadline.left_s:
            self._take(deadline.left_s)

"""A Link over either transport: commands, streams and files, all by the services that a phone's adbd offers.

With shell_v2 (Android 7 and later) exit codes and standard error are the protocol's. Without it (`features` says) a
command's standard error comes in its standard output, and its exit code is printed behind it.
"""

import secrets
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from edgewatt.collectors.transports import adb_sync, shell_v2
from edgewatt.collectors.transports.adb_channel import Channel, Deadline, Services
from edgewatt.collectors.transports.adb_errors import said
from edgewatt.collectors.transports.link import OUTPUT_LIMIT_B, STDERR_LIMIT_B, LinkLost, LinkTimeout, Sent
from edgewatt.profiler.errors import DeviceError, UsageError
from edgewatt.profiler.protocols import Completed

SHELL_V2: Final = "shell_v2"
# The adb server's requests have four hexadecimal digits of length, which the name of the service shares.
COMMAND_LIMIT_B: Final = 0xFFFF - 64
# How long a phone may take to start a command: one whose adbd stood still for some seconds is not lost.
_OPEN_S: Final = 30.0
# After its exit code a command has nothing more to say; how long the goodbye may take.
_GOODBYE_S: Final = 1.0
# What of a command is shown in messages.
_SHOWN: Final = 100


class AdbStream:
    """A command's output as it comes; see Stream."""

    def __init__(self, channel: Channel, name: str, *, v2: bool, stderr_limit_b: int = STDERR_LIMIT_B) -> None:
        self._channel, self._name = channel, name
        self._decoder = shell_v2.Decoder() if v2 else None
        self._stderr, self._stderr_limit_b = bytearray(), stderr_limit_b
        self._returncode: int | None = None
        self._ended = False
        self.on_close: Callable[[], None] = lambda: None

    @property
    def returncode(self) -> int | None:
        """See Stream."""
        return self._returncode

    @property
    def stderr(self) -> bytes:
        """See Stream."""
        return bytes(self._stderr)

    @property
    def stderr_b(self) -> int:
        """How much of standard error is kept."""
        return len(self._stderr)

    def read(self, timeout_s: float) -> bytes | None:
        """See Stream."""
        deadline = Deadline(timeout_s)
        while not (stdout := self.step(deadline.left_s)) and stdout is not None and deadline.left_s:
            pass  # it printed something else
        return stdout

    def step(self, timeout_s: float) -> bytes | None:
        """As `read`, but b"" also once something else came than standard output."""
        if self._returncode is not None and not self._ended:
            self._say_goodbye()
        if self._ended:
            return None
        with naming(self._name):
            data = self._channel.receive(timeout_s)
        if data is not None:
            return self._stdout_of(data)
        self._ended = True
        if self._decoder is not None:
            raise LinkLost(f"{self._name}: the connection ended before the command did")
        return None

    def close(self) -> None:
        """See Stream."""
        self._ended = True
        self._channel.close()
        self.on_close()

    def _stdout_of(self, data: bytes) -> bytes:
        if self._decoder is None:
            return data
        stdout = bytearray()
        for kind, piece in self._decoder.feed(data):
            if kind == shell_v2.STDOUT:
                stdout += piece
            elif kind == shell_v2.STDERR:
                self._stderr += piece[: self._stderr_limit_b - len(self._stderr)]
            elif kind == shell_v2.EXIT:
                self._returncode = piece[0]
        return bytes(stdout)

    def _say_goodbye(self) -> None:
        self._ended = True
        with suppress(LinkLost):
            self._channel.receive(_GOODBYE_S)


class AdbLink:
    """See Link. `services` is how the device is reached."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._streams: set[AdbStream] = set()

    @property
    def name(self) -> str:
        """See Link."""
        return self._services.name

    @property
    def features(self) -> frozenset[str]:
        """See Link."""
        return self._services.features

    def run(self, command: str, *, timeout_s: float, limit_b: int = OUTPUT_LIMIT_B) -> Completed:
        """See Link. Its standard input is at its end. Also raises UsageError for a NUL or over COMMAND_LIMIT_B bytes.

        A command that is not done in time, or prints too much, is hung up on.
        """
        deadline = Deadline(timeout_s)
        marker = None if SHELL_V2 in self.features else f"edgewatt-{secrets.token_hex(8)}:"
        asked = command if marker is None else f"sh -c {shlex.quote(command)} </dev/null; echo {marker}$?"
        channel = self._open(_service(asked, v2=marker is None), command, deadline.left_s, timeout_s)
        stream = AdbStream(channel, self.name, v2=marker is None, stderr_limit_b=limit_b + 1)
        try:
            if marker is None:
                with naming(self.name), suppress(LinkLost):  # it may have ended already
                    channel.send(shell_v2.packet(shell_v2.CLOSE_STDIN), deadline.left_s)
            stdout = self._output(stream, command, deadline, timeout_s, limit_b)
        finally:
            stream.close()
        if marker is not None:
            return _completed(stdout, marker.encode(), self.name)
        return Completed(stream.returncode or 0, stdout, stream.stderr)

    def stream(self, command: str) -> AdbStream:
        """See Link. Also raises UsageError as `run` does."""
        v2 = SHELL_V2 in self.features
        stream = AdbStream(self._open(_service(command, v2=v2), command, _OPEN_S, _OPEN_S), self.name, v2=v2)
        self._streams.add(stream)
        stream.on_close = lambda: self._streams.discard(stream)
        return stream

    def push(self, content: Path | bytes, remote: str, *, mode: int = 0o644, sent: Sent | None = None) -> None:
        """See Link."""
        source = str(content) if isinstance(content, Path) else f"{len(content)} bytes"
        what = f"push {said(source)} to {said(remote)} on {self.name}"
        with self._sync(what) as channel:
            adb_sync.push(channel, content, remote, mode, what, sent)

    def pull(self, remote: str, local: Path, *, limit_b: int | None = None) -> None:
        """See Link. A file over `limit_b` bytes is a DeviceError."""
        what = f"pull {said(remote)} from {self.name}"
        with self._sync(what) as channel:
            adb_sync.pull(channel, remote, local, what, limit_b)

    def close(self) -> None:
        """See Link."""
        for stream in tuple(self._streams):
            stream.close()
        self._services.close()

    def _open(self, service: bytes, command: str, left_s: float, timeout_s: float) -> Channel:
        try:
            return self._services.open(service, left_s)
        except LinkTimeout:
            raise LinkTimeout(f"{self.name} did not start {_shown(command)} within {timeout_s:g} s") from None

    def _output(self, stream: AdbStream, command: str, deadline: Deadline, timeout_s: float, limit_b: int) -> bytes:
        stdout = bytearray()
        while (data := stream.step(deadline.left_s)) is not None:
            stdout += data
            if len(stdout) + stream.stderr_b > limit_b:
                raise DeviceError(f"{_shown(command)} printed more than {limit_b} bytes on {self.name} and was stopped")
            if not deadline.left_s:
                raise LinkTimeout(
                    f"{_shown(command)} was not done within {timeout_s:g} s on {self.name}; it was stopped"
                )
        return bytes(stdout)

    @contextmanager
    def _sync(self, what: str) -> Iterator[Channel]:
        channel = self._services.open(b"sync:", _OPEN_S)
        try:
            with naming(f"cannot {what}"):
                yield channel
        finally:
            channel.close()


@contextmanager
def naming(what: str) -> Iterator[None]:
    """Put the device, or what is done, before what the connection says."""
    try:
        yield
    except (LinkLost, LinkTimeout) as error:
        raise type(error)(f"{what}: {error}") from None


def _service(command: str, *, v2: bool) -> bytes:
    asked = command.encode("utf-8", "surrogateescape")
    if b"\0" in asked:
        raise UsageError(f"cannot execute {_shown(command)} on a phone: expected a command without NUL")
    if len(asked) > COMMAND_LIMIT_B:
        raise UsageError(
            f"cannot execute a command of {len(asked)} bytes over adb: at most {COMMAND_LIMIT_B}; push a file"
        )
    # exec: does what shell: does, without turning \n into \r\n on old phones.
    return (b"shell,v2,raw:" if v2 else b"exec:") + asked


def _completed(printed: bytes, marker: bytes, name: str) -> Completed:
    stdout, found, code = printed.rpartition(marker)
    if not found or not code.strip().isdigit():
        raise LinkLost(f"{name}: the connection ended before the command did, which printed {said(printed)!r}")
    return Completed(int(code) & 0xFF, stdout, b"")


def _shown(command: str) -> str:
    if "\n" in command.strip():
        return "a script"
    shown = said(command)
    return repr(shown if len(shown) <= _SHOWN else f"{shown[: _SHOWN - 3]}...")

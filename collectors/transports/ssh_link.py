"""A Link to a board by the user's own OpenSSH: their configuration, agent and keys; nothing is asked in a run."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from edgewatt.collectors.transports import ssh_files
from edgewatt.collectors.transports.adb_channel import Deadline
from edgewatt.collectors.transports.adb_errors import said
from edgewatt.collectors.transports.link import OUTPUT_LIMIT_B, LinkTimeout, Sent
from edgewatt.collectors.transports.ssh_address import Address
from edgewatt.collectors.transports.ssh_master import CONNECT_S, Master
from edgewatt.collectors.transports.ssh_stream import SshStream
from edgewatt.profiler.errors import DeviceError
from edgewatt.profiler.protocols import Completed

# What of a command is shown in messages.
_SHOWN: Final = 100


class Connecting:
    """Links to one board over one connection, for as long as one of them is open; made anew where it ended.

    Safe between threads.
    """

    def __init__(self, address: Address, connect_s: float = CONNECT_S) -> None:
        self._address, self._connect_s = address, connect_s
        self._lock = threading.Lock()
        self._master: Master | None = None
        self._links: dict[Master, int] = {}

    def __call__(self) -> "SshLink":
        """A Link. Raises LinkLost if the board does not answer, DeviceError if it or ssh refuses."""
        with self._lock:
            if self._master is None or not self._master.is_alive:
                self._master = Master(self._address, self._connect_s)
            master = self._master
            self._links[master] = self._links.get(master, 0) + 1
        return SshLink(master, lambda: self._release(master))

    def _release(self, master: Master) -> None:
        with self._lock:
            self._links[master] -= 1
            if self._links[master]:
                return
            del self._links[master]
            if self._master is master:
                self._master = None
        master.close()


class SshLink:
    """See Link. Unlike adb's its streams have `send`."""

    def __init__(self, master: Master, release: Callable[[], None] | None = None) -> None:
        self._master, self._release = master, release or master.close
        self._streams: set[SshStream] = set()
        self._closed = False

    @property
    def name(self) -> str:
        """See Link."""
        return self._master.address.text

    @property
    def features(self) -> frozenset[str]:
        """See Link."""
        return frozenset()

    def run(self, command: str, *, timeout_s: float, limit_b: int = OUTPUT_LIMIT_B) -> Completed:
        """See Link. Its standard input is at its end. Also raises UsageError for a NUL or over COMMAND_LIMIT_B bytes.

        A command that is not done in time, or prints too much, is hung up on.
        """
        deadline = Deadline(timeout_s)
        stream = SshStream(self._master.argv, command, self._master.why, reads="none", stderr_limit_b=limit_b + 1)
        stdout = bytearray()
        try:
            while (data := stream.step(deadline.left_s)) is not None:
                stdout += data
                if len(stdout) + stream.stderr_b > limit_b:
                    raise DeviceError(
                        f"{_shown(command)} printed more than {limit_b} bytes on {self.name} and was stopped"
                    )
                if not deadline.left_s and stream.returncode is None:
                    raise LinkTimeout(
                        f"{_shown(command)} was not done within {timeout_s:g} s on {self.name}; it was stopped"
                    )
        finally:
            stream.close()
        return Completed(stream.returncode or 0, bytes(stdout), stream.stderr)

    def stream(self, command: str) -> SshStream:
        """See Link. Also raises UsageError as `run` does."""
        stream = SshStream(self._master.argv, command, self._master.why)
        self._streams.add(stream)
        stream.on_close = lambda: self._streams.discard(stream)
        return stream

    def push(self, content: Path | bytes, remote: str, *, mode: int = 0o644, sent: Sent | None = None) -> None:
        """See Link. It is there whole or not at all."""
        ssh_files.push(self._sending, content, remote, mode, self._what("push", content, remote), sent)

    def pull(self, remote: str, local: Path, *, limit_b: int | None = None) -> None:
        """See Link. A file over `limit_b` bytes is a DeviceError."""
        ssh_files.pull(self._sending, remote, local, f"pull {said(remote)} from {self.name}", limit_b)

    def close(self) -> None:
        """See Link."""
        for stream in tuple(self._streams):
            stream.close()
        if not self._closed:
            self._closed = True
            self._release()

    def _sending(self, command: str) -> SshStream:
        return SshStream(self._master.argv, command, self._master.why, reads="ours")

    def _what(self, verb: str, content: Path | bytes, remote: str) -> str:
        source = str(content) if isinstance(content, Path) else f"{len(content)} bytes"
        return f"{verb} {said(source)} to {said(remote)} on {self.name}"


def _shown(command: str) -> str:
    if "\n" in command.strip():
        return "a script"
    shown = said(command)
    return repr(shown if len(shown) <= _SHOWN else f"{shown[: _SHOWN - 3]}...")

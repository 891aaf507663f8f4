"""What both ways to an Android device offer: commands, streams and files, with bounded output and clear errors."""

from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from edgewatt.profiler.errors import DeviceError
from edgewatt.profiler.protocols import Completed

# What a command may print before it is stopped: a device's output is hostile input.
OUTPUT_LIMIT_B: Final = 64 << 20
# What is kept of a stream's standard error.
STDERR_LIMIT_B: Final = 64 << 10

# Called with the bytes sent so far and the bytes in all.
Sent = Callable[[int, int], None]


class LinkLost(DeviceError):  # noqa: N818  (says what happened)
    """The connection ended: unplugged, adbd restarted, the network gone. A new Link may work."""


class LinkTimeout(DeviceError):  # noqa: N818  (says what happened)
    """The device did not answer in time; the connection may still be good."""


class Stream(Protocol):
    """A command that runs on the device, its output as it comes. Its standard input stays open until `close`."""

    @property
    def returncode(self) -> int | None:
        """Its exit code once it ended; None before, and where the device cannot tell."""
        ...

    @property
    def stderr(self) -> bytes:
        """What it printed to standard error so far, the first STDERR_LIMIT_B bytes; empty without shell_v2."""
        ...

    def read(self, timeout_s: float) -> bytes | None:
        """Standard output since the last call; b"" if none came in time, None once it ended. Raises LinkLost."""
        ...

    def close(self) -> None:
        """End it: the device hangs up on the command (SIGHUP, end of its input). Prompt, idempotent, never raises."""
        ...


class Link(Protocol):
    """One connection to one device, used by one thread at a time."""

    @property
    def name(self) -> str:
        """What messages call the device, such as `adb:R58M12ABCDE`."""
        ...

    @property
    def features(self) -> frozenset[str]:
        """What the device's adbd offers, such as `shell_v2`."""
        ...

    def run(self, command: str, *, timeout_s: float, limit_b: int = OUTPUT_LIMIT_B) -> Completed:
        """Execute `command` by the device's shell, its exit code and separate stderr kept.

        Raises LinkTimeout, LinkLost, and DeviceError if it prints more than `limit_b`.
        """
        ...

    def stream(self, command: str) -> Stream:
        """Start `command` by the device's shell and read it as it goes. Raises LinkLost."""
        ...

    def push(self, content: Path | bytes, remote: str, *, mode: int = 0o644, sent: Sent | None = None) -> None:
        """Put a file, or bytes, there. Raises DeviceError (no space, no permission), LinkLost, LinkTimeout."""
        ...

    def pull(self, remote: str, local: Path, *, limit_b: int | None = None) -> None:
        """Copy a file back; there whole or not at all. Raises DeviceError, LinkLost, LinkTimeout."""
        ...

    def close(self) -> None:
        """Hang up: whatever still runs over it ends. Prompt, idempotent, never raises."""
        ...


Connect = Callable[[], Link]

"""A command while it runs: what it prints, as it comes, and how it ended. On this host as a child process."""

import fcntl
import os
import resource
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from edgewatt.collectors.runtimes.text import printable
from edgewatt.profiler.clock import Clock
from edgewatt.profiler.errors import DeviceError

CHUNK_B: Final = 1 << 20
# How long a program may take to end in good order, once it is told to.
GRACE_S: Final = 2.0
# Without pidfd (Linux before 5.3), how soon the end of a program is seen whose child keeps its output open.
_LOOK_S: Final = 0.05
# What is read after its end: its pipes hold a MiB each at most, unless somebody that left its group goes on printing.
_READS_AFTER: Final = 64
# Python then prints line by line into a pipe, or its marks would come when its buffer is full.
LINE_BY_LINE: Final = {"PYTHONUNBUFFERED": "1"}
# Set by our own command line for itself; a measured program has what the user has (edgewatt/cli.py).
_OURS: Final = "OPENBLAS_NUM_THREADS"
_ENVIRONMENT: Final = Path("/proc/self/environ")


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes that arrived at `t_ns` of the host's clock, of standard output or (`is_error`) standard error."""

    t_ns: int
    data: bytes
    is_error: bool = False


class Running(Protocol):
    """One execution. `t0_ns` and `t1_ns` are its beginning and end on the host's clock; `t1_ns` once it ended."""

    t0_ns: int
    t1_ns: int
    returncode: int | None
    memory_peak_b: int | None

    def read(self, timeout_s: float) -> Sequence[Chunk] | None:
        """What came within the timeout; None once it ended and all was read. Raises DeviceError."""
        ...

    def close(self) -> None:
        """End it and what it started, as far as it can be reached. Idempotent, never raises."""
        ...


class HostRun:
    """A child process in a group of its own, so that Ctrl-C reaches only us. Raises DeviceError if it cannot start.

    The memory's peak is that of the largest process of the command (getrusage). Linux begins to count it with our own,
    before exec: a smaller one is not known.
    """

    def __init__(self, words: Sequence[str], env: Mapping[str, str], clock: Clock) -> None:
        self._clock = clock
        self.returncode: int | None = None
        self.memory_peak_b: int | None = None
        self._reads_left: int | None = None
        self.t0_ns = self.t1_ns = clock.now_ns()
        try:
            self._process = subprocess.Popen(
                list(words),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                env=environment(env),
            )
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            raise DeviceError(f"cannot run '{printable(words[0])}' on this host: {why}") from None
        self._ready = selectors.DefaultSelector()
        for pipe, is_error in ((self._process.stdout, False), (self._process.stderr, True)):
            if pipe is not None:
                os.set_blocking(pipe.fileno(), False)
                with suppress(OSError):  # a program that prints much is then kept up less
                    fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, CHUNK_B)
                self._ready.register(pipe, selectors.EVENT_READ, is_error)
        self._pidfd = -1
        with suppress(OSError):
            self._pidfd = os.pidfd_open(self._process.pid)
            self._ready.register(self._pidfd, selectors.EVENT_READ, None)

    def read(self, timeout_s: float) -> Sequence[Chunk] | None:
        """What came within the timeout; None once it ended. What it leaves running in its group is killed then."""
        if self.returncode is not None:
            return None
        keys = [key for key, _ in self._ready.select(timeout_s if self._pidfd >= 0 else min(timeout_s, _LOOK_S))]
        t_ns = self._clock.now_ns() if self._reads_left is None else self.t1_ns
        chunks = [chunk for key in keys if key.data is not None and (chunk := self._take(key, t_ns))]
        if self._reads_left is None:
            if self._has_ended():
                self.t1_ns, self._reads_left = t_ns, _READS_AFTER
                self._signal(signal.SIGKILL)
            return chunks
        if not chunks or self._reads_left == 0:
            self._reap()
            return None
        self._reads_left -= 1
        return chunks

    def close(self) -> None:
        """End its group, at first politely, and let go of everything."""
        if self.returncode is None:
            self._signal(signal.SIGTERM)
            end_s = time.monotonic() + GRACE_S
            while time.monotonic() < end_s and not self._has_ended():
                with suppress(DeviceError):
                    for key, _ in self._ready.select(_LOOK_S):
                        if key.data is not None:
                            self._take(key, 0)
            self._reap()
        self._ready.close()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()
        if self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1

    def _take(self, key: selectors.SelectorKey, t_ns: int) -> Chunk | None:
        try:
            data = os.read(key.fd, CHUNK_B)
        except BlockingIOError:
            return None
        if not data:
            self._ready.unregister(key.fileobj)
            return None
        return Chunk(t_ns, data, is_error=bool(key.data))

    def _has_ended(self) -> bool:
        """True if it ended; it stays a zombie, so that its group's number is nobody else's yet."""
        with suppress(ChildProcessError):
            return os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        return True

    def _reap(self) -> None:
        """Kill what is left of its group, and learn how it ended."""
        self._signal(signal.SIGKILL)
        try:
            _, status, used = os.wait4(self._process.pid, 0)
        except ChildProcessError:
            self.returncode = self._process.returncode = -1
            return
        self.returncode = self._process.returncode = os.waitstatus_to_exitcode(status)
        own_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        self.memory_peak_b = used.ru_maxrss * 1024 if used.ru_maxrss > own_kb else None

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)


def environment(more: Mapping[str, str]) -> dict[str, str]:
    """The user's environment and `more`."""
    own = dict(os.environ)
    try:
        before = {entry.partition(b"=")[0] for entry in _ENVIRONMENT.read_bytes().split(b"\0")}
    except OSError:
        before = {_OURS.encode()}
    if _OURS.encode() not in before:
        own.pop(_OURS, None)
    return {**LINE_BY_LINE, **own, **more}

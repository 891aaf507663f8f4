"""A command on another machine, through its Target: as a stream where the Target has one, else as a whole."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Final, Protocol, runtime_checkable

from edgewatt.collectors.runtimes.commands.running import Chunk
from edgewatt.collectors.transports.link import Stream
from edgewatt.profiler.clock import Clock
from edgewatt.profiler.errors import DeviceError
from edgewatt.profiler.protocols import Target

# In $TMPDIR or /tmp, else at home.
_MAKE: Final = ("sh", "-c", 'mktemp 2>/dev/null || mktemp "$HOME/edgewatt.XXXXXX"')


@runtime_checkable
class Streaming(Protocol):
    """A Target that gives what a command prints as it comes."""

    def stream(self, argv: Sequence[str]) -> Stream:
        """Start a command without anything being expanded by a shell. Raises DeviceError."""
        ...


class StreamRun:
    """A command whose output comes through a Stream; its lines are stamped as they arrive here."""

    def __init__(self, target: Streaming, words: Sequence[str], clock: Clock) -> None:
        self._clock = clock
        self._said_b = 0
        self.returncode: int | None = None
        self.memory_peak_b: int | None = None
        self.t0_ns = self.t1_ns = clock.now_ns()
        self._stream: Stream = target.stream(words)

    def read(self, timeout_s: float) -> Sequence[Chunk] | None:
        """What came within the timeout; None once it ended. Raises LinkLost."""
        data = self._stream.read(timeout_s)
        t_ns = self._clock.now_ns()
        said = self._stream.stderr
        chunks = [Chunk(t_ns, said[self._said_b :], is_error=True)] if len(said) > self._said_b else []
        self._said_b = len(said)
        if data is None and not chunks:
            self.t1_ns = t_ns if self.t1_ns == self.t0_ns else self.t1_ns
            self.returncode = self._stream.returncode
            return None
        if data is None:
            self.t1_ns = t_ns
        return [Chunk(t_ns, data), *chunks] if data else chunks

    def close(self) -> None:
        """Hang up, which ends it."""
        self._stream.close()


class WholeRun:
    """A command that is told of only when it ended, by a Target without streams."""

    def __init__(self, target: Target, words: Sequence[str], timeout_s: float, clock: Clock) -> None:
        self._target, self._words, self._timeout_s, self._clock = target, words, timeout_s, clock
        self.returncode: int | None = None
        self.memory_peak_b: int | None = None
        self.t0_ns = self.t1_ns = clock.now_ns()

    def read(self, timeout_s: float) -> Sequence[Chunk] | None:
        """All that it printed, after its end; then None. Raises DeviceError."""
        del timeout_s  # a Target's run returns at the end
        if self.returncode is not None:
            return None
        self.t0_ns = self._clock.now_ns()
        done = self._target.run(self._words, timeout_s=self._timeout_s)
        self.t1_ns = self._clock.now_ns()
        self.returncode = done.returncode
        return [Chunk(self.t1_ns, done.stdout), Chunk(self.t1_ns, done.stderr, is_error=True)]

    def close(self) -> None:
        """The Target ended it."""


class MarksThere:
    """A file of marks on another machine: made before a run, fetched after it. `path` is None where none can be."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self.path: str | None = None
        with suppress(DeviceError):
            made = target.run(_MAKE, timeout_s=10.0)
            path = made.stdout.decode(errors="replace").strip()
            if made.returncode == 0 and path.startswith("/") and path.isprintable() and len(path) < 200:
                self.path = path

    def fetch(self, limit_b: int) -> bytes:
        """What was marked. Raises DeviceError if it cannot be read, or is too much."""
        if self.path is None:
            return b""
        done = self._target.run(["head", "-c", str(limit_b), self.path], timeout_s=60.0)
        if done.returncode != 0:
            raise DeviceError(f"cannot read {self.path} on the device: {done.stderr[:200].decode(errors='replace')}")
        return done.stdout

    def remove(self) -> None:
        """Leave nothing behind, as far as the machine answers."""
        if self.path is not None:
            with suppress(DeviceError):
                self._target.run(["rm", "-f", self.path], timeout_s=10.0)
            self.path = None

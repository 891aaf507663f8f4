"""Where a command is executed: on this host, or on another machine through its Target; and how it is heard there."""

import os
import re
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

from edgewatt.collectors.android.state.sleep import State, suspended_s
from edgewatt.collectors.runtimes.commands.asked import Asked
from edgewatt.collectors.runtimes.commands.elsewhere import MarksThere, Streaming, StreamRun, WholeRun
from edgewatt.collectors.runtimes.commands.running import LINE_BY_LINE, HostRun, Running, environment
from edgewatt.collectors.runtimes.text import printable
from edgewatt.collectors.transports.local import LocalTarget
from edgewatt.profiler.clock import HOST_CLOCK, Clock
from edgewatt.profiler.device import Device
from edgewatt.profiler.errors import DeviceError, UsageError
from edgewatt.profiler.identity import sha256_of_file
from edgewatt.profiler.protocols import Target
from edgewatt.profiler.windowing.marking import CUT, VARIABLE

# Of a file of marks: a million windows of a short name are half of it.
MARKS_LIMIT_B: Final = 128 << 20
# What comes from another machine at once (link.py has 64 MiB).
FETCH_LIMIT_B: Final = 32 << 20
SUSPENDED: Final = "suspended"
ON_ARRIVAL, NOT_STREAMED, NO_MARKS_FILE = "stamped_on_arrival", "not_streamed", "no_marks_file"
_MONOTONIC, _BOOTTIME = ".monotonic", ".boottime"
_SLEPT: Final = ("python3", "-c", "import time as t; print(t.clock_gettime_ns(t.CLOCK_BOOTTIME) - t.monotonic_ns())")
_WHOLE: Final = re.compile(rb"-?[0-9]{1,18}")
_ECHOES: Final = 5


@dataclass(frozen=True, slots=True)
class Tie:
    """How a program's own stamps (CLOCK_MONOTONIC of its machine) are placed, as found before a run.

    `shift_ns` takes them to the clock called `clock_name`, `offset_ns` that one to the host's. Without a name nothing
    is known of them.
    """

    clock_name: str | None = HOST_CLOCK
    shift_ns: int = 0
    offset_ns: int = 0


@runtime_checkable
class Sleeping(Protocol):
    """A target that shows whether it slept between two looks."""

    def awake(self) -> State:
        """What shows it. Raises DeviceError if it does not answer."""
        ...


class Place(Protocol):
    """One place."""

    def check(self) -> str:
        """The version of the program, as far as it is known before it runs. Raises UsageError if there is none."""
        ...

    def tie(self, clock: Clock) -> Tie:
        """How the stamps of the next run are placed. Raises DeviceError."""
        ...

    def start(self, clock: Clock) -> Running:
        """Execute the command. Raises DeviceError."""
        ...

    def marks(self) -> bytes:
        """The file of marks of the run that ended. Raises DeviceError."""
        ...

    def file(self, path: str, limit_b: int) -> bytes:
        """A file that the command wrote, b"" if there is none of at most `limit_b`."""
        ...

    def reasons(self) -> tuple[str, ...]:
        """What limits every run there."""
        ...

    def close(self) -> None:
        """Remove what was put there."""
        ...


class Here:
    """This host."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._folder: Path | None = None

    def check(self) -> str:
        """The beginning of the hash of the program's file."""
        words = self._asked.words
        path = shutil.which(words[0], path=environment(self._asked.env).get("PATH"))
        if path is None:
            seen = "is not executable" if os.path.sep in words[0] and Path(words[0]).exists() else "was not found"
            raise UsageError(f"--command: the program '{printable(words[0])}' {seen} on this host")
        with suppress(OSError):
            return sha256_of_file(Path(path))[:12]
        return ""

    def tie(self, clock: Clock) -> Tie:
        """It is the same clock."""
        del clock
        return Tie()

    def start(self, clock: Clock) -> Running:
        """Execute it with an empty file of marks."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="edgewatt-"))
        marks = self._marks_path(self._folder)
        marks.write_bytes(b"")
        return HostRun(self._asked.words, {**self._asked.env, VARIABLE: str(marks)}, clock)

    def marks(self) -> bytes:
        """What it marked."""
        if self._folder is None:
            return b""
        return marks_in(self._marks_path(self._folder))

    def file(self, path: str, limit_b: int) -> bytes:
        """A file by its path, from the folder that we were started in."""
        return _small(Path(path), limit_b)

    def reasons(self) -> tuple[str, ...]:
        """None."""
        return ()

    def close(self) -> None:
        """Remove the file of marks."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    @staticmethod
    def _marks_path(folder: Path) -> Path:
        return folder / "marks"


class There:
    """Another machine."""

    def __init__(self, asked: Asked, target: Target, clock_name: str) -> None:
        self._asked, self._target, self._clock_name = asked, target, clock_name
        self._marks: MarksThere | None = None
        self._before: State | None = None

    def check(self) -> str:
        """Not known."""
        return ""

    def tie(self, clock: Clock) -> Tie:
        """By the fastest of a few questions for its time."""
        shift_ns = self._shift_ns()
        if shift_ns is None:
            return Tie(None)
        echoes = [self._target.probe_clock(clock) for _ in range(_ECHOES)]
        best = min(echoes, key=lambda echo: echo.answered_ns - echo.asked_ns)
        return Tie(self._clock_name, shift_ns, (best.asked_ns + best.answered_ns) // 2 - best.device_ns)

    def _shift_ns(self) -> int | None:
        """How long the machine has slept since it booted, where its samples are stamped by a clock that counts that."""
        if self._clock_name.endswith(_MONOTONIC):
            return 0
        if not self._clock_name.endswith(_BOOTTIME):
            return None
        with suppress(DeviceError):
            said = self._target.run(_SLEPT, timeout_s=10.0).stdout.strip()
            if _WHOLE.fullmatch(said):
                return int(said)
        return None

    def start(self, clock: Clock) -> Running:
        """Execute it, as a stream where the target has them."""
        self.close()
        self._marks = MarksThere(self._target)
        self._before = self._look()
        marks = {VARIABLE: self._marks.path} if self._marks.path else {}
        env = {**LINE_BY_LINE, **self._asked.env, **marks}
        words = ("env", *(f"{name}={value}" for name, value in env.items()), *self._asked.words)
        if isinstance(self._target, Streaming):
            return StreamRun(self._target, words, clock)
        return WholeRun(self._target, words, self._asked.timeout_s, clock)

    def marks(self) -> bytes:
        """What it marked there."""
        return b"" if self._marks is None else _bounded(self._marks.fetch(FETCH_LIMIT_B + 1), FETCH_LIMIT_B)

    def file(self, path: str, limit_b: int) -> bytes:
        """A file of that machine."""
        with tempfile.TemporaryDirectory() as folder, suppress(DeviceError):
            self._target.pull(path, Path(folder) / "file")
            return _small(Path(folder) / "file", limit_b)
        return b""

    def reasons(self) -> tuple[str, ...]:
        """That it is told of only at its end, that it cannot mark, or that the machine slept since it was started."""
        missing = self._marks is not None and self._marks.path is None
        streamed = isinstance(self._target, Streaming)
        before, after = self._before, self._look()
        slept = before is not None and after is not None and bool(suspended_s(before, after))
        found = {NOT_STREAMED: not streamed, NO_MARKS_FILE: missing, SUSPENDED: slept}
        return tuple(reason for reason, holds in found.items() if holds)

    def _look(self) -> State | None:
        target: object = self._target
        if isinstance(target, Sleeping):
            with suppress(DeviceError):
                return target.awake()
        return None

    def close(self) -> None:
        """Remove the file of marks."""
        if self._marks is not None:
            self._marks.remove()
            self._marks = None


def place_of(device: Device, asked: Asked) -> Place:
    """Where this device executes commands. Raises UsageError for a meter, which executes nothing."""
    if device.target is None:
        raise UsageError(f"{device.uri} is a meter and executes nothing; name it with -m, and the device with -d")
    if isinstance(device.target, LocalTarget):
        return Here(asked)
    return There(asked, device.target, device.clock)


def marks_in(file: Path) -> bytes:
    """The content of a file of marks on this host, at most MARKS_LIMIT_B of it."""
    return _bounded(_read(file, MARKS_LIMIT_B + 1), MARKS_LIMIT_B)


def _bounded(marks: bytes, limit_b: int) -> bytes:
    """At most so many bytes of marks; where there are more, they say that they were cut."""
    if len(marks) <= limit_b:
        return marks
    return marks[: marks.rfind(b"\n", 0, limit_b) + 1] + CUT


def _read(path: Path, limit_b: int) -> bytes:
    """At most so many bytes of a regular file; b"" where there is none."""
    try:
        if not path.is_file():
            return b""
        with path.open("rb") as file:
            return file.read(limit_b)
    except (OSError, ValueError):
        return b""


def _small(path: Path, limit_b: int) -> bytes:
    """The whole of a regular file; b"" for none, and for one that is larger than that."""
    content = _read(path, limit_b + 1)
    return content if len(content) <= limit_b else b""

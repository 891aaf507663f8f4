"""What the programs of the phone tell its kernel: a line each into a named pipe, whole because it is short (pipe(7)).

    <CLOCK_MONOTONIC of the host in ns, or "now"> <process> <what> <words...>

`busy UNIT THREADS SHARE`, `idle`, `pin CPUS`, `spin THREADS loop|copy SHARE`, `radio [send] [receive]`,
`phase NAME T0 T1 RUNS`, `mark WORD`, and of the stub commands `set NAME VALUE`.
"""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

# The variable that names the lab's folder to the phone's programs.
LAB = "EDGEWATT_LAB"
PIPE = "run/events"
LINE_LIMIT_B = 512
# In the lab's folder: the log of what really happens (truth.py).
LOG = "lab_truth.jsonl"


@dataclass(frozen=True, slots=True)
class Event:
    """One line: when it happened, in ns of the host's clock (None: when it is read), by which process, and what."""

    t_ns: int | None
    pid: int
    what: str
    words: tuple[str, ...] = ()


def parse_event(line: bytes) -> Event | None:
    """The event of a line; None for anything else. Takes any bytes."""
    words = line.decode(errors="replace").split()
    if len(line) > LINE_LIMIT_B or len(words) < 3 or not words[1].isdecimal():
        return None
    when, pid, what, *rest = words
    if when != "now" and not (when.isdecimal() and len(when) < 20):
        return None
    return Event(None if when == "now" else int(when), int(pid), what, tuple(rest))


def mark(lab: Path) -> str:
    """Ask the kernel of a lab's folder for a mark in its log, behind all that it heard until now; the mark's word.

    Raises OSError where no kernel listens.
    """
    t_ns = time.monotonic_ns()
    fd = os.open(lab / PIPE, os.O_WRONLY | os.O_NONBLOCK)
    try:
        os.write(fd, f"{t_ns} {os.getpid()} mark {t_ns}\n".encode())
    finally:
        os.close(fd)
    return str(t_ns)


@dataclass
class Events:
    """Where a program tells what it does. Without a lab it tells nobody."""

    fd: int | None = None
    pid: int = field(default_factory=os.getpid)
    _is_busy: bool = False

    @classmethod
    def of(cls, lab: str | None) -> Self:
        """The pipe of a lab's folder; nobody listening is no error."""
        if lab is None:
            return cls()
        try:
            return cls(os.open(Path(lab) / PIPE, os.O_WRONLY | os.O_NONBLOCK))
        except OSError:
            return cls()

    def busy(self, unit: str, threads: int, share: float = 1.0, t_ns: int | None = None) -> int:
        """Work begins now, or began at `t_ns`; when that is, in ns."""
        t_ns = time.monotonic_ns() if t_ns is None else t_ns
        self._tell(t_ns, f"busy {unit} {threads} {share:.6g}")
        self._is_busy = True
        return t_ns

    def idle(self, t_ns: int | None = None) -> None:
        """Work ended now, or at `t_ns`."""
        if self._is_busy:
            self._tell(time.monotonic_ns() if t_ns is None else t_ns, "idle")
            self._is_busy = False

    def phase(self, name: str, t0_ns: int, t1_ns: int, runs: int) -> None:
        """A phase that ended."""
        self._tell(t1_ns, f"phase {name} {t0_ns} {t1_ns} {runs}")

    def radio(self, t_ns: int, *, send: bool, receive: bool) -> None:
        """The radio sends or receives for this process from `t_ns` on, or neither."""
        self._tell(t_ns, " ".join(["radio", *["send"] * send, *["receive"] * receive]))

    def tell(self, t_ns: int, text: str, pid: int) -> None:
        """Something of another process."""
        if self.fd is None:
            return
        try:
            os.write(self.fd, f"{t_ns} {pid} {text}\n".encode())
        except (BlockingIOError, BrokenPipeError):
            # A kernel that is gone, or does not read for the length of a pipe, learns no more of this program.
            self.fd = None

    def _tell(self, t_ns: int, text: str) -> None:
        self.tell(t_ns, text, self.pid)

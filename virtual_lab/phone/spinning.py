"""Watches the pinned processes of the phone: their loops are a load that they do not tell.

`python -m edgewatt.virtual_lab.phone.spinning`, a process of the lab (standing.py). The phone's taskset writes
`PROCESS MASK` into a named pipe. proc(5): a process that computes, or waits for a processor, is in state R. It is
looked at every half millisecond, and its children where it waits itself; what two looks agree on is told to the phone's
kernel, at the time between the first of them and the one before. How many processors this machine has plays no part.
"""

import contextlib
import json
import os
import select
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from edgewatt.virtual_lab.phone.events import Events
from edgewatt.virtual_lab.phone.pinned import cpus_of
from edgewatt.virtual_lab.phone.standing import READY, become_punctual

PINS: Final = "run/pins"
AFFINITY: Final = "run/affinity"
LOOK_S: Final = 5e-4
_PRIORITY: Final = 4
_ENDED: Final = b"ZX"
_LINE_B: Final = 4096
# Programs that do nothing but copy memory, and the one that tells the kernel itself what it does.
_COPIES: Final = frozenset((b"dd", b"cp", b"cat", b"tr", b"head"))
_TELLS: Final = (b"python", b"benchmark_model")
_DEEP: Final = 3


class Doing(NamedTuple):
    """Busy threads of a pinned process and its children, and whether they copy."""

    threads: int = 0
    copies: bool = False


NOTHING: Final = Doing()


@dataclass(slots=True)
class Watched:
    """One pinned process: what it was seen to do, and what was told of it."""

    look: Callable[[], Doing | None]
    before_ns: int
    seen: Doing = NOTHING
    told: Doing = NOTHING
    since_ns: int = 0

    def edge(self, now_ns: int) -> tuple[int, Doing] | None:
        """Since when it does what, if that is news. Raises ProcessLookupError once it has ended."""
        now = self.look()
        if now is None:
            raise ProcessLookupError
        news = None
        if now != self.seen:
            self.seen, self.since_ns = now, (self.before_ns + now_ns) // 2
        elif now != self.told:
            self.told = now
            news = self.since_ns, now
        self.before_ns = now_ns
        return news


@dataclass(slots=True)
class Process:
    """A process by its open files below /proc."""

    pid: int
    watched: dict[int, Watched]
    pin: Callable[[int], None]
    _stat: int = field(init=False)
    _pinned: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._stat = os.open(f"/proc/{self.pid}/stat", os.O_RDONLY)

    def look(self) -> Doing | None:
        """What it does; None once it has ended."""
        name, state = state_of(self._stat)
        if state is None or state in _ENDED:
            os.close(self._stat)
            return None
        if state == b"R":
            return NOTHING if name.startswith(_TELLS) else Doing(1, name in _COPIES)
        busy = [name in _COPIES for name in self._busy_children(self.pid)]
        return Doing(len(busy), any(busy)) if busy else NOTHING

    def _busy_children(self, pid: int, depth: int = 0) -> Iterator[bytes]:
        for child in children(pid):
            if child in self.watched:
                continue
            name, state = b"", None
            with contextlib.suppress(OSError):
                stat = os.open(f"/proc/{child}/stat", os.O_RDONLY)
                name, state = state_of(stat)
                os.close(stat)
            if name.startswith(_TELLS):
                if child not in self._pinned:
                    self._pinned.add(child)
                    self.pin(child)
            elif state == b"R":
                yield name
            elif depth < _DEEP:
                yield from self._busy_children(child, depth + 1)


def state_of(stat: int) -> tuple[bytes, bytes | None]:
    """Name and state in an open /proc/PROCESS/stat; None once it is gone."""
    try:
        before, _, after = os.pread(stat, 512, 0).rpartition(b")")
    except OSError:
        return b"", None
    return before.partition(b"(")[2], after[1:2]


def children(pid: int) -> list[int]:
    """The children of a process (proc_pid_task(5): its file `children`)."""
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_bytes().split()]
    except (OSError, ValueError):
        return []


@dataclass
class Watch:
    """All pinned processes of one phone."""

    lab: Path
    events: Events
    watched: dict[int, Watched] = field(default_factory=dict)
    _rest: bytes = b""

    def pins(self, said: bytes, now_ns: int) -> None:
        """What taskset said; what is no line of it is left out."""
        *lines, self._rest = (self._rest + said)[-_LINE_B:].split(b"\n")
        for line in lines:
            pid, _, mask = line.decode(errors="replace").partition(" ")
            if pid.isdecimal() and len(pid) < 10 and (cpus := cpus_of(mask)):
                self._pin(int(pid), cpus, now_ns)

    def look(self, now_ns: int) -> None:
        """Look at each, and tell what is new."""
        for pid, one in list(self.watched.items()):
            try:
                news = one.edge(now_ns)
            except ProcessLookupError:
                del self.watched[pid]
                (self.lab / AFFINITY / str(pid)).unlink(missing_ok=True)
                self._tell(pid, now_ns, "idle")
                continue
            if news is not None:
                since_ns, (threads, copies) = news
                self._tell(pid, since_ns, f"spin {threads} {'copy' if copies else 'loop'} 1" if threads else "idle")

    def _pin(self, pid: int, cpus: tuple[int, ...], now_ns: int) -> None:
        words = f"pin {','.join(map(str, cpus))}"
        if pid not in self.watched:
            try:
                process = Process(pid, self.watched, lambda child: self._tell(child, time.monotonic_ns(), words))
            except OSError:
                return
            self.watched[pid] = Watched(process.look, now_ns)
        self._tell(pid, now_ns, words)

    def _tell(self, pid: int, t_ns: int, text: str) -> None:
        self.events.tell(t_ns, text, pid)


def run(config: dict[str, Any]) -> None:
    """Watch until the input ends."""
    lab = Path(config["root"]) / "lab"
    watch = Watch(lab, Events.of(str(lab)))
    pipe = os.open(lab / PINS, os.O_RDWR | os.O_NONBLOCK)
    print(READY, flush=True)
    while True:
        ready, _, _ = select.select([sys.stdin, pipe], [], [], 0 if watch.watched else None)
        if sys.stdin in ready:
            return
        if pipe in ready:
            watch.pins(os.read(pipe, _LINE_B), time.monotonic_ns())
        if watch.watched:
            time.sleep(LOOK_S)
            watch.look(time.monotonic_ns())


if __name__ == "__main__":
    become_punctual(_PRIORITY)
    with open(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as plain:
        asked = json.loads(plain.readline())
    run(asked)

"""The process that keeps the phone's files current: `python -m edgewatt.virtual_lab.phone.kernel`, a JSON on its input.

Every file has its own period; a tick is a multiple of it on the phone's clock, so that nothing drifts, and what is
late is left out, not made up for. What is written is the phone 3 ms ago, so that an edge that a program tells at once
is never too late for it. It ends when its standard input does.
"""

import contextlib
import heapq
import json
import os
import selectors
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from edgewatt.virtual_lab.phone.anatomy import OWN
from edgewatt.virtual_lab.phone.body import Body
from edgewatt.virtual_lab.phone.events import LINE_LIMIT_B, PIPE, Event, parse_event
from edgewatt.virtual_lab.phone.governor import Governor
from edgewatt.virtual_lab.phone.nodes import Instruments, Node, nodes
from edgewatt.virtual_lab.phone.pen import Pen
from edgewatt.virtual_lab.phone.personalities import personality
from edgewatt.virtual_lab.phone.standing import READY, become_punctual
from edgewatt.virtual_lab.phone.tree import Tree, deny, fell, is_denied
from edgewatt.virtual_lab.phone.truth import TRUTH
from edgewatt.virtual_lab.phone.writable import Writable

BEHIND_NS: Final = 3_000_000
_PIPE_B: Final = 1 << 16
_OWN_NS: Final = 100_000_000
# Of a processor, what a shell takes that loops (assumed), and the process that stands for all of them.
_LOOPS: Final = 0.5
_NOBODY: Final = 0
_PRIORITY: Final = 5
# How long one thread may keep the other from running.
_SWITCH_S: Final = 1e-4


class Kernel:
    """The loop. `config` names the tree, the personality with its quirks, the seed and the origin."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._phone = personality(config["personality"], config["quirks"])
        self._tree, self._origin_ns = Tree(Path(config["root"])), int(config["origin_ns"])
        self._body = Body(self._phone, self._origin_ns)
        self._governor = Governor(self._body)
        self._pen = Pen(self._tree.root, self._phone.torn, int(config["seed"]))
        self._nodes = list(nodes(self._body, Instruments.of(self._body, int(config["seed"]))))
        self._writable = Writable(self._tree.root, self._governor, self._pen)
        self._due: list[tuple[int, int, Node]] = []
        self._selector = selectors.SelectSelector()  # the others wait in whole ms
        self._rest = b""
        self._logged = 0
        self._own_share = 0.0
        self._own_s: dict[int, float] = {}
        self._own_busy: set[int] = set()
        self._own_loops = 0
        self._own_due_ns = self._origin_ns
        self._log = (self._tree.lab / TRUTH).open("a", buffering=1)
        self._heard: deque[tuple[int, bytes]] = deque()
        self._ear, self._mouth = os.pipe()
        self._selector.register(self._ear, selectors.EVENT_READ, self._wake)
        self._selector.register(sys.stdin, selectors.EVENT_READ, self._end)
        self._running, self.orphaned = True, False
        self._sleep = self._suspensions()
        self._sleep_due_ns: int | None = next(self._sleep, None)

    def run(self) -> None:
        """Write everything once, say so, and go on until the input ends."""
        threading.Thread(target=self._listen, daemon=True).start()
        now_ns = time.monotonic_ns()
        for number, node in enumerate(self._nodes):
            self._tick(node, now_ns)
            self._schedule(number, node, now_ns)
        deny(self._tree, self._phone)
        print(READY, flush=True)
        while self._running:
            for key, _ in self._selector.select(self._wait_s()):
                key.data(key.fileobj)
            self._work(time.monotonic_ns())
            self._write_log()
        self._log.close()

    def _wait_s(self) -> float:
        ahead = (self._governor.due_ns(), self._pen.mend(time.monotonic_ns()), self._sleep_due_ns, self._own_due_ns)
        due_ns = min(ns for ns in (*ahead, self._due[0][0]) if ns is not None)
        return max(due_ns - time.monotonic_ns(), 0) / 1e9

    def _work(self, now_ns: int) -> None:
        self._governor.act(now_ns - BEHIND_NS)
        if self._sleep_due_ns is not None and now_ns >= self._sleep_due_ns:
            self._sleep_due_ns = next(self._sleep, None)
        if now_ns >= self._own_due_ns:
            self._own_load(now_ns)
            if self._phone.rooted:
                self._writable.look(now_ns)
        while self._due[0][0] <= time.monotonic_ns():
            _, number, node = heapq.heappop(self._due)
            self._hear()
            now_ns = time.monotonic_ns()
            self._tick(node, now_ns)
            self._schedule(number, node, now_ns)

    def _tick(self, node: Node, now_ns: int) -> None:
        """Write what the files say at the last tick of theirs."""
        t_ns = max(now_ns - self._into_ns(node, now_ns) - BEHIND_NS, self._body.settled_ns)
        self._body.settle(t_ns)
        for name, (text,) in node.texts(np.array([t_ns])).items():
            if not (is_denied(name, self._phone) and (self._tree.root / name).exists()):
                self._pen.write(name, text, now_ns)

    def _schedule(self, number: int, node: Node, now_ns: int) -> None:
        due_ns = now_ns - self._into_ns(node, now_ns) + round(node.period_s * 1e9)
        heapq.heappush(self._due, (due_ns, number, node))

    def _into_ns(self, node: Node, now_ns: int) -> int:
        """How far into a node's period the phone's clock is; its drift over one period is under a nanosecond."""
        return self._body.boottime_ns(now_ns) % round(node.period_s * 1e9)

    def _listen(self) -> None:
        """In a thread of its own: stamp what the programs say as it comes, whatever is being worked out."""
        pipe = os.open(self._tree.lab / PIPE, os.O_RDWR)
        while said := os.read(pipe, _PIPE_B):
            self._heard.append((time.monotonic_ns(), said))
            os.write(self._mouth, b".")

    def _wake(self, _: object) -> None:
        os.read(self._ear, _PIPE_B)
        self._hear()

    def _hear(self) -> None:
        """What the programs said until now; before every file, so that none is written without it."""
        while self._heard:
            heard_ns, said = self._heard.popleft()
            *lines, self._rest = (self._rest + said).split(b"\n")
            self._rest = self._rest[-LINE_LIMIT_B:]
            for line in lines:
                if (event := parse_event(line)) is not None:
                    self._take(event, heard_ns)

    def _take(self, event: Event, now_ns: int) -> None:
        happened_ns = now_ns if event.t_ns is None else min(event.t_ns, now_ns)
        if event.what in ("busy", "pin", "radio"):
            self._watch(event.pid)
        self._governor.act(happened_ns)
        if event.what in ("phase", "mark"):
            self._write_log()  # what led to it stands before it
            self._say({event.what: event.words, "pid": event.pid})
            return
        used_ns = self._governor.hear(event, happened_ns)
        if event.t_ns is not None:
            self._say({"edge": event.what, "happened_ns": happened_ns, "logged_ns": now_ns, "used_ns": used_ns})

    def _watch(self, pid: int) -> None:
        """Learn of the end of a process at once."""
        if any(key.data is self._gone and key.fileobj == pid for key in self._selector.get_map().values()):
            return
        with contextlib.suppress(OSError):
            fd = os.pidfd_open(pid)
            self._selector.register(fd, selectors.EVENT_READ, lambda fd: self._gone(fd, pid))

    def _gone(self, fd: Any, pid: int) -> None:
        self._selector.unregister(fd)
        os.close(fd)
        now_ns = time.monotonic_ns()
        if pid in self._governor.working:
            self._say({"edge": "gone", "logged_ns": now_ns, "pid": pid})
        self._governor.gone(pid, now_ns)

    def _own_load(self, now_ns: int) -> None:
        """What the shells and the sampler took of a processor, as measured, is a load of the little cores.

        One that takes most of one, twice in a row, is a loop that is pinned nowhere: the scheduler gives it a big core.
        """
        spent = dict(self._spent())
        each_s = {pid: max(s - self._own_s.get(pid, s), 0.0) for pid, s in spent.items()}
        busy = {pid for pid, s in each_s.items() if s > _LOOPS * _OWN_NS / 1e9}
        loops, self._own_busy = busy & self._own_busy, busy
        if len(loops) != self._own_loops:
            self._own_loops = len(loops)
            told = ("cpu", str(len(loops)), "1")
            event = Event(None, _NOBODY, "busy", told) if loops else Event(None, _NOBODY, "idle")
            self._governor.hear(event, now_ns - BEHIND_NS)
        taken_s = sum(s for pid, s in each_s.items() if pid not in loops)
        self._own_s, self._own_due_ns = spent, now_ns + _OWN_NS
        cores = len(self._phone.clusters[0].cpus)
        share = round(min(taken_s / (_OWN_NS / 1e9) / cores, 1.0), 3)
        if share != self._own_share:
            self._own_share = share
            self._body.change("load", OWN, now_ns - BEHIND_NS, share)

    def _spent(self) -> Iterator[tuple[int, float]]:
        for link in self._links():
            try:
                ns = (link / "schedstat").read_text().split()[0]
            except (OSError, IndexError):
                link.unlink(missing_ok=True)
                continue
            if int(link.name) not in self._governor.working:
                yield int(link.name), int(ns) / 1e9

    def _links(self) -> list[Path]:
        return [path for path in (self._tree.root / "proc").iterdir() if path.name.isdecimal()]

    def _suspensions(self) -> Iterator[int]:
        """When the phone falls asleep and wakes; its processes stand still between."""
        if self._phone.suspend_after_s <= 0:
            return
        yield self._origin_ns + round(self._phone.suspend_after_s * 1e9)
        if self._writable.locks:
            return
        began_ns = time.monotonic_ns()
        self._body.change("suspended", "", began_ns, 1.0)
        self._signal(signal.SIGSTOP)
        yield began_ns + round(self._phone.suspend_s * 1e9)
        now_ns = time.monotonic_ns()
        self._body.change("suspended", "", now_ns, 0.0)
        self._body.slept(began_ns, now_ns)
        self._pen.write("sys/power/suspend_stats/success", "1\n", now_ns)
        self._tick(self._nodes[0], now_ns + BEHIND_NS)
        self._signal(signal.SIGCONT)

    def _signal(self, what: signal.Signals) -> None:
        for link in self._links():
            with contextlib.suppress(OSError):
                os.kill(int(link.name), what)

    def _write_log(self) -> None:
        for change in self._body.changes[self._logged :]:
            self._say({"change": change})
        self._logged = len(self._body.changes)

    def _say(self, line: dict[str, Any]) -> None:
        self._log.write(json.dumps(line) + "\n")

    def _end(self, _: object) -> None:
        self._running, self.orphaned = False, not os.read(sys.stdin.fileno(), 1)


def main() -> None:
    """Be the kernel of one phone; if whoever made it was killed, remove it."""
    become_punctual(_PRIORITY)
    # Unbuffered: what follows is for `_end`, which looks at the descriptor.
    with open(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as plain:
        config = json.loads(plain.readline())
    sys.setswitchinterval(_SWITCH_S)
    kernel = Kernel(config)
    kernel.run()
    if kernel.orphaned:
        fell(Tree(Path(config["root"])))


if __name__ == "__main__":
    main()

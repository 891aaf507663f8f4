"""Who works, and at which clock: from the events of the phone's programs to changes of its timeline.

The clock follows as schedutil's does, in outline (assumed: a first step at once, the top after 16 ms, the lowest 80 ms
after the last work ended).
"""

import heapq
from dataclasses import dataclass, field
from typing import Final

from edgewatt.virtual_lab.phone.anatomy import COPY, COPYING, SCREEN, core_load, unit_loads
from edgewatt.virtual_lab.phone.body import Body
from edgewatt.virtual_lab.phone.events import Event
from edgewatt.virtual_lab.phone.pinned import Pinned, placed
from edgewatt.virtual_lab.phone.radio import Radio

RAMP_NS: Final = 16_000_000
LINGER_NS: Final = 80_000_000
_FIRST_STEP: Final = 0.55


@dataclass
class Governor:
    """Takes events in the order in which they are read. Clock changes that lie ahead wait in a queue."""

    body: Body
    radio: Radio = field(init=False)
    _working: dict[int, dict[str, float]] = field(default_factory=dict)
    _pinned: dict[int, Pinned] = field(default_factory=dict)
    _allowed: dict[int, tuple[int, ...]] = field(default_factory=dict)
    _ahead: list[tuple[int, int, str, float]] = field(default_factory=list)
    _turn: dict[str, int] = field(default_factory=dict)
    _wanted_hz: dict[str, float] = field(default_factory=dict)
    _limits_hz: dict[str, tuple[float, float]] = field(default_factory=dict)
    _awake: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.radio = Radio(self.body)

    @property
    def working(self) -> frozenset[int]:
        """The processes that said they work, or are watched."""
        return frozenset(self._working) | frozenset(self._allowed)

    def hear(self, event: Event, t_ns: int) -> int:
        """Let an event be so from `t_ns` on, or from the first instant that is open; which that is."""
        match event.what, event.words:
            case "busy", (unit, threads, share):
                allowed = self._allowed.get(event.pid, ())
                loads = unit_loads(self.body.phone, unit, _whole(threads), _share(share), allowed)
                self._working[event.pid] = loads
                return self._settle(t_ns)
            case "pin", (cpus,):
                self._allowed[event.pid] = _numbers(cpus)
            case "spin", (threads, what, share):
                allowed = self._allowed.get(event.pid, ())
                self._pinned[event.pid] = Pinned(allowed, _whole(threads), what == "copy", _share(share))
                return self._settle(t_ns)
            case "idle", _:
                self._working.pop(event.pid, None)
                self._pinned.pop(event.pid, None)
                return self._settle(t_ns)
            case "radio", words:
                return self.radio.hear(event.pid, words, t_ns)
            case "set", ("screen", state):
                return self.body.change("load", SCREEN, t_ns, float(state == "on"))
        return t_ns

    def gone(self, pid: int, t_ns: int) -> None:
        """A process ended without saying that its work did."""
        self.radio.gone(pid, t_ns)
        self._allowed.pop(pid, None)
        told = self._working.pop(pid, None), self._pinned.pop(pid, None)
        if told != (None, None):
            self._settle(t_ns)

    def limit(self, domain: str, limits_hz: tuple[float, float], governor: str, t_ns: int) -> None:
        """Somebody wrote the limits of a clock, or its governor: performance and powersave stay at one of them."""
        low_hz, high_hz = limits_hz
        pinned = {"performance": (high_hz, high_hz), "powersave": (low_hz, low_hz)}.get(governor, limits_hz)
        self._limits_hz[domain] = (min(pinned), max(pinned))
        self._ask(domain, t_ns, self._wanted_hz.get(domain, self.body.steps_hz(domain)[0]))

    def _ask(self, domain: str, t_ns: int, hz: float) -> None:
        """Ask for the highest step within the limits that is not above what is wanted, or for the lowest of them."""
        self._wanted_hz[domain] = hz
        steps = self.body.steps_hz(domain)
        low_hz, high_hz = self._limits_hz.get(domain, (steps[0], steps[-1]))
        within = [step for step in steps if low_hz <= step <= high_hz] or [steps[0]]
        self.body.ask_hz(domain, t_ns, max((step for step in within if step <= hz), default=within[0]))

    def due_ns(self) -> int | None:
        """When the next change of a clock is due, or of the radio."""
        ahead = (self._ahead[0][0] if self._ahead else None, self.radio.due_ns())
        return min((ns for ns in ahead if ns is not None), default=None)

    def act(self, until_ns: int) -> None:
        """Change the clocks that are due."""
        self.radio.act(until_ns)
        while self._ahead and self._ahead[0][0] <= until_ns:
            t_ns, turn, domain, hz = heapq.heappop(self._ahead)
            if self._turn.get(domain) == turn:
                self._ask(domain, t_ns, hz)

    def _settle(self, t_ns: int) -> int:
        """The loads of all who work, added up, at most 1 each; and the clocks that follow."""
        body = self.body
        names = [f"cpu{n}" for n in range(len(body.phone.clusters))] + ["gpu", "npu"]
        wanted = {name: min(sum(work.get(name, 0.0) for work in self._working.values()), 1.0) for name in names}
        cores = placed(body.phone, self._pinned.values())
        loops = {
            core_load(cpu): cores[cpu].share if cpu in cores else 0.0 for one in body.phone.clusters for cpu in one.cpus
        }
        copying = min(COPYING * sum(of.share for of in cores.values() if of.copies), 1.0)
        t_ns = body.load({**wanted, **loops, COPY: copying}, t_ns)
        for number, cluster in enumerate(body.phone.clusters):
            wanted[f"cpu{number}"] += sum(cpu in cores for cpu in cluster.cpus)
        for name in names:
            steps = body.steps_hz(name)
            if not steps or (wanted[name] > 0) == (name in self._awake):
                continue
            turn = self._turn[name] = self._turn.get(name, 0) + 1
            if wanted[name] > 0:
                self._awake.add(name)
                self._ask(name, t_ns, steps[int(_FIRST_STEP * len(steps))])
                heapq.heappush(self._ahead, (t_ns + RAMP_NS, turn, name, steps[-1]))
            else:
                self._awake.discard(name)
                heapq.heappush(self._ahead, (t_ns + LINGER_NS, turn, name, steps[0]))
        return t_ns


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(word) for word in text.split(",") if word.isdecimal() and len(word) < 4)


def _whole(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 4 else 1


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        return 1.0
    return share if 0.0 <= share <= 1.0 else 1.0

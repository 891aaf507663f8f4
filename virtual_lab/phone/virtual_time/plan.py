"""What a run is asked to do, and when it really does it. Instants are int64 ns of the true clock, which is the host's.

A process takes its time, and so do its iterations; how long is assumed, in the order of magnitude of phones.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from edgewatt.virtual_lab.clocks import Instants, Suspension
from edgewatt.virtual_lab.power.load import loop

NS: Final = 1_000_000_000
# From the process to its first busy instant, and how long it then loads a model.
_START_S: Final = (0.005, 0.02)
_INIT_S: Final = (0.03, 0.08)
# Between a line that is printed and the work before or after it.
_PRINT_S: Final = (2e-5, 1e-4)
_EXIT_S: Final = (0.003, 0.01)
# What the host does on the phone before and after a repeat: several commands, some of which ask services.
_LOOK_S: Final = (0.06, 0.15)
# One process is faster than the next, by where its memory and its threads came to lie.
_REPEAT_REL: Final = 0.01
_COLD: Final = 1.15
# A train of pulses of load: what its script waits before it, and how late it wakes up from a pause.
_NAP_S: Final = 0.5
_WAKE_S: Final = (5e-5, 1e-3)

# Of each pulse of a train, seconds of load and of pause.
Train = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Seconds of the host's clock, as a profile run has them; the rest is the phone's.

    `pause_s` is between two repeats, `gap_s` between two iterations; latencies are log-normal with the median
    `latency_s` and the deviation `spread` of their logarithm. `lead_s` and `tail_s` are before and after the idles, for
    a look at the phone and its clock. `trains` are executed before and after the repeats. The network is bound to
    `cpus` (none: it is not), and `held_hz` has the domains whose clock is held at one step all through the run;
    `memory` is the share of the memory's bandwidth that it takes beside what every network does.
    """

    repeats: int = 5
    seconds: float = 5.0
    warmup_s: float = 0.5
    idle_s: float = 10.0
    settle_s: float = 1.0
    pause_s: tuple[float, float] = (0.2, 0.6)
    latency_s: float = 0.02
    spread: float = 0.05
    gap_s: float = 5e-5
    threads: int = 4
    target: str = "cpu"
    lead_s: float = 4.0
    tail_s: float = 2.0
    trains: tuple[Train, ...] = ()
    cpus: tuple[int, ...] = ()
    held_hz: tuple[tuple[str, float], ...] = ()
    memory: float = 0.0


@dataclass(frozen=True, slots=True)
class Pulsed:
    """A train: when its script was started, when each pulse of load began and ended, and when it had all printed."""

    started_ns: int
    begin_ns: Instants
    end_ns: Instants
    exit_ns: int


@dataclass(frozen=True, slots=True)
class Iterated:
    """A phase of the tool: the instants of its first and last line, and of each iteration."""

    announced_ns: int
    begin_ns: Instants
    end_ns: Instants
    counted_ns: int

    @property
    def span_ns(self) -> tuple[int, int]:
        """From the beginning of its first iteration to the end of its last one."""
        return int(self.begin_ns[0]), int(self.end_ns[-1])


@dataclass(frozen=True, slots=True)
class Repeat:
    """One process of the tool, and the looks at the phone around it: when the first begins, and the second."""

    look_ns: tuple[int, int]
    looks_end_ns: tuple[int, int]
    started_ns: int
    init_ns: tuple[int, int]
    warmup: Iterated
    measured: Iterated
    exit_ns: int


@dataclass(frozen=True, slots=True)
class Times:
    """When everything of a run happens."""

    begin_ns: int
    sampled_ns: tuple[int, int]
    idle_ns: tuple[tuple[int, int], tuple[int, int]]
    repeats: tuple[Repeat, ...]
    end_ns: int
    trains: tuple[Pulsed, ...] = ()


def drawn_times(plan: Plan, begin_ns: int, rng: np.random.Generator, asleep: Suspension | None = None) -> Times:
    """The times of one run; while the phone sleeps nothing goes on, and all that is later comes so much later."""
    draw = _Draw(rng, begin_ns, asleep)
    sampled_ns = draw.later(plan.lead_s / 2)
    before_ns = draw.now_ns + round(plan.lead_s / 2 * NS)
    draw.now_ns = before_ns + round(plan.idle_s * NS)
    idle_before = draw.true(before_ns), draw.true(draw.now_ns)
    draw.later(plan.settle_s)
    first = [draw.train(lengths_s) for lengths_s in plan.trains[:1]]
    repeats = tuple(draw.repeats(plan))
    trains = (*first, *(draw.train(lengths_s) for lengths_s in plan.trains[1:]))
    after_ns = draw.now_ns + round(plan.settle_s * NS)
    draw.now_ns = after_ns + round(plan.idle_s * NS)
    idle_after = draw.true(after_ns), draw.true(draw.now_ns)
    until_ns = draw.later(plan.tail_s / 2)
    end_ns = draw.later(plan.tail_s / 2)
    return Times(begin_ns, (sampled_ns, until_ns), (idle_before, idle_after), repeats, end_ns, trains)


class _Draw:
    """Lays out a run along the time that the phone is awake; `true` is when that is."""

    def __init__(self, rng: np.random.Generator, begin_ns: int, asleep: Suspension | None) -> None:
        self._rng, self._asleep, self.now_ns = rng, asleep, begin_ns

    def true(self, awake_ns: int) -> int:
        return int(self._true(np.array([awake_ns]))[0])

    def later(self, seconds: float) -> int:
        """Go on by so much; the true instant then."""
        self.now_ns += round(seconds * NS)
        return self.true(self.now_ns)

    def train(self, lengths_s: Train) -> Pulsed:
        """Pulses of these lengths. That a wall clock which is set meanwhile changes one of them is left out."""
        started_ns = self._between(_START_S)
        self.later(_NAP_S)
        edges_ns = []
        for busy_s, pause_s in lengths_s:
            edges_ns.append((self._between(_WAKE_S), self.later(busy_s)))
            self.later(pause_s)
        begin_ns, end_ns = np.array(edges_ns, np.int64).reshape(-1, 2).T
        return Pulsed(started_ns, begin_ns, end_ns, self._between(_EXIT_S))

    def repeats(self, plan: Plan) -> Iterator[Repeat]:
        for _ in range(plan.repeats):
            self._between(plan.pause_s)
            look_ns, looked_ns = self.true(self.now_ns), self._between(_LOOK_S)
            started_ns = self._between(_PRINT_S)
            init_ns = (self._between(_START_S), self._between(_INIT_S))
            latency_s = plan.latency_s * float(np.exp(_REPEAT_REL * self._rng.standard_normal()))
            warmup = self._iterated(plan, plan.warmup_s, latency_s, _COLD)
            measured = self._iterated(plan, plan.seconds, latency_s)
            exit_ns = self._between(_EXIT_S)
            again_ns, again_looked_ns = self._between(_EXIT_S), self._between(_LOOK_S)
            yield Repeat(
                (look_ns, again_ns), (looked_ns, again_looked_ns), started_ns, init_ns, warmup, measured, exit_ns
            )

    def _iterated(self, plan: Plan, seconds: float, latency_s: float, first: float = 1.0) -> Iterated:
        """Iterations until their time is reached, as the tool does; the first one takes `first` times as long."""
        announced_ns = self._between(_PRINT_S)
        self._between(_PRINT_S)
        enough = int(1.2 * seconds / (latency_s + plan.gap_s) + 20)
        begin_ns, end_ns = loop(
            self._rng, self.now_ns, enough, latency_s=latency_s, spread=plan.spread, gap_s=plan.gap_s
        )
        longer_ns = round((first - 1) * latency_s * NS)
        begin_ns[1:] += longer_ns
        end_ns += longer_ns
        count = int(np.searchsorted(end_ns, self.now_ns + round(seconds * NS))) + 1
        self.now_ns = int(end_ns[count - 1])
        counted_ns = self._between(_PRINT_S)
        return Iterated(announced_ns, self._true(begin_ns[:count]), self._true(end_ns[:count]), counted_ns)

    def _between(self, seconds: tuple[float, float]) -> int:
        return self.later(self._rng.uniform(*seconds))

    def _true(self, awake_ns: Instants) -> Instants:
        if self._asleep is None:
            return awake_ns
        t0_ns, t1_ns = self._asleep.t0_ns, self._asleep.t1_ns
        return awake_ns + np.where(awake_ns > t0_ns, t1_ns - t0_ns, 0)

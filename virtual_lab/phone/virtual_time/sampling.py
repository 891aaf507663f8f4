"""When the sampler's script on the phone reads what: its loop, on a phone that wakes late and is set to another time.

Its rule is that of the script: a stream is due at multiples of its period of the wall clock, what is late is left out,
and a clock that was set back makes it due at once. That it wakes up about a millisecond late, and now and then tens of
them, and how long a read takes, is assumed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from edgewatt.virtual_lab.clocks import DeviceClocks, Instants
from edgewatt.virtual_lab.phone.virtual_time.plan import NS

_LONGEST_NS: Final = 1 * NS
_SLIP_NS: Final = 1e6
_STALLED, _STALL_NS = 0.005, (20e6, 80e6)
_READ_NS: Final = 6e5
_READ_SPREAD: Final = 0.5
_READ_BETWEEN_NS: Final = (3e5, 3e6)
_PRINT_NS: Final = 50_000
_UNITS_PER_S: Final = 10_000


@dataclass(frozen=True, slots=True)
class Ticks:
    """Rows in the order in which they are printed (n each), and from when to when the script worked (m each)."""

    stream: Instants
    tick: Instants
    before_ns: Instants
    after_ns: Instants
    woke_ns: Instants
    slept_ns: Instants


def ticks(
    periods_s: Sequence[float], span_ns: tuple[int, int], clocks: DeviceClocks, rng: np.random.Generator
) -> Ticks:
    """All rows of streams with these periods, fastest first, from the beginning of the span on."""
    begin_ns = int(clocks.boottime_ns(span_ns[0]))
    until_ns = int(clocks.boottime_ns(span_ns[1])) - begin_ns
    rows, wakes = _loop(_alike(periods_s), until_ns, _Happens.of(clocks, begin_ns), rng)
    stream, tick, before, after = np.array(rows, np.int64).reshape(-1, 4).T
    woke, slept = np.array(wakes, np.int64).reshape(-1, 2).T
    cuts = np.cumsum([len(before), len(after), len(woke)])
    true_ns = clocks.when_boottime(begin_ns + np.concatenate([before, after, woke, slept]))
    return Ticks(stream, tick, *np.split(true_ns, cuts))


@dataclass(slots=True)
class _Due:
    """Streams that are due together, every `period_ns` of the wall clock; how often they were so far, and when next."""

    period_ns: int
    streams: list[int]
    count: int = 0
    next_ns: int = 0


def _alike(periods_s: Sequence[float]) -> list[_Due]:
    """Neighbours with the same period are due together."""
    found: list[_Due] = []
    for number, period_s in enumerate(periods_s):
        period_ns = max(round(period_s * _UNITS_PER_S), 1) * (NS // _UNITS_PER_S)
        if found and found[-1].period_ns == period_ns:
            found[-1].streams.append(number)
        else:
            found.append(_Due(period_ns, [number]))
    return found


@dataclass(frozen=True, slots=True)
class _Happens:
    """The step of the wall clock and the sleep, by CLOCK_BOOTTIME since the beginning; infinite: there is none."""

    step_ns: float = math.inf
    by_ns: int = 0
    asleep_ns: float = math.inf
    lasts_ns: int = 0

    @classmethod
    def of(cls, clocks: DeviceClocks, begin_ns: int) -> "_Happens":
        steps = [(int(clocks.boottime_ns(step.t_ns)) - begin_ns, step.by_ns) for step in clocks.steps[:1]]
        sleeps = [clocks.boottime_ns([one.t0_ns, one.t1_ns]).tolist() for one in clocks.suspensions[:1]]
        step_ns, by_ns = steps[0] if steps else (math.inf, 0)
        asleep_ns, lasts_ns = (sleeps[0][0] - begin_ns, sleeps[0][1] - sleeps[0][0]) if sleeps else (math.inf, 0)
        return cls(step_ns, by_ns, asleep_ns, lasts_ns)


def _loop(
    dues: Sequence[_Due], until_ns: int, happens: _Happens, rng: np.random.Generator
) -> tuple[list[tuple[int, int, int, int]], list[tuple[int, int]]]:
    """Rows and wakes by CLOCK_BOOTTIME since the beginning, of which the wall clock is `ahead_ns`."""
    rows, wakes = list[tuple[int, int, int, int]](), list[tuple[int, int]]()
    most = sum((until_ns // due.period_ns + 4) * len(due.streams) for due in dues) + 2 * until_ns // _LONGEST_NS
    slips, reads = iter(_slips_ns(rng, most)), iter(_reads_ns(rng, most))
    step_ns, asleep_ns, ahead_ns, t_ns = happens.step_ns, happens.asleep_ns, 0, 0
    while t_ns < until_ns:
        woke_ns, soonest_ns = t_ns, t_ns + ahead_ns + _LONGEST_NS
        for due in dues:
            if t_ns >= step_ns:
                ahead_ns, step_ns = ahead_ns + happens.by_ns, math.inf
            period_ns, wait_ns = due.period_ns, due.next_ns - ahead_ns - t_ns
            if wait_ns > period_ns:
                due.next_ns, wait_ns = ahead_ns + t_ns, 0
            if wait_ns <= 0:
                missed = -wait_ns // period_ns + 1
                due.count += missed
                due.next_ns += missed * period_ns
                for stream in due.streams:
                    before_ns = t_ns
                    t_ns += next(reads)
                    if before_ns <= asleep_ns < t_ns:
                        t_ns += happens.lasts_ns
                    rows.append((stream, due.count, before_ns, t_ns))
                    t_ns += _PRINT_NS
            soonest_ns = min(soonest_ns, due.next_ns)
        wakes.append((woke_ns, t_ns))
        wait_ns = soonest_ns - ahead_ns - t_ns
        if wait_ns > 0:
            before_ns = t_ns
            t_ns += wait_ns + next(slips)
            if before_ns <= asleep_ns < t_ns:
                t_ns += happens.lasts_ns
    return rows, wakes


def _slips_ns(rng: np.random.Generator, count: int) -> list[int]:
    late_ns = rng.exponential(_SLIP_NS, count)
    late_ns = np.where(rng.random(count) < _STALLED, rng.uniform(*_STALL_NS, count), late_ns)
    slips_ns: list[int] = late_ns.astype(np.int64).tolist()
    return slips_ns


def _reads_ns(rng: np.random.Generator, count: int) -> list[int]:
    took_ns = np.clip(_READ_NS * np.exp(_READ_SPREAD * rng.standard_normal(count)), *_READ_BETWEEN_NS)
    reads_ns: list[int] = took_ns.astype(np.int64).tolist()
    return reads_ns

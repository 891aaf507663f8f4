"""Readings turned into knots: instants at which a power is known, or the mean power since the knot before."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.batch import COUNTER_ABSENT
from edgewatt.profiler.channel import Channel
from edgewatt.profiler.energy.flow import Flow, Sampling

# So many samples keep a block's half-megabyte arrays in the cache of a core; half or double of it is as fast.
BLOCK: Final = 65_536


class Samples(Protocol):
    """Samples that travel together: `t_ns` int64 of shape [n], and one array of n values per column."""

    @property
    def t_ns(self) -> NDArray[np.int64]:
        """Time of each sample on the host's clock."""
        ...

    @property
    def columns(self) -> Mapping[str, NDArray[Any]]:
        """Gauges in SI with NaN, counters in raw int64 with COUNTER_ABSENT, for what was not measured."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Knots:
    """`t_ns` int64 and `power_w` float64, both of shape [n]; NaN where it was not measured.

    With Sampling.steps, `power_w[k]` is the mean from knot k - 1 to knot k; without, the power at knot k.
    """

    t_ns: NDArray[np.int64]
    power_w: NDArray[np.float64]


def knots_of(flow: Flow, sampling: Sampling, samples: Iterable[Samples]) -> Iterator[Knots]:
    """The knots of a flow, one block per BLOCK of samples, each at the instant (host's clock) it speaks of."""
    if flow.counter is not None:
        return _counter_knots(flow.counter, _readings(flow.counter, flow.voltage, samples))
    knots = _gauge_knots(flow.gauges, sampling.delay_ns, samples)
    return knots if sampling.held_s is None else _changes(knots, round(sampling.held_s * 1e9))


def _blocks(samples: Iterable[Samples]) -> Iterator[tuple[Samples, slice]]:
    for chunk in samples:
        for start in range(0, len(chunk.t_ns), BLOCK):
            yield chunk, slice(start, start + BLOCK)


def _gauge_knots(gauges: tuple[tuple[str, ...], ...], delay_ns: int, samples: Iterable[Samples]) -> Iterator[Knots]:
    for chunk, part in _blocks(samples):
        t_ns = chunk.t_ns[part]
        with np.errstate(invalid="ignore", over="ignore"):
            power_w = sum_of_products(gauges, chunk.columns, part)
        yield Knots(t_ns - delay_ns if delay_ns else t_ns, power_w)


def sum_of_products(
    products: tuple[tuple[str, ...], ...], columns: Mapping[str, NDArray[Any]], part: slice
) -> NDArray[np.float64]:
    """The sum of products of columns, sample by sample, float64 of shape [n]; NaN where any of them is NaN."""
    values = []
    for first, *others in products:
        value = columns[first][part].astype(np.float64)
        for other in others:
            value *= columns[other][part]
        values.append(value)
    total = values[0]
    for value in values[1:]:
        total += value
    return total


def _changes(knots: Iterable[Knots], period_ns: int) -> Iterator[Knots]:
    """Of readings taken more often than the sensor changes, the first of each new value.

    A value that stays longer than the sensor's period was measured again and came out the same: a knot per period.
    """
    last_w, since_ns, turn = np.nan, 0, 0
    for block in knots:
        t_ns, power_w = block.t_ns, block.power_w
        new = power_w != np.concatenate(([last_w], power_w[:-1]))
        began = np.maximum.accumulate(np.where(new, np.arange(len(t_ns)), -1))
        began_ns = np.where(began >= 0, t_ns[began], since_ns)
        turns = (t_ns - began_ns) // period_ns
        kept = new | (turns != np.concatenate(([turn], turns[:-1])))
        last_w, since_ns, turn = power_w[-1], began_ns[-1], turns[-1]
        yield Knots(t_ns[kept], power_w[kept])


@dataclass(frozen=True, slots=True, eq=False)
class _Readings:
    """Readings of a counter that were there: time, raw value, and the voltage beside it (1 for joules)."""

    t_ns: NDArray[np.int64]
    raw: NDArray[np.int64]
    volt: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.t_ns)

    def __getitem__(self, chosen: slice | NDArray[Any]) -> Self:
        return type(self)(self.t_ns[chosen], self.raw[chosen], self.volt[chosen])

    def then(self, other: Self) -> Self:
        """These readings and those after them."""
        return type(self)(
            np.concatenate((self.t_ns, other.t_ns)),
            np.concatenate((self.raw, other.raw)),
            np.concatenate((self.volt, other.volt)),
        )


_NO_KNOTS: Final = Knots(np.empty(0, np.int64), np.empty(0))
_NO_READINGS: Final = _Readings(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))


def _readings(counter: Channel, voltage: str | None, samples: Iterable[Samples]) -> Iterator[_Readings]:
    for chunk, part in _blocks(samples):
        raw = chunk.columns[counter.column][part]
        there = raw != COUNTER_ABSENT
        volt = np.ones(len(raw)) if voltage is None else chunk.columns[voltage][part].astype(np.float64)
        yield _Readings(chunk.t_ns[part], raw, volt)[there]


def _counter_knots(counter: Channel, readings: Iterable[_Readings]) -> Iterator[Knots]:
    """A knot where the counter moved, with the mean power since it last did; NaN where nobody can know that.

    The first reading is a knot only if the second one differs: otherwise nobody knows for how long it had stood.
    Of readings with the same stamp the first counts; what the others add is found in the next difference.
    """
    last, knot, fastest, first = _NO_READINGS, _NO_READINGS, 0.0, True
    for more in readings:
        seen = last.then(more)
        if len(seen) < 2:
            last = seen
            yield _NO_KNOTS
            continue
        moved = np.diff(seen.raw) != 0
        found = knot.then(seen[np.concatenate(([first and bool(moved[0])], moved))])
        last, first = seen[-1:], False
        if not len(found):
            yield _NO_KNOTS
            continue
        found = found[np.concatenate(([True], np.diff(found.t_ns) > 0))]
        power_w, fastest = _mean_power(counter, found, fastest)
        yield Knots(found.t_ns, power_w) if not len(knot) else Knots(found.t_ns[1:], power_w[1:])
        knot = found[-1:]


def _mean_power(counter: Channel, found: _Readings, fastest: float) -> tuple[NDArray[np.float64], float]:
    """The mean power up to each reading (NaN for the first), and the fastest rate so far, raw units per nanosecond.

    A counter that went down started again: it wrapped if it has a range, else what it counted meanwhile is lost.
    It is believed only if one more turn would have needed more than twice the fastest rate seen so far.
    """
    moved = np.diff(found.raw).astype(np.float64)
    took_ns = np.diff(found.t_ns).astype(np.float64)
    if counter.counter_range is not None:
        moved[moved < 0] += counter.counter_range
    moved[moved < 0] = np.nan
    rate = moved / took_ns
    rates = np.fmax.accumulate(np.concatenate(([fastest], rate)))
    if counter.counter_range is not None:
        rate[counter.counter_range <= 2 * rates[1:] * took_ns] = np.nan
    volt = (found.volt[1:] + found.volt[:-1]) / 2
    return np.concatenate(([np.nan], rate * (1e9 * counter.scale) * volt)), float(rates[-1])

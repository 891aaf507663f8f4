"""Flows: the summands of a source's power, and how the readings of each lie in time."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from edgewatt.profiler.channel import Channel
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.units import Quantity

# A polled sensor on a loaded device comes late by a few of its intervals and is still a sensor; five in a row
# without a reading are taken for a gap, and a gap is not bridged.
GAP_INTERVALS: Final = 5

# A sensor whose averaging window is within a quarter of its interval reports what passed since its last reading.
CONTIGUOUS: Final = (0.75, 1.25)

# An averaging window below this share of the interval changes the loss of an edge by under 1e-4: a point.
POINT_SHARE: Final = 0.02

# A sensor read at least this much more often than it changes repeats its values, and is followed by its changes.
REPEATS_FROM: Final = 1.5


@dataclass(frozen=True, slots=True)
class Flow:
    """Either gauges (a sum of products of columns) or one counter (in joules, or in coulombs times `voltage`).

    `period_s` and `window_s` are the slowest of its sensors'; None where nobody knows.
    """

    gauges: tuple[tuple[str, ...], ...] = ()
    counter: Channel | None = None
    voltage: str | None = None
    period_s: float | None = None
    window_s: float | None = None


@dataclass(frozen=True, slots=True)
class Sampling:
    """How knots follow from readings.

    `interval_s` is the larger of sampling interval and sensor period. `steps`: a knot's power is the mean since the
    knot before it; otherwise power at a point, joined by straight lines, of a sensor that averages over `window_s`
    around it. A reading speaks of `delay_ns` earlier. `held_s` is the sensor's period where it is read more often
    than it changes. Stretches above `gap_ns` are gaps (None: a counter, which bridges them).
    """

    interval_s: float
    steps: bool = False
    window_s: float = 0.0
    delay_ns: int = 0
    held_s: float | None = None
    gap_ns: int | None = None

    @property
    def reach(self) -> int:
        """How many knots beyond the two around an edge its step may have smeared."""
        if self.steps:
            return 1
        return math.ceil(self.window_s / (2 * self.interval_s)) if self.window_s else 0

    @property
    def looks_away(self) -> bool:
        """True of a sensor that sees power only now and then, so that it can miss what happens between its readings."""
        return not self.steps and self.window_s < self.interval_s


def flows_of(terms: Sequence[Sequence[Channel]]) -> list[Flow]:
    """The flows of a sum of products of channels of one stream: all gauges are one flow, each counter is one.

    Raises UsageError for a product that is no power and no energy.
    """
    gauges: list[Sequence[Channel]] = []
    flows: list[Flow] = []
    for term in terms:
        counters = [channel for channel in term if channel.kind == "counter"]
        rest = [channel for channel in term if channel.kind == "gauge"]
        if not counters and _quantities(rest) in ([Quantity.POWER], [Quantity.CURRENT, Quantity.VOLTAGE]):
            gauges.append(term)
        elif _quantities(counters) == [Quantity.ENERGY] and not rest:
            flows.append(Flow(counter=counters[0], period_s=counters[0].period_s))
        elif _quantities(counters) == [Quantity.CHARGE] and _quantities(rest) == [Quantity.VOLTAGE]:
            flows.append(Flow(counter=counters[0], voltage=rest[0].column, period_s=counters[0].period_s))
        else:
            asked = " x ".join(f"{channel.column} ({channel.kind})" for channel in term) or "nothing"
            raise UsageError(
                f"no joules can be formed from {asked}: expected a gauge in watt, gauges in volt x ampere, a counter "
                "in joule, or a counter in coulomb x a gauge in volt"
            )
    if gauges:
        channels = [channel for term in gauges for channel in term]
        columns = tuple(tuple(channel.column for channel in term) for term in gauges)
        flows.insert(0, Flow(columns, None, None, _slowest(channels, "period_s"), _slowest(channels, "window_s")))
    return flows


def sampling_of(flow: Flow, sampled_s: float) -> Sampling:
    """How a flow's knots lie when its stream has a sample every `sampled_s` seconds.

    A reading covers the sensor's averaging window before it. If that is about the interval, what each reading says
    of the stretch since the last one is taken as its mean; otherwise the reading is placed in the middle of its
    window and readings are joined by straight lines. Of a held value the first reading counts, half a sampling
    interval late on average.
    """
    period_s, window_s = flow.period_s or 0.0, flow.window_s or 0.0
    interval_s = max(sampled_s, period_s)
    if flow.counter is not None:
        return Sampling(interval_s, steps=True)
    held = period_s >= REPEATS_FROM * sampled_s > 0
    late_s = sampled_s / 2 if held else 0.0
    held_s = period_s if held else None
    gap_ns = round(GAP_INTERVALS * interval_s * 1e9) if interval_s > 0 else None
    if interval_s > 0 and CONTIGUOUS[0] <= window_s / interval_s <= CONTIGUOUS[1]:
        return Sampling(interval_s, steps=True, delay_ns=round(late_s * 1e9), held_s=held_s, gap_ns=gap_ns)
    if window_s < POINT_SHARE * interval_s or interval_s == 0:
        return Sampling(interval_s, delay_ns=round((late_s + window_s / 2) * 1e9), held_s=held_s, gap_ns=gap_ns)
    delay_ns = round((late_s + window_s / 2) * 1e9)
    return Sampling(interval_s, window_s=window_s, delay_ns=delay_ns, held_s=held_s, gap_ns=gap_ns)


def _quantities(channels: Sequence[Channel]) -> list[Quantity]:
    return sorted((channel.quantity for channel in channels), key=lambda quantity: quantity.value)


def _slowest(channels: Sequence[Channel], what: str) -> float | None:
    known = [value for channel in channels if (value := getattr(channel, what)) is not None]
    return max(known) if known else None

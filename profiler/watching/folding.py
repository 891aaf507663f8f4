"""What came from one device, folded into bounded memories: histories, rates, losses, joules."""

import math
from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.batch import Batch, Gap
from edgewatt.profiler.channel import Channel, Opened, Unavailable
from edgewatt.profiler.clock import HOST_CLOCK, NS_PER_S
from edgewatt.profiler.clockfit import IDENTITY, ClockFit
from edgewatt.profiler.units import Quantity
from edgewatt.profiler.watching.history import History
from edgewatt.profiler.watching.joules import LiveSource
from edgewatt.profiler.watching.tap import Inbox, stream_name
from edgewatt.profiler.watching.view import LineView, StreamView

# What is worth a line; a state, a count and the times spent at a frequency are not.
SHOWN: Final = frozenset(
    (
        *(Quantity.POWER, Quantity.VOLTAGE, Quantity.CURRENT, Quantity.TEMPERATURE),
        *(Quantity.FREQUENCY, Quantity.LOAD, Quantity.MEMORY, Quantity.RSSI),
    )
)
# A stream is silent after so many of its usual intervals without a sample, and not before so many seconds.
SILENT_INTERVALS: Final = 5.0
SILENT_S: Final = 3.0
# A stream whose newest word is that something is missing is silent sooner.
BROKEN_S: Final = 1.5
# The rate now is that of so many whole seconds.
RATE_BINS: Final = 10
STREAMS_LIMIT: Final = 256
_NOTHING: Final[NDArray[np.float64]] = np.empty(0)


class Stream:
    """One stream over all sessions."""

    def __init__(self, name: str, channels: tuple[Channel, ...]) -> None:
        self.name = name
        self.channels = tuple(c for c in channels if c.kind == "gauge" and c.quantity in SHOWN)
        self.history = History(len(self.channels))
        self.wanted = frozenset(channel.column for channel in self.channels)
        self.newest: NDArray[np.float64] = np.full(len(self.channels), np.nan)
        self.samples = self.lost = self.gaps = self.dropped = 0
        self.lost_unknown, self.last_gap = False, ""
        self.first_ns: int | None = None
        self.came_ns: int | None = None
        self.shift_ns: int | None = None
        self._is_broken = False

    def fold(self, batch: Batch, t_ns: NDArray[np.int64], now_ns: int) -> None:
        """Add a batch; its stamps are on the host's clock."""
        columns = [batch.columns.get(channel.column) for channel in self.channels]
        absent = np.full(len(t_ns), np.nan)
        values = np.array([absent if of is None else of for of in columns], np.float64).reshape(-1, len(t_ns))
        self.history.fold(t_ns, values, now_ns)
        self.newest = values[:, -1]
        self.samples += len(t_ns)
        self.first_ns = now_ns if self.first_ns is None else self.first_ns
        self.came_ns, self._is_broken = now_ns, False

    def gap(self, gap: Gap) -> None:
        """Count what is missing."""
        self.gaps += 1
        self.lost += gap.samples_lost or 0
        self.lost_unknown = self.lost_unknown or gap.samples_lost is None
        self.last_gap = gap.cause[:2000]
        self._is_broken = True

    def is_silent(self, now_ns: int) -> bool:
        """True if it has been without a sample for too long."""
        usual_s = self.history.usual_s
        limit_s = max(SILENT_S, SILENT_INTERVALS * usual_s)
        if self._is_broken:
            limit_s = min(limit_s, max(BROKEN_S, 2 * usual_s))
        return self.came_ns is None or (now_ns - self.came_ns) / NS_PER_S > limit_s

    def view(self, now_ns: int) -> StreamView:
        """It now."""
        return StreamView(
            name=self.name,
            samples=self.samples,
            rate_hz=self._rate_hz(now_ns),
            lost=self.lost,
            lost_unknown=self.lost_unknown,
            gaps=self.gaps,
            last_gap=self.last_gap,
            dropped=self.dropped,
            silent_s=None if self.came_ns is None else (now_ns - self.came_ns) / NS_PER_S,
        )

    def lines(self, now_ns: int, *, series: bool) -> list[LineView]:
        """Its channels now."""
        silent = self.is_silent(now_ns)
        means, low, high = self.history.series(now_ns) if series else ([_NOTHING] * len(self.channels),) * 3
        return [
            LineView(
                name=channel.name,
                unit=channel.quantity.unit,
                quantity=channel.quantity.value,
                value=None if silent else known(float(self.newest[at])),
                series=means[at],
                low=low[at],
                high=high[at],
            )
            for at, channel in enumerate(self.channels)
        ]

    def _rate_hz(self, now_ns: int) -> float | None:
        """Samples a second over the last whole seconds, of which those before the first sample do not count."""
        if self.first_ns is None:
            return None
        bins = min(RATE_BINS, (now_ns - self.first_ns) // NS_PER_S)
        return self.history.rows(now_ns, bins) / bins if bins > 0 else None


class Folding:
    """All streams and energy sources of one device, over all sessions. Used by one thread."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self.streams: dict[str, Stream] = {}
        self.sources: dict[str, LiveSource] = {}
        self.unavailable: dict[str, tuple[Unavailable, ...]] = {}

    def fold(self, now_ns: int, fits: Mapping[str, ClockFit], *, recorded: bool) -> None:
        """Take what came. `fits` map clocks to the host's; a `recorded` device is placed as if it happened now."""
        came, dropped = self._inbox.take()
        waiting: dict[str, tuple[Opened, list[Batch]]] = {}
        for one in came:
            if isinstance(one.item, Opened):
                self._fold_batches(waiting, now_ns, fits, recorded=recorded)
                self._begin(one.opened)
            elif (name := stream_name(one.opened.name, one.item.stream)) in self.streams:
                if isinstance(one.item, Gap):
                    before = {name: waiting.pop(name)} if name in waiting else {}
                    self._fold_batches(before, now_ns, fits, recorded=recorded)
                    self.streams[name].gap(one.item)
                else:
                    waiting.setdefault(name, (one.opened, []))[1].append(one.item)
        self._fold_batches(waiting, now_ns, fits, recorded=recorded)
        for name, count in dropped.items():
            if name in self.streams:
                self.streams[name].dropped += count

    def lines(self, now_ns: int, *, series: bool = True) -> list[LineView]:
        """Sources first, then channels in the order of their streams; without their series where nobody wants them."""
        found = [
            _of_source(
                source, source.series(now_ns) if series else (_NOTHING,) * 3, silent=self._silent(source, now_ns)
            )
            for source in self.sources.values()
        ]
        return [*found, *(line for stream in self.streams.values() for line in stream.lines(now_ns, series=series))]

    def is_silent(self, now_ns: int) -> bool:
        """True if none of its streams has had a sample lately."""
        return all(stream.is_silent(now_ns) for stream in self.streams.values())

    def _silent(self, source: LiveSource, now_ns: int) -> bool:
        return any(name not in self.streams or self.streams[name].is_silent(now_ns) for name in source.streams)

    def _begin(self, opened: Opened) -> None:
        self.unavailable[opened.name] = opened.unavailable
        for suffix, channels in opened.channels.items():
            name = stream_name(opened.name, suffix)
            fresh = Stream(name, channels)
            old = self.streams.get(name)
            fresh.wanted |= {column for source in opened.sources for term in source.terms for column in term}
            if old is not None and old.channels == fresh.channels:
                old.shift_ns, old.wanted = None, fresh.wanted
            elif len(self.streams) < STREAMS_LIMIT:
                self.streams[name] = fresh
        for source in opened.sources[:STREAMS_LIMIT]:
            known_source = self.sources.get(source.name)
            if known_source is not None and known_source.source == source:
                known_source.again()
            else:
                self.sources[source.name] = LiveSource(source, opened)

    def _fold_batches(
        self,
        waiting: dict[str, tuple[Opened, list[Batch]]],
        now_ns: int,
        fits: Mapping[str, ClockFit],
        *,
        recorded: bool,
    ) -> None:
        for name, (opened, batches) in waiting.items():
            stream = self.streams[name]
            batch = _joined(batches, stream.wanted)
            fit = None if recorded else IDENTITY if opened.clock == HOST_CLOCK else fits.get(opened.clock)
            if fit is None:
                if stream.shift_ns is None:
                    stream.shift_ns = now_ns - int(batch.t_ns[-1])
                t_ns = batch.t_ns + stream.shift_ns
            else:
                t_ns = fit.to_host(batch.t_ns)
            stream.fold(batch, t_ns, now_ns)
            for source in opened.sources:
                if source.name in self.sources:
                    self.sources[source.name].feed(batch, t_ns, now_ns)
        waiting.clear()


def known(value: float) -> float | None:
    """None for what is no number."""
    return value if math.isfinite(value) else None


def _joined(batches: list[Batch], wanted: frozenset[str]) -> Batch:
    """Batches of one stream as one with the columns that are wanted, of those that all of them have."""
    names = wanted.intersection(*(batch.columns for batch in batches))
    columns = {name: np.concatenate([batch.columns[name] for batch in batches]) for name in names}
    return Batch(np.concatenate([batch.t_ns for batch in batches]), columns, batches[0].stream)


def _of_source(source: LiveSource, series: tuple[NDArray[np.float64], ...], *, silent: bool) -> LineView:
    means, low, high = series
    return LineView(
        name=source.source.name,
        unit=Quantity.POWER.unit,
        quantity=Quantity.POWER.value,
        value=None if silent else source.power_w,
        series=means,
        low=low,
        high=high,
        boundary=source.source.boundary,
        energy_j=source.energy_j,
        covered_s=source.covered_s,
    )

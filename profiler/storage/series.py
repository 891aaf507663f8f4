"""Samples of a stored stream, read chunk by chunk."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.batch import COUNTER_ABSENT
from edgewatt.profiler.channel import Channel
from edgewatt.profiler.clockfit import ClockFit
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.samples import TIME, stored_values
from edgewatt.profiler.storage.streams import Place, StoredTable, batches


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Consecutive samples of one stream: `t_ns` int64 [n], never decreasing, on the host's clock unless asked not to.

    Gauges are float32 or float64 in SI with NaN for null; counters int64 in raw units with COUNTER_ABSENT for null.
    """

    t_ns: NDArray[np.int64]
    columns: Mapping[str, NDArray[Any]]

    def __len__(self) -> int:
        return len(self.t_ns)


@dataclass(frozen=True, slots=True)
class StoredStream:
    """A stream of a run: its channels by column, its clock, and its file (None if there is none)."""

    name: str
    channels: Mapping[str, Channel]
    clock: str
    table: StoredTable | None

    @property
    def rows(self) -> int:
        """How many samples it holds."""
        return 0 if self.table is None else self.table.rows

    def chunks(
        self, columns: Mapping[str, Channel], fit: ClockFit | None, place: Place | None = None
    ) -> Iterator[Chunk]:
        """Its samples, on the host's clock by `fit`, or as stamped. Raises UsageError for a damaged file."""
        if self.table is None:
            return
        for batch in batches(self.table, [TIME, *columns], place):
            t_ns = batch.column(TIME).to_numpy()
            values = {name: stored_values(batch.column(name), channel) for name, channel in columns.items()}
            yield Chunk(t_ns if fit is None else fit.to_host(t_ns), values)


@dataclass(frozen=True, slots=True)
class Series:
    """One column of a run with its time on the host's clock, from `t0_ns` to `t1_ns`, both included, or all of it."""

    channel: Channel
    stream: StoredStream
    fit: ClockFit
    t0_ns: int | None = None
    t1_ns: int | None = None

    def between(self, t0_ns: int | None, t1_ns: int | None) -> "Series":
        """The samples from `t0_ns` to `t1_ns` of the host's clock; row groups outside are not read."""
        return replace(self, t0_ns=_later(self.t0_ns, t0_ns), t1_ns=_earlier(self.t1_ns, t1_ns))

    def chunks(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]:
        """Time and value in SI, NaN where it was not measured. Of a counter: raw x scale, as wrapped as it was read."""
        for t_ns, values in self._cut():
            yield t_ns, in_si(values, self.channel)

    def raw_chunks(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Time and raw count of a counter, COUNTER_ABSENT where it was not read. Raises UsageError for a gauge."""
        if self.channel.kind != "counter":
            raise UsageError(f"{self.channel.column} is a gauge and has no raw counts; read its values")
        yield from self._cut()

    def to_numpy(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """All of `chunks` at once, for a series that is known to be small."""
        parts = list(self.chunks())
        if not parts:
            return np.empty(0, np.int64), np.empty(0, np.float64)
        return np.concatenate([t_ns for t_ns, _ in parts]), np.concatenate([values for _, values in parts])

    def __len__(self) -> int:
        if self.t0_ns is None and self.t1_ns is None:
            return self.stream.rows
        return sum(len(t_ns) for t_ns, _ in self._cut())

    def _cut(self) -> Iterator[tuple[NDArray[np.int64], NDArray[Any]]]:
        column = self.channel.column
        place = None if self.t0_ns is None and self.t1_ns is None else self._place
        for chunk in self.stream.chunks({column: self.channel}, self.fit, place):
            first = 0 if self.t0_ns is None else int(np.searchsorted(chunk.t_ns, self.t0_ns, "left"))
            end = len(chunk) if self.t1_ns is None else int(np.searchsorted(chunk.t_ns, self.t1_ns, "right"))
            if first < end:
                yield chunk.t_ns[first:end], chunk.columns[column][first:end]

    def _place(self, stamp_ns: int) -> int:
        t_ns = int(self.fit.to_host(np.array([stamp_ns], np.int64))[0])
        if self.t0_ns is not None and t_ns < self.t0_ns:
            return -1
        return 1 if self.t1_ns is not None and t_ns > self.t1_ns else 0


def in_si(values: NDArray[Any], channel: Channel) -> NDArray[np.float64]:
    """Stored values of a channel in SI, NaN where it was not measured."""
    with np.errstate(invalid="ignore", over="ignore"):  # damaged or absurd values stay NaN or infinite
        if channel.kind == "counter":
            return np.where(values == COUNTER_ABSENT, np.nan, values * channel.scale)
        return values.astype(np.float64, copy=False)


def _later(one: int | None, other: int | None) -> int | None:
    return max((bound for bound in (one, other) if bound is not None), default=None)


def _earlier(one: int | None, other: int | None) -> int | None:
    return min((bound for bound in (one, other) if bound is not None), default=None)

"""The rows of one stream of the sampler: from the fields of its lines to arrays, and gaps where lines are missing."""

import math
import re
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.collectors.android.sampler.lines import STAMPS, Row, text_of
from edgewatt.collectors.android.sampler.own_time import OwnTime
from edgewatt.collectors.android.sampler.script import UNITS_PER_S, Group
from edgewatt.collectors.android.stamps import STEP_NS, PhoneStamps
from edgewatt.profiler.batch import COUNTER_ABSENT, Batch, Gap
from edgewatt.profiler.channel import Channel
from edgewatt.profiler.clock import NS_PER_S

# A stretch without a line is a gap from three periods on, if it is also longer than a busy phone's scheduler takes.
GAP_PERIODS: Final = 3
GAP_NS: Final = NS_PER_S // 2
# An unseen step of the wall clock moves stamps by less; those that go back further are not believed.
BACK_NS: Final = 2 * STEP_NS
# Reading one row takes less; else its two stamps are not of one clock.
_TAKES_NS: Final = 10 * NS_PER_S
_EPOCH: Final = re.compile(rb"([0-9]{1,11})[.,]([0-9]{6})")

LATE: Final = "ticks were due and no line was written: the phone was busy, frozen or asleep"


class StreamRows:
    """Takes the checked lines of one stream in the order in which they came, and gives its batches and gaps.

    Stamps are those of `phone.boottime`, at the middle of the reads, or the nodes' own time mapped to it. `missed`
    counts the ticks without a row, lost or left out by a phone that was late, also those too few to be a gap.
    """

    def __init__(self, group: Group, stamps: PhoneStamps, finish: Callable[[Batch], Batch] | None = None) -> None:
        self._group, self._stamps, self._finish = group, stamps, finish
        self._channels = [channel for node in group.nodes for channel in node.channels]
        self._own = next((at for at, node in enumerate(group.nodes) if node.own_ns is not None), None)
        self._own_time = OwnTime()
        self._period_ns = group.units * NS_PER_S // UNITS_PER_S
        self._gap_ns = max(GAP_PERIODS * self._period_ns, GAP_NS)
        self._tick: int | None = None
        self._read_ns: int | None = None
        self._last_ns: int | None = None
        self._cause, self._lost = "", 0
        self._failed: set[int] = set()
        self._items: list[Batch | Gap] = []
        self._marks: list[Gap] = []
        self._t_ns: list[int] = []
        self._values: list[Sequence[float | int | None]] = []
        self.duplicates = 0
        self.missed = 0

    def begin(self) -> None:
        """A new script counts its ticks from 1."""
        self._tick = None

    def spoiled(self, cause: str) -> None:
        """A line of this stream could not be read: the stretch around it is a gap."""
        self._cause, self._lost = self._cause or cause, self._lost + 1

    def broken(self, cause: str, until_ns: int | None = None) -> Gap | None:
        """Nothing more comes for now. What marks that at once; the row that comes next ends the gap."""
        self._cause = cause
        if self._last_ns is None:
            return None
        return Gap(self._last_ns, max(self._last_ns, until_ns or 0), cause, None, self._group.stream)

    def cut(self, cause: str, until_ns: int, least_ns: int) -> Gap | None:
        """What should have come until then and did not, if it is more than `least_ns` and than a gap is."""
        if self._last_ns is None or until_ns - self._last_ns <= max(self._gap_ns, least_ns):
            return None
        return self.broken(self._cause or cause, until_ns)

    def add(self, row: Row) -> None:
        """One line, as `parse_line` returned it."""
        tick, read_ns = int(row[1]), self._time_ns(row)
        if self._tick is not None and tick <= self._tick:
            self.duplicates += 1
            return
        if read_ns is None:
            self.spoiled("a line without its time")
            return
        before_ns = self._read_ns
        if before_ns is not None and read_ns < before_ns:
            if before_ns - read_ns > BACK_NS:
                self.spoiled("a line whose time lies before that of the line before it")
                return
            read_ns = before_ns
        lost = self._lost_until(tick, read_ns)
        self.missed += lost
        self._tick, self._read_ns = tick, read_ns
        if before_ns is not None and read_ns - before_ns > self._gap_ns:
            self._cause = self._cause or LATE
        if self._cause:
            self._lost = max(lost, self._lost)
        texts = [text_of(v, whole=node.whole) for v, node in zip(row[STAMPS:], self._group.nodes, strict=True)]
        t_ns = read_ns if self._own is None else self._own_ns(self._own, texts[self._own], read_ns)
        if t_ns is not None:
            self._append(t_ns, texts)

    def take(self) -> list[Batch | Gap]:
        """What has come since the last call, in order."""
        self._flush()
        items = [*self._items, *self._marks]
        self._items.clear()
        self._marks.clear()
        return items

    def _time_ns(self, row: Row) -> int | None:
        _, _, uptime, before, after = row[:STAMPS]
        t_ns = self._stamps.to_ns(before, uptime)
        if t_ns is None or not after:
            return t_ns
        took_ns = _epoch_ns(after) - _epoch_ns(before)
        return t_ns + took_ns // 2 if 0 <= took_ns <= _TAKES_NS else t_ns

    def _lost_until(self, tick: int, read_ns: int) -> int:
        """Ticks without a line: by their number, and no more than there was time for, since a wall clock may be set."""
        if self._read_ns is None:
            return 0
        due = round((read_ns - self._read_ns) / self._period_ns) - 1
        return max(due if self._tick is None else min(tick - self._tick - 1, due), 0)

    def _own_ns(self, at: int, text: str, read_ns: int) -> int | None:
        asked = self._group.nodes[at].own_ns
        own_ns = None if asked is None else asked(text)
        if own_ns is None:
            self._cause = self._cause or f"{self._group.nodes[at].path}: does not say its own time"
            return None
        restarts = self._own_time.restarts
        t_ns = self._own_time.to_ns(own_ns, read_ns)
        if self._own_time.restarts > restarts:
            self._cause = self._cause or f"{self._group.nodes[at].path}: its own time was set back"
        return t_ns

    def _append(self, t_ns: int, texts: Sequence[str]) -> None:
        if self._cause and self._last_ns is not None:
            self._flush()
            lost = None if self._own is not None else self._lost
            self._items.append(Gap(self._last_ns, t_ns, self._cause, lost, self._group.stream))
        self._cause, self._lost = "", 0
        self._last_ns = t_ns
        values: list[float | int | None] = []
        for at, (node, text) in enumerate(zip(self._group.nodes, texts, strict=True)):
            got = node.parse(text)
            values += got if text and len(got) == len(node.channels) else [None] * len(node.channels)
            if not text and at not in self._failed:
                self._failed.add(at)
                self._marks.append(
                    Gap(t_ns, t_ns, f"{node.path}: gave nothing, here for the first time", 1, node.stream)
                )
        self._t_ns.append(t_ns)
        self._values.append(values)

    def _flush(self) -> None:
        if not self._t_ns:
            return
        columns = {
            channel.column: _column(channel, [row[at] for row in self._values])
            for at, channel in enumerate(self._channels)
        }
        batch = Batch(np.array(self._t_ns, np.int64), columns, self._group.stream)
        self._items.append(batch if self._finish is None else self._finish(batch))
        self._t_ns.clear()
        self._values.clear()


def _column(channel: Channel, values: Sequence[float | int | None]) -> NDArray[Any]:
    """One array; what no such channel can have is not measured."""
    if channel.kind == "counter":
        limit = channel.counter_range or 2**63
        return np.array([int(v) if v is not None and 0 <= v < limit else COUNTER_ABSENT for v in values], np.int64)
    return np.array([v if v is not None and math.isfinite(v) else np.nan for v in values], np.float64)


def _epoch_ns(stamp: bytes) -> int:
    """Nanoseconds of an EPOCHREALTIME; 0 if it is none."""
    hit = _EPOCH.fullmatch(stamp)
    return 0 if hit is None else int(hit[1] + hit[2]) * 1000

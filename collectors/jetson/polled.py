"""Nodes of this board that are polled: streams with a pace each, and what happens when files fail.

What was read within one call of `read` comes as one Batch per stream: at 50 Hz, making arrays of each row alone costs
more than reading it.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.collectors.android.files.look import Found
from edgewatt.collectors.android.files.nodes import Node
from edgewatt.collectors.generic.polling import RETRY_S
from edgewatt.collectors.generic.sysfs import why
from edgewatt.collectors.jetson import rails
from edgewatt.collectors.jetson.here import FIRST_LIMIT, TEXT_LIMIT, OpenFile
from edgewatt.profiler.batch import COUNTER_ABSENT, Batch, Gap
from edgewatt.profiler.channel import Channel, Opened
from edgewatt.profiler.clock import NS_PER_S, Clock, next_tick_ns

# Rows of a stream that are handed over at the latest.
ROWS_LIMIT: Final = 1024

_Row = list[float | int | None]


class BoardFiles:
    """The Collector of what was found on this board: one stream for the rails, one for the clocks, one for the rest."""

    def __init__(self, found: Found) -> None:
        self._found = found
        self._streams: list[_Stream] = []
        self._waiting: deque[Batch | Gap] = deque()
        self._clock: Clock | None = None

    def open(self, clock: Clock) -> Opened:
        """The channels by stream; what this board does not show is unavailable, each with its reason."""
        by_stream: dict[str, list[Node]] = {}
        for node in self._found.nodes:
            by_stream.setdefault(node.stream, []).append(node)
        self._clock = clock
        self._streams = [_Stream(name, nodes, clock) for name, nodes in by_stream.items()]
        return Opened(
            rails.COLLECTOR,
            {name: tuple(channel for node in nodes for channel in node.channels) for name, nodes in by_stream.items()},
            self._found.unavailable,
            self._found.sources,
            clock.name,
            facts={"periods_s": {name: nodes[0].period_s for name, nodes in by_stream.items()}},
        )

    def read(self, timeout_s: float) -> Batch | Gap:
        """The rows of a stream that were due within the timeout, a Gap where files fail, or an empty Batch."""
        if self._waiting:
            return self._waiting.popleft()
        if self._clock is None:
            return Batch.empty()
        now_ns = self._clock.now_ns()
        end_ns = now_ns + round(timeout_s * NS_PER_S)
        while not any(stream.is_full for stream in self._streams):
            due_ns = min((stream.due_ns for stream in self._streams), default=end_ns + 1)
            self._clock.sleep(max(min(due_ns, end_ns) - now_ns, 0) / NS_PER_S)
            now_ns = self._clock.now_ns()
            if due_ns > end_ns:
                break
            for stream in self._streams:
                if stream.due_ns <= now_ns:
                    stream.sample()
        for stream in self._streams:
            self._waiting += stream.taken()
        return self._waiting.popleft() if self._waiting else Batch.empty()

    def close(self) -> None:
        """Close the files."""
        for stream in self._streams:
            stream.close()
        self._streams, self._clock = [], None
        self._waiting.clear()


class _Stream:
    """The nodes of one stream: read at multiples of their period, stamped at the midpoint of the reads.

    A file that fails leaves null, and a Gap of no length marks where that began. While all fail there are Gaps, one a
    second.
    """

    def __init__(self, name: str, nodes: Sequence[Node], clock: Clock) -> None:
        self._name, self._clock, self._period_s = name, clock, nodes[0].period_s
        self._files = [OpenFile(node.path, TEXT_LIMIT if node.whole else FIRST_LIMIT) for node in nodes]
        self._nodes = [
            (node, file, (None,) * len(node.channels)) for node, file in zip(nodes, self._files, strict=True)
        ]
        self._channels = [channel for node in nodes for channel in node.channels]
        self._rails = list(rails.rail_columns(nodes).values())
        self._stamps: list[int] = []
        self._rows: list[_Row] = []
        self._done: list[Batch | Gap] = []
        self._failing: frozenset[str] = frozenset()
        self._gone: str | None = None
        self._until_ns = clock.now_ns()
        self.due_ns = next_tick_ns(self._until_ns, self._period_s)

    @property
    def is_full(self) -> bool:
        """True if there is something that should be handed over now."""
        return bool(self._done) or len(self._rows) >= ROWS_LIMIT

    def sample(self) -> None:
        """Read everything now."""
        before_ns = self._clock.now_ns()
        row: _Row = []
        failures: dict[str, str] = {}
        for node, file, absent in self._nodes:
            try:
                text = file.read()
                row += node.parse(text if node.whole else text.partition("\n")[0])
            except BlockingIOError:
                row += absent
            except OSError as error:
                failures[node.path] = why(error)
                row += absent
        after_ns = self._clock.now_ns()
        t_ns = (before_ns + after_ns) // 2
        all_fail = len(failures) == len(self._nodes)
        self.due_ns = next_tick_ns(after_ns, max(self._period_s, RETRY_S) if all_fail else self._period_s)
        if all_fail:
            self._lost(t_ns, failures)
            return
        if self._gone is not None:
            self._gap(t_ns, self._gone)
            self._gone = None
        self._stamps.append(t_ns)
        self._rows.append(row)
        self._until_ns = t_ns
        if failures or self._failing:
            self._mark(t_ns, failures)

    def taken(self) -> list[Batch | Gap]:
        """What it has since it was asked last."""
        self._flush()
        done, self._done = self._done, []
        return done

    def close(self) -> None:
        """Let go of its files."""
        for file in self._files:
            file.close()

    def _mark(self, t_ns: int, failures: dict[str, str]) -> None:
        begun = [f"{path}: {cause}" for path, cause in failures.items() if path not in self._failing]
        self._failing = frozenset(failures)
        if begun:
            self._flush()
            self._done += [Gap(t_ns, t_ns, cause, 1, self._name) for cause in begun]

    def _lost(self, t_ns: int, failures: dict[str, str]) -> None:
        path, cause = next(iter(failures.items()))
        others = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
        self._gone, self._failing = f"{path}: {cause}{others}", frozenset(failures)
        self._gap(t_ns, self._gone)

    def _gap(self, t_ns: int, cause: str) -> None:
        self._flush()
        lost = round((t_ns - self._until_ns) / (self._period_s * NS_PER_S))
        self._done.append(Gap(self._until_ns, t_ns, cause, lost, self._name))
        self._until_ns = t_ns

    def _flush(self) -> None:
        """The rows so far as one Batch."""
        if not self._rows:
            return
        columns = {
            channel.column: _array(channel, values)
            for channel, values in zip(self._channels, zip(*self._rows, strict=True), strict=True)
        }
        batch = Batch(np.array(self._stamps, np.int64), columns, self._name)
        self._done.append(rails.without_zeros(batch, self._rails))
        self._stamps, self._rows = [], []


def _array(channel: Channel, values: Sequence[float | int | None]) -> NDArray[np.float64] | NDArray[np.int64]:
    """A column: NaN for a gauge that was not measured, COUNTER_ABSENT for a counter."""
    if channel.kind == "counter":
        return np.array([COUNTER_ABSENT if value is None else value for value in values], np.int64)
    return np.array(values, np.float64)

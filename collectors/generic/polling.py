"""Files that are read again and again: one row per tick, and what happens when some of them vanish."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from edgewatt.collectors.generic.sysfs import why
from edgewatt.profiler.batch import COUNTER_ABSENT, Batch, Gap
from edgewatt.profiler.channel import Channel
from edgewatt.profiler.clock import NS_PER_S, Clock

# While nothing answers, asking once a second finds what was plugged in again and fills no table with gaps.
RETRY_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Reading:
    """A file, or what else answers or fails as one: the columns it gives, and how to ask it.

    `read` returns a value per column, None where it is not measured now; it raises OSError when the file fails.
    """

    what: str
    channels: tuple[Channel, ...]
    read: Callable[[], Sequence[float | None]]

    @property
    def absent(self) -> dict[str, float]:
        """Its columns with the value that stands for "not measured"."""
        return {c.column: COUNTER_ABSENT if c.kind == "counter" else np.nan for c in self.channels}


class Polling:
    """Reads every reading once per `period_s` of the clock and stamps the row at the midpoint of the reads.

    A reading that fails leaves null in its columns, and a Gap of no length marks where that began; the rest go on.
    While all of them fail there are Gaps, one a second. Whatever comes back is read again.
    """

    def __init__(self, readings: Sequence[Reading], clock: Clock, period_s: float) -> None:
        self._readings, self._clock, self._period_s = readings, clock, period_s
        self._until_ns = clock.now_ns()
        self._failing: frozenset[str] = frozenset()
        self._gone: str | None = None
        self._waiting: deque[Batch | Gap] = deque()

    def read(self, timeout_s: float) -> Batch | Gap:
        """The next row or gap, or an empty Batch if none is due within the timeout."""
        if self._waiting:
            return self._waiting.popleft()
        if not self._readings:
            self._clock.sleep(timeout_s)
            return Batch.empty()
        period_s = self._period_s if self._gone is None else max(self._period_s, RETRY_S)
        if not self._clock.wait_for_tick(period_s, timeout_s):
            return Batch.empty()
        before_ns = self._clock.now_ns()
        values, failures = self._ask()
        t_ns = (before_ns + self._clock.now_ns()) // 2
        return (
            self._all_fail(t_ns, failures)
            if len(failures) == len(self._readings)
            else self._row(t_ns, values, failures)
        )

    def _ask(self) -> tuple[dict[str, float], dict[str, str]]:
        values: dict[str, float] = {}
        failures: dict[str, str] = {}
        for reading in self._readings:
            columns = reading.absent
            try:
                got = reading.read()
            except BlockingIOError:
                got = [None] * len(columns)
            except OSError as error:
                failures[reading.what] = why(error)
                got = [None] * len(columns)
            values |= {
                column: absent if value is None else value
                for (column, absent), value in zip(columns.items(), got, strict=True)
            }
        return values, failures

    def _row(self, t_ns: int, values: Mapping[str, float], failures: Mapping[str, str]) -> Batch | Gap:
        row = Batch.row(t_ns, values)
        begun = [
            Gap(t_ns, t_ns, f"{what}: {cause}", 1) for what, cause in failures.items() if what not in self._failing
        ]
        back, self._gone, self._failing = self._gone, None, frozenset(failures)
        since_ns, self._until_ns = self._until_ns, t_ns
        if back is None:
            self._waiting.extend(begun)
            return row
        self._waiting.extend([row, *begun])
        return Gap(since_ns, t_ns, back, self._ticks(since_ns, t_ns))

    def _all_fail(self, t_ns: int, failures: Mapping[str, str]) -> Gap:
        what, cause = next(iter(failures.items()))
        others = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
        self._gone, self._failing = f"{what}: {cause}{others}", frozenset(failures)
        since_ns, self._until_ns = self._until_ns, t_ns
        return Gap(since_ns, t_ns, self._gone, self._ticks(since_ns, t_ns))

    def _ticks(self, t0_ns: int, t1_ns: int) -> int:
        return round((t1_ns - t0_ns) / (self._period_s * NS_PER_S))

"""A meter that sends lines, over a serial port or TCP, as a TOML file describes it (device_profiles/meter.py).

Rows are stamped by arrival or by the meter's own time. Garbage is counted, silence is a gap, and what went away is
opened again.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final

import numpy as np

from edgewatt.collectors.generic.described import Described
from edgewatt.collectors.generic.line_link import LineAddress, LineLink
from edgewatt.collectors.generic.line_rows import Lines, Row, Rows
from edgewatt.collectors.generic.line_stamps import OwnStamps, spread
from edgewatt.collectors.generic.polling import RETRY_S
from edgewatt.collectors.generic.sysfs import why
from edgewatt.profiler.batch import Batch, Gap
from edgewatt.profiler.channel import Opened
from edgewatt.profiler.clock import NS_PER_S, Clock
from edgewatt.profiler.errors import DeviceError

CONNECT_S: Final = 5.0
RECONNECT_S: Final = 1.0
# So many periods without a row are a silence, and at least so long where none is stated (assumed).
_SILENT_PERIODS: Final = 5
_SILENCE_S: Final = 2.0
# What may lie in a buffer from before: read in pieces of 64 KiB, and never without end.
_STALE_PIECES: Final = 64


class LineStream:
    """The Collector of one stream of lines; `link` is a connection that is open already."""

    def __init__(self, described: Described, address: LineAddress, link: LineLink | None = None) -> None:
        self._described, self._address, self._link = described, address, link
        meter = described.meter
        usual_s = _SILENCE_S if meter.period_s is None else max(_SILENT_PERIODS * meter.period_s, _SILENCE_S)
        self._silence_ns = round(meter.settings.get("silence_s", usual_s) * NS_PER_S)
        self._columns = [described.column_name(column) for column in meter.columns]
        self._waiting: deque[Batch | Gap] = deque()
        self._stops = False
        self._until_ns = self._retry_ns = 0
        self._gone = ""
        self._in_garbage = False
        self.garbage = self.wrong = self.returns = self.restarts = 0
        self._lines = Lines(skip_first=True)

    def open(self, clock: Clock) -> Opened:
        """Tell the meter to start. Raises DeviceError if it cannot be reached."""
        self._clock = clock
        if self._link is None:
            try:
                self._link = self._address.connect(CONNECT_S)
            except OSError as error:
                raise DeviceError(unreachable(self._described, self._address, error)) from None
        self._begin()
        self._until_ns, self._in_garbage = clock.now_ns(), False
        try:
            self._start(self._link)
        except OSError as error:
            self.close()
            raise DeviceError(unreachable(self._described, self._address, error)) from None
        meter = self._described.meter
        return Opened(
            self._described.name,
            {"": self._described.channels()},
            sources=self._described.sources(),
            clock=clock.name,
            facts={
                "address": self._address.text,
                "stamped_by": "arrival" if meter.time is None else "the meter's time, placed by the fastest arrival",
            },
        )

    def read(self, timeout_s: float) -> Batch | Gap:
        """The rows that came, a Gap where the meter is silent, speaks garbage or is gone, or an empty Batch."""
        if self._waiting:
            return self._waiting.popleft()
        if self._link is None:
            return self._come_back(timeout_s)
        try:
            data = self._link.read(timeout_s)
        except OSError as error:
            return self._lose(why(error))
        rows = self._rows_in(data) if data else []
        if rows:
            self._waiting.append(self._batch(rows))
        elif not self._waiting and self._clock.now_ns() - self._until_ns > self._silence_ns:
            header = ": no header has named its columns yet" if self._rows.waits_for_header else ""
            self._waiting.append(self._gap(f"no row came{header}"))
        return self._waiting.popleft() if self._waiting else Batch.empty()

    def close(self) -> None:
        """Tell the meter to stop, and hang up."""
        link, self._link = self._link, None
        self._waiting.clear()
        if link is None:
            return
        try:
            if self._stops:
                self._send(link, self._described.meter.settings.get("stop", ()))
        except OSError:
            pass  # it is gone
        finally:
            self._stops = False
            link.close()

    @property
    def unreadable(self) -> int:
        """How many lines were no rows, and none of the meter's chatter."""
        return self.garbage + self._lines.too_long

    def _begin(self) -> None:
        meter = self._described.meter
        self.garbage += self._lines.too_long
        self._lines = Lines(skip_first=not meter.settings.get("whole_first", False))
        self._rows = Rows(meter)
        self._own = None if meter.time is None else OwnStamps(_wraps_ns(meter.time.wraps_n, meter.time.unit_ns))

    def _start(self, link: LineLink) -> None:
        """Send what starts it; rows from before then were measured nobody knows when, but a header counts."""
        self._send(link, self._described.meter.settings.get("start", ()))
        self._stops = True
        for _ in range(_STALE_PIECES):
            stale = link.read(0.0)
            for line, whole in self._lines.feed(stale):
                self._rows.parse(line, whole=whole)
            if not stale:
                break

    def _send(self, link: LineLink, commands: Sequence[str]) -> None:
        ending = self._described.meter.settings.get("ending", "\n")
        for command in commands:
            link.write(f"{command}{ending}".encode())

    def _rows_in(self, data: bytes) -> list[Row]:
        rows = []
        for line, whole in self._lines.feed(data):
            found = self._rows.parse(line, whole=whole)
            if isinstance(found, str):
                self.garbage += 1
                self._mark_garbage(found)
            elif found is not None:
                self.wrong += len(found.wrong)
                self._in_garbage = False
                rows.append(found)
        return rows

    def _mark_garbage(self, what: str) -> None:
        """A gap of no length where garbage begins; how much there was is said at the end."""
        if not self._in_garbage:
            now_ns = self._clock.now_ns()
            self._waiting.append(Gap(now_ns, now_ns, f"a line that is no row: {what}", 1))
        self._in_garbage = True

    def _batch(self, rows: Sequence[Row]) -> Batch:
        now_ns = self._clock.now_ns()
        if self._own is None:
            t_ns = spread(len(rows), self._until_ns, now_ns, self._described.meter.period_s)
        else:
            t_ns = self._own.place([row.time_ns for row in rows if row.time_ns is not None], now_ns)
        t_ns = np.maximum(t_ns, self._until_ns)
        if self._own is not None and self._own.restarts:
            self.restarts += self._own.restarts
            self._own.restarts = 0
            self._waiting.append(Gap(int(t_ns[0]), int(t_ns[0]), "the meter's own time began anew"))
        self._until_ns = int(t_ns[-1])
        values = np.array([row.values for row in rows], np.float64)
        return Batch(t_ns, {name: values[:, at] for at, name in enumerate(self._columns)})

    def _gap(self, cause: str) -> Gap:
        """From the last row, or the last gap, until now."""
        since_ns, self._until_ns = self._until_ns, self._clock.now_ns()
        period_s = self._described.meter.period_s
        lost = None if period_s is None else round((self._until_ns - since_ns) / NS_PER_S / period_s)
        return Gap(since_ns, self._until_ns, cause, lost)

    def _lose(self, cause: str) -> Batch | Gap:
        link, self._link = self._link, None
        if link is not None:
            link.close()
        self._gone = f"{self._address.text}: {cause}"
        self._retry_ns = self._clock.now_ns() + round(RETRY_S * NS_PER_S)
        self._waiting.append(self._gap(self._gone))
        return self._waiting.popleft()

    def _come_back(self, timeout_s: float) -> Batch | Gap:
        """Once a second another try, each a gap until then."""
        left_ns = self._retry_ns - self._clock.now_ns()
        if left_ns > 0:
            self._clock.sleep(min(timeout_s, left_ns / NS_PER_S))
            return Batch.empty()
        self._retry_ns = self._clock.now_ns() + round(RETRY_S * NS_PER_S)
        try:
            link = self._address.connect(RECONNECT_S)
        except OSError as error:
            return self._gap(f"{self._address.text}: {why(error)}")
        self._begin()
        try:
            self._start(link)
        except OSError as error:
            link.close()
            return self._gap(f"{self._address.text}: {why(error)}")
        self._link, self.returns = link, self.returns + 1
        return self._gap(self._gone)


def unreachable(described: Described, address: LineAddress, error: OSError) -> str:
    """What is said when the meter cannot be opened, and what helps."""
    if isinstance(error, PermissionError) and address.path:
        return f"{address.text}: {why(error)}; `sudo usermod -aG dialout $USER`, then log out and in"
    return f"{described.meter.title} at {address.text} cannot be reached: {why(error)}"


def _wraps_ns(wraps_n: int | None, unit_ns: int) -> int | None:
    return None if wraps_n is None else wraps_n * unit_ns

"""The live output of `tegrastats --interval MS`, where no rail can be read from sysfs: one process as long as a run.

A line is stamped when it arrives: its own time has whole seconds of the board's wall clock.
"""

import contextlib
import os
import select
import signal
import subprocess
from collections import deque
from collections.abc import Collection, Sequence
from typing import Final

from edgewatt.collectors.generic.line_stamps import spread
from edgewatt.collectors.generic.polling import RETRY_S
from edgewatt.collectors.generic.sysfs import why
from edgewatt.collectors.jetson import rails
from edgewatt.collectors.jetson.tegrastats_channels import COLUMNS_LIMIT, channels_of, columns_of, joules_of
from edgewatt.collectors.jetson.tegrastats_form import parse_line
from edgewatt.collectors.jetson.tegrastats_line import LINE_LIMIT, Line
from edgewatt.device_profiles.loader import DeviceProfile
from edgewatt.profiler.batch import Batch, Gap
from edgewatt.profiler.channel import Opened, Unavailable
from edgewatt.profiler.clock import NS_PER_S, Clock
from edgewatt.profiler.protocols import Learnt

NAME: Final = "tegrastats"
# Assumed: fast enough for energy, and slow enough for a program that reads all of a board for each line.
PERIOD_S: Final = 0.1
# How long the first line may take, beside its own interval (assumed).
FIRST_S: Final = 5.0
# So many intervals without a line are a gap, and at least so long (assumed).
_SILENT_PERIODS, _SILENT_S = 5, 2.0
_PIECE: Final = 1 << 16


class Tegrastats:
    """The Collector of one tegrastats; `program` is how it is started, `without` are columns that others give."""

    def __init__(
        self,
        program: Sequence[str],
        profile: DeviceProfile,
        *,
        period_s: float | None = None,
        without: Collection[str] = (),
    ) -> None:
        self._period_s = period_s or PERIOD_S
        self._argv = (*program, "--interval", str(max(round(self._period_s * 1000), 1)))
        self._profile, self._without = profile, without
        self._columns: tuple[str, ...] = ()
        self._known: set[str] = set()
        self._terms: list[tuple[str, ...]] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._rest = b""
        self._waiting: deque[Batch | Gap] = deque()
        self._until_ns = self._retry_ns = 0
        self._gone = ""
        self.unread = 0
        self._later: set[str] = set()

    def open(self, clock: Clock) -> Opened:
        """Start it and take its first line for what it has; why not, where there is none."""
        self._clock = clock
        self._until_ns = clock.now_ns()
        first: Line | None = None
        try:
            self._start()
            first = self._first()
            reason = "it printed no line within a few seconds"
        except OSError as error:
            reason = why(error)
        if first is None:
            self.close()
            return Opened(NAME, {}, (Unavailable("rails", f"{' '.join(self._argv)}: {reason}"),), clock=clock.name)
        self._columns = columns_of([first], self._without)
        self._known = {*self._columns, *self._without}
        self._terms = [(column,) for column in first.rails if column in self._columns]
        sources, missing = joules_of(self._columns, self._profile, NAME)
        if self._terms and not any(first.values[column] for (column,) in self._terms):
            missing = (*missing, Unavailable("board.energy_j", "every rail reads 0: not measured while that is so"))
        return Opened(
            NAME,
            {"": channels_of(self._columns, self._profile, self._period_s)} if self._columns else {},
            missing,
            sources,
            clock.name,
            facts={"command": list(self._argv), "stamped_by": "arrival", "periods_s": {"": self._period_s}},
        )

    def read(self, timeout_s: float) -> Batch | Gap:
        """The rows of the lines that came, a Gap while there are none, or an empty Batch."""
        if self._waiting:
            return self._waiting.popleft()
        if not self._columns:
            self._clock.sleep(timeout_s)
            return Batch.empty()
        if not self._is_running(timeout_s):
            return Batch.empty()
        try:
            lines = self._lines(timeout_s)
        except OSError as error:
            return self._gap(why(error))
        if rows := [line for line in lines if self._counts(line)]:
            return self._rows(rows)
        silent_s = max(_SILENT_PERIODS * self._period_s, _SILENT_S)
        is_silent = self._clock.now_ns() - self._until_ns > silent_s * NS_PER_S
        return self._gap("tegrastats prints nothing") if is_silent else Batch.empty()

    def close(self) -> None:
        """End it and what it started."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if process.stdout is not None:
                process.stdout.close()

    def learnt(self) -> Learnt:
        """Lines that made no sense, and what it showed only later, such as the temperature of a unit that slept."""
        facts = {"tegrastats_columns_later": sorted(self._later)[:64]} if self._later else {}
        return Learnt(facts=facts, reasons=(f"meter_values_unreadable:{NAME}:{self.unread}",) if self.unread else ())

    def _start(self) -> None:
        self._retry_ns, self._rest = self._clock.now_ns() + round(RETRY_S * NS_PER_S), b""
        self._process = subprocess.Popen(
            self._argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _is_running(self, timeout_s: float) -> bool:
        """True if it runs, or was started again, which is tried once a second."""
        if self._process is None:
            left_s = (self._retry_ns - self._clock.now_ns()) / NS_PER_S
            if left_s > 0:
                self._clock.sleep(min(timeout_s, left_s))
                return False
            with contextlib.suppress(OSError):
                self._start()
        return self._process is not None

    def _first(self) -> Line | None:
        end_ns = self._clock.now_ns() + round((FIRST_S + 2 * self._period_s) * NS_PER_S)
        while (left_ns := end_ns - self._clock.now_ns()) > 0:
            for line in self._lines(left_ns / NS_PER_S):
                if self._counts(line):
                    return line
        return None

    def _lines(self, timeout_s: float) -> list[Line]:
        """The lines that came within the timeout. Raises OSError when it has ended."""
        if self._process is None or self._process.stdout is None:
            return []
        poll = select.poll()
        poll.register(self._process.stdout, select.POLLIN)
        if not poll.poll(max(timeout_s, 0.0) * 1000):
            return []
        piece = os.read(self._process.stdout.fileno(), _PIECE)
        if not piece:
            self.close()
            raise OSError("tegrastats has ended")
        *whole, rest = (self._rest + piece).split(b"\n")
        self._rest = rest if len(rest) <= LINE_LIMIT else b""
        return [parse_line(line) for line in whole if line.strip()]

    def _counts(self, line: Line) -> bool:
        if not line.is_one:
            self.unread += 1
        return line.is_one

    def _rows(self, lines: Sequence[Line]) -> Batch | Gap:
        """A row per line, after the gap that ends with them."""
        stamps = spread(len(lines), self._until_ns, self._clock.now_ns(), self._period_s)
        for t_ns, line in zip(stamps.tolist(), lines, strict=True):
            row = Batch.row(t_ns, {column: line.values.get(column) for column in self._columns})
            self._waiting.append(rails.without_zeros(row, self._terms))
            if len(self._later) < COLUMNS_LIMIT:
                self._later |= line.values.keys() - self._known
        since_ns, self._until_ns = self._until_ns, int(stamps[-1])
        cause, self._gone = self._gone, ""
        return Gap(since_ns, int(stamps[0]), cause) if cause else self._waiting.popleft()

    def _gap(self, cause: str) -> Gap:
        since_ns, self._until_ns = self._until_ns, self._clock.now_ns()
        self._gone = cause
        return Gap(since_ns, self._until_ns, cause, round((self._until_ns - since_ns) / NS_PER_S / self._period_s))

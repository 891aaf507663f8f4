"""A log of tegrastats that people already have, as a device: `replay:FILE`, or `replay:FILE?period=SECONDS`.

Lines are placed by the time that stands in them, of which releases from 34 on have whole seconds of the board's wall
clock, without its zone; lines of one second are spread over it. Without times, or against them, they lie `period`
apart. The log begins at 0 of a clock of its own, and nothing ties that to another device.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.collectors.generic.options import period_of
from edgewatt.collectors.jetson import rails
from edgewatt.collectors.jetson.tegrastats_channels import channels_of, columns_of, joules_of, profile_by_rails
from edgewatt.collectors.jetson.tegrastats_form import parse_line
from edgewatt.collectors.jetson.tegrastats_line import LINE_LIMIT, Line
from edgewatt.device_profiles.loader import DeviceProfile, load
from edgewatt.profiler.batch import Batch, End, Gap
from edgewatt.profiler.channel import Opened
from edgewatt.profiler.clock import NS_PER_S, Clock
from edgewatt.profiler.clockfit import ClockFit
from edgewatt.profiler.device import Device, DeviceUri, only_options
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.protocols import BeginSink, Learnt, RepeatSink

NAME: Final = "tegrastats"
CLOCK: Final = "tegrastats.log"
# Half a year at 1 Hz, or half a month at 10 Hz.
LINES_LIMIT: Final = 20_000_000
BATCH_LINES: Final = 2048
# Among so many lines one of tegrastats has to be.
_TRIED: Final = 64
# So many usual distances without a line are a hole, and at least so long (assumed).
_HOLE_PERIODS, _HOLE_S = 5, 2.0
# A stamp has whole seconds.
_STAMP_S: Final = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class TegrastatsLog:
    """A log as it was counted: `t_ns` int64 of shape [n], one for each of its lines that says something.

    It `measures` if a rail of some line is not at 0.
    """

    path: Path
    columns: tuple[str, ...]
    rails: tuple[str, ...]
    t_ns: NDArray[np.int64]
    period_s: float | None
    stamped: bool
    begins: str | None
    unread: int
    left: tuple[str, ...]
    measures: bool

    def rows(self) -> Iterator[Line]:
        """Its lines again, as many as were counted: one that is being written may have grown."""
        return islice((line for line in _lines(self.path) if _says(line, stamped=self.stamped)), len(self.t_ns))


def is_log(path: Path) -> bool:
    """True if a line of tegrastats is among the first of a file."""
    try:
        return path.is_file() and any(line.is_one for line in islice(_lines(path), _TRIED))
    except (OSError, ValueError):
        return False


def read_log(path: Path, period_s: float | None) -> TegrastatsLog:
    """Count the lines of a log and place them. Raises UsageError if that is not possible, and says what to give."""
    seconds: list[int] = []
    counted, unread, begins, measures = 0, 0, None, False
    columns: dict[str, None] = {}
    terms: dict[str, None] = {}
    left: dict[str, None] = {}
    stamped = period_s is None and any(line.is_one and _seconds(line.stamp) for line in islice(_lines(path), _TRIED))
    for number, line in enumerate(_lines(path), 1):
        if number > LINES_LIMIT:
            raise UsageError(f"{path}: more than {LINES_LIMIT} lines; cut it to the time that counts")
        if not _says(line, stamped=stamped):
            unread += 1
            continue
        at_s = _seconds(line.stamp) if stamped else None
        if at_s is not None and seconds and at_s < seconds[-1]:
            raise UsageError(
                f"{path}, line {number}: its time goes back to {line.stamp} (the clock was set, or summer ended); cut "
                f"the log there, or say the interval: replay:{path}?period=SECONDS"
            )
        counted += 1
        measures = measures or any(line.values[column] for column in line.rails)
        begins = begins or line.stamp
        seconds += [] if at_s is None else [at_s]
        if not line.values.keys() <= columns.keys():
            columns |= dict.fromkeys(columns_of([line]))
            terms |= dict.fromkeys(line.rails)
        left |= dict.fromkeys(line.left) if len(left) < _TRIED else {}
    if not counted:
        raise UsageError(f"{path}: no line of tegrastats in it")
    if not stamped and period_s is None:
        raise UsageError(
            f"{path}: its lines have no time (tegrastats prints none before L4T 34); say how far they lie apart, which "
            f"is the --interval it was started with, usually 1 s: record --period 1, or replay:{path}?period=1"
        )
    t_ns = placed(seconds) if stamped else np.arange(counted, dtype=np.int64) * round((period_s or 0.0) * NS_PER_S)
    usual_s = period_s or _usual_s(t_ns)
    return TegrastatsLog(
        path, tuple(columns), tuple(terms), t_ns, usual_s, stamped, begins, unread, tuple(left)[:8], measures
    )


def placed(seconds: list[int]) -> NDArray[np.int64]:
    """Stamps in ns since the first second, int64 of shape [n], for lines that say whole seconds (ascending).

    The lines of one second are spread evenly over it; the first and last may be cut, and have the usual distance.
    """
    if not seconds:
        return np.empty(0, np.int64)
    whole, counts = np.unique(np.asarray(seconds, np.int64), return_counts=True)
    usual = round(median(counts[1:-1].tolist() or counts.tolist()))
    parts = []
    for at, (second, count) in enumerate(zip((whole - whole[0]).tolist(), counts.tolist(), strict=True)):
        of = max(count, usual) if at in (0, len(whole) - 1) else count
        skipped = of - count if at == 0 and len(whole) > 1 else 0
        parts.append(second + (np.arange(count) + skipped + 0.5) / of)
    t_ns: NDArray[np.int64] = np.rint(np.concatenate(parts) * NS_PER_S).astype(np.int64)
    return t_ns


def open_log(uri: DeviceUri) -> Device:
    """The log that the URI names, which `is_log`. Raises UsageError."""
    only_options(uri, "period", "board")
    path = Path(uri.rest)
    log = read_log(path, period_of(uri))
    given = uri.options.get("board")
    profile = load(given) if given else profile_by_rails(log.columns)
    facts: dict[str, Any] = {
        "file": path.name,
        "lines": len(log.t_ns),
        "lines_unread": log.unread,
        "words_unread": list(log.left),
        "profile": profile.name,
        "profile_basis": "as the user says" if given else "the labels of its rails",
        "placed_by": "its times, whole seconds of local time" if log.stamped else "the period that was given",
        "begins": log.begins,
    }
    return Device(
        uri=uri.text,
        name=f"tegrastats log {path.name}",
        device_id=f"{NAME}@{path.name}",
        collectors=(LogStream(log, profile),),
        recorded=_NothingExecuted(),
        facts=facts,
    )


class LogStream:
    """The Collector of a log."""

    def __init__(self, log: TegrastatsLog, profile: DeviceProfile) -> None:
        self._log, self._profile = log, profile
        self._items: Iterator[Batch | Gap] = iter(())

    def open(self, _: Clock) -> Opened:
        """What its lines have."""
        log = self._log
        self._items = self._in_order()
        sources, missing = joules_of(log.columns, self._profile, NAME)
        if log.rails and not log.measures:
            sources, missing = (), (rails.nothing("every rail of every line reads 0: none is measured"),)
        channels = channels_of(log.columns, self._profile, log.period_s)
        return Opened(NAME, {"": channels}, missing, sources, CLOCK, can_wait=True)

    def read(self, timeout_s: float) -> Batch | Gap | End:  # noqa: ARG002  (all of it is here already)
        """The next lines, or a hole between them."""
        item = next(self._items, None)
        return End("end of the log") if item is None else item

    def close(self) -> None:
        """Read no further."""
        self._items = iter(())

    def learnt(self) -> Learnt:
        """Its clock is the run's own; by how much a line may be misplaced, its stamps say."""
        bound_s = _STAMP_S if self._log.stamped else 0.0
        fit = ClockFit(CLOCK, bound_ns=round(bound_s * NS_PER_S))
        unread = self._log.unread
        return Learnt((fit,), reasons=(f"meter_values_unreadable:{NAME}:{unread}",) if unread else ())

    def _in_order(self) -> Iterator[Batch | Gap]:
        t_ns, rows = self._log.t_ns, self._log.rows()
        terms = [(column,) for column in self._log.rails]
        hole_s = max(_HOLE_PERIODS * (self._log.period_s or 0.0), _HOLE_S)
        ends = (np.flatnonzero(np.diff(t_ns) > hole_s * NS_PER_S) + 1).tolist() if self._log.stamped else []
        start = 0
        for end in [*ends, len(t_ns)]:
            for at in range(start, end, BATCH_LINES):
                lines = list(islice(rows, min(BATCH_LINES, end - at)))
                yield rails.without_zeros(self._batch(t_ns[at : at + len(lines)], lines), terms)
            if end < len(t_ns):
                yield self._hole(int(t_ns[end - 1]), int(t_ns[end]))
            start = end

    def _batch(self, t_ns: NDArray[np.int64], lines: list[Line]) -> Batch:
        values = [line.values for line in lines]
        return Batch(t_ns, {c: np.array([one.get(c) for one in values], np.float64) for c in self._log.columns})

    def _hole(self, t0_ns: int, t1_ns: int) -> Gap:
        period_s = self._log.period_s
        lost = round((t1_ns - t0_ns) / NS_PER_S / period_s) - 1 if period_s else None
        return Gap(t0_ns, t1_ns, "the log has no lines", lost)


class _NothingExecuted:
    """A log says nothing of what ran while it was written."""

    def restore(self, sink: BeginSink) -> None:
        """Nothing."""

    def replay(self, sink: RepeatSink) -> None:
        """Nothing."""


def _lines(path: Path) -> Iterator[Line]:
    """Its lines that are not blank; of one that does not end, the first LINE_LIMIT bytes and then the rest."""
    try:
        with path.open("rb") as file:
            while raw := file.readline(LINE_LIMIT):
                if raw.strip():
                    yield parse_line(raw)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror or error})") from None


def _says(line: Line, *, stamped: bool) -> bool:
    return line.is_one and (not stamped or _seconds(line.stamp) is not None)


@lru_cache(1 << 10)
def _seconds(stamp: str | None) -> int | None:
    """Seconds of a calendar without zones; None for no stamp, or one that no calendar has."""
    try:
        at = datetime.strptime(stamp or "", "%m-%d-%Y %H:%M:%S")  # noqa: DTZ007  (a board's time without its zone)
    except ValueError:
        return None
    return at.toordinal() * 86_400 + at.hour * 3600 + at.minute * 60 + at.second


def _usual_s(t_ns: NDArray[np.int64]) -> float | None:
    return float(np.median(np.diff(t_ns))) / NS_PER_S if len(t_ns) > 1 else None

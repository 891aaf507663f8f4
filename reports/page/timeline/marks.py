"""What is marked on a timeline: the windows of a run, stretches without samples, and clocks held down by heat."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from edgewatt.profiler.analysis.detected import tells_of_heat
from edgewatt.profiler.energy.sources import gaps_on_host_clock
from edgewatt.profiler.errors import NotMeasuredError
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.window import Window
from edgewatt.reports.page.section import ToldRun
from edgewatt.reports.page.timeline.choose import on_host_clock

# More than a screen can show, and fewer than a page would choke on.
MOST: Final = 2000


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of mark: what it is called, its colour, and a hatch for those who see colours alike."""

    key: str
    title: str
    colour: str
    hatch: str = " "
    alpha: float = 0.16


KINDS: Final = (
    Kind("measure", "measured", "#009E73", alpha=0.22),
    Kind("idle", "idle", "#56B4E9", "dot"),
    Kind("warmup", "warm-up", "#E69F00", "horizontal_line", 0.12),
    Kind("sync", "synchronising", "#CC79A7", "vertical_line"),
    Kind("gap", "no samples", "#888888", "cross", 0.30),
    Kind("throttled", "throttled", "#D55E00", "right_diagonal_line", 0.20),
)


@dataclass(frozen=True, slots=True)
class Mark:
    """A stretch of time, int64 ns of the host's clock; `name` is the window's, or the cause of a gap."""

    kind: str
    name: str
    t0_ns: int
    t1_ns: int


def marks_of(run: ToldRun) -> list[Mark]:
    """All marks of a run in the order of time, at most MOST of each kind."""
    found = [*_windows(run.trace, run.windows), *_gaps(run.trace), *_throttled(run)]
    kept = [mark for kind in KINDS for mark in [one for one in found if one.kind == kind.key][:MOST]]
    return sorted(kept, key=lambda mark: mark.t0_ns)


def _windows(trace: Trace, windows: Sequence[Window]) -> Iterator[Mark]:
    for window in windows:
        kind = window.name.partition("/")[0]
        if kind in {"measure", "idle", "warmup", "sync"}:
            yield from _on_host_clock(trace, window, kind)


def _on_host_clock(trace: Trace, window: Window, kind: str) -> Iterator[Mark]:
    try:
        fit = trace.clock_fit(window.clock)
    except NotMeasuredError:
        return  # nobody knows when that was
    t0_ns, t1_ns = fit.to_host(np.array([window.t0_ns, window.t1_ns], np.int64)).tolist()
    yield Mark(kind, window.name, t0_ns, t1_ns)


def _gaps(trace: Trace) -> Iterator[Mark]:
    for stream in (name for name in trace.streams if on_host_clock(trace, name)):
        for gap in gaps_on_host_clock(trace, stream):
            yield Mark("gap", f"{stream}: {gap.cause}", gap.t0_ns, gap.t1_ns)


def _throttled(run: ToldRun) -> Iterator[Mark]:
    """Where a sensor told of it; where none is read, the repeats that say so."""
    trace = run.trace
    columns = [
        column
        for column, stored in trace.columns.items()
        if tells_of_heat(stored.channel.name, column) and on_host_clock(trace, stored.stream)
    ]
    for column in columns:
        yield from _above_zero(trace, column)
    if not columns:
        repeats: Mapping[tuple[str, int], dict[str, object]] = {
            (row["config_id"], row["repeat"]): row for row in run.repeats if row["throttled"]
        }
        for (_, repeat), row in repeats.items():
            if isinstance(row["t0_ns"], int) and isinstance(row["t1_ns"], int):
                yield Mark("throttled", f"repeat {repeat + 1}", row["t0_ns"], row["t1_ns"])


def _above_zero(trace: Trace, column: str) -> Iterator[Mark]:
    name = column.rpartition(".")[0]
    since_ns: int | None = None
    last_ns = 0
    for t_ns, values in trace.series(column).chunks():
        hot = values > 0
        for place in np.flatnonzero(np.diff(hot, prepend=since_ns is not None)).tolist():
            if hot[place]:
                since_ns = int(t_ns[place])
            elif since_ns is not None:
                yield Mark("throttled", name, since_ns, int(t_ns[place]))
                since_ns = None
        last_ns = int(t_ns[-1]) if len(t_ns) else last_ns
    if since_ns is not None:
        yield Mark("throttled", name, since_ns, last_ns)

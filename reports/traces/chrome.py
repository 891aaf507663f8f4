"""Trace Event Format, JSON: for chrome://tracing, and for ui.perfetto.dev where Perfetto's package is not at hand.

Source: Google, "Trace Event Format": X complete, C counter, M metadata; times in microseconds.
"""

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from edgewatt.profiler.storage.manifest import plain
from edgewatt.reports.source import Source
from edgewatt.reports.traces.events import Counter, counters_of
from edgewatt.reports.traces.lanes import on_lanes
from edgewatt.reports.traces.told import Told, told_of
from edgewatt.reports.traces.wall import wall_pair


def write_chrome(source: Source, file: BinaryIO) -> None:
    """All counters, windows, iterations, operators and gaps of the runs, an event per line, streamed.

    Times are microseconds of the host's CLOCK_MONOTONIC, exact to the nanosecond.
    """
    file.write(b'{"displayTimeUnit": "ns", "traceEvents": [\n')
    facts: list[dict[str, Any]] = []
    between = b""
    for told in told_of(source):
        facts.append(_facts(told))
        for line in _lines(told, source):
            file.write(between + line.encode())
            between = b",\n"
    other = {"simulated": any(run.manifest.simulated for run in source.runs), "runs": facts}
    file.write(f'\n], "otherData": {json.dumps(other, allow_nan=False)}}}\n'.encode())


def _facts(told: Told) -> dict[str, Any]:
    monotonic_ns, wall_ns = wall_pair(told.run)
    clocks = {"host.monotonic_ns": monotonic_ns, "wall_ns": wall_ns, "moved_by_ns": told.shift_ns}
    return {"pid": told.number + 1, "name": told.name, "created": told.run.manifest.created, "clocks": clocks}


def _lines(told: Told, source: Source) -> Iterator[str]:
    pid = told.number + 1
    yield _metadata(pid, 0, "process_name", told.name)
    reduced = 0
    for counter in counters_of(told.run):
        reduced += counter.samples > 1
        yield from _counter(pid, counter, told.shift_ns)
    tids: dict[tuple[str, int], int] = {}
    for track, lane, one in on_lanes(told.slices):
        if (track, lane) not in tids:
            tids[track, lane] = len(tids) + 1
            yield _metadata(pid, tids[track, lane], "thread_name", track)
            yield _metadata(pid, tids[track, lane], "thread_sort_index", tids[track, lane])
        head = {"name": one.name, "cat": "edgewatt", "ph": "X", "pid": pid, "tid": tids[track, lane]}
        rest = json.dumps({**head, "args": plain(one.arguments, "args")}, allow_nan=False)
        duration_ns = max(one.t1_ns - one.t0_ns, 0)
        yield f'{rest[:-1]}, "ts": {_us(one.t0_ns + told.shift_ns)}, "dur": {_us(duration_ns)}}}'
    if reduced:
        source.notices.append(f"{told.run.path}: {reduced} counters are least and greatest values of many samples")


def _counter(pid: int, counter: Counter, shift_ns: int) -> Iterator[str]:
    head = json.dumps({"name": f"{counter.name} ({counter.unit})", "ph": "C", "pid": pid, "tid": 0})[:-1]
    unit = json.dumps(counter.unit)
    for t_ns, value in zip((counter.t_ns + shift_ns).tolist(), counter.values.tolist(), strict=True):
        yield f'{head}, "ts": {_us(t_ns)}, "args": {{{unit}: {value!r}}}}}'


def _metadata(pid: int, tid: int, name: str, value: str | int) -> str:
    key = "sort_index" if name == "thread_sort_index" else "name"
    return json.dumps({"name": name, "ph": "M", "pid": pid, "tid": tid, "args": {key: value}})


def _us(t_ns: int) -> str:
    """Microseconds, in digits: a float would lose nanoseconds of a clock that has run for months."""
    sign = "-" if t_ns < 0 else ""
    return f"{sign}{abs(t_ns) // 1000}.{abs(t_ns) % 1000:03d}"

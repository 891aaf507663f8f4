"""A run as viewers of traces see one: counters that hold a value until the next, and slices on tracks."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.energy.sources import gaps_on_host_clock
from edgewatt.profiler.errors import EdgewattError
from edgewatt.profiler.progress import Silent
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.units import Quantity
from edgewatt.reports.escape import printable
from edgewatt.reports.page.timeline.choose import PANELS, Chosen, chosen_of, samples_each
from edgewatt.reports.page.timeline.envelope import Asked, Envelope, envelopes_of
from edgewatt.reports.page.timeline.series import series_of

# Values of all counters of a run together; of more, each stretch is its least and its greatest.
VALUES_LIMIT: Final = 500_000
# Slices of one kind: iterations of a small network go into the millions.
SLICES_LIMIT: Final = 100_000
NAME_LIMIT: Final = 120
_ARGUMENTS: Final = 16
_UNITS: Final[Mapping[str, str]] = {
    "w": "W",
    "j": "J",
    "v": "V",
    "a": "A",
    "coulomb": "C",
    "c": "°C",
    "hz": "Hz",
    "b": "B",
    "s": "s",
    "dbm": "dBm",
    "ratio": "1",
    "code": "state",
    "n": "1",
}

Arguments = Mapping[str, str | float | int | bool]


@dataclass(frozen=True, slots=True)
class Slice:
    """A stretch of a track, int64 ns of the host's clock, with what is known of it."""

    track: str
    name: str
    t0_ns: int
    t1_ns: int
    arguments: Arguments = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Counter:
    """A quantity over time: `t_ns` int64 (host's clock) and `values` in `unit`, both of shape [n], none of them NaN.

    With `samples` above 1 the values are the least and the greatest of so many samples each, in this order.
    """

    name: str
    unit: str
    t_ns: NDArray[np.int64]
    values: NDArray[np.float64]
    samples: int = 1


def counters_of(run: Trace) -> Iterator[Counter]:
    """The power of each energy source, then every column, one at a time: memory does not grow with the run.

    A series that cannot be placed in time is left out; `unplaced` names these. Raises UsageError for a damaged file.
    """
    flows = [one for part in chosen_of(run) for one in part if one.panel is PANELS[0]]
    columns = {column: stored for column, stored in run.columns.items() if column not in unplaced(run)}
    rows = [*(run.rows(one.stream) for one in flows), *(run.rows(stored.stream) for stored in columns.values())]
    samples = samples_each(rows, VALUES_LIMIT) if rows else []
    for one, each in zip(flows, samples, strict=False):
        yield from _flow(run, one, each)
    for (column, stored), each in zip(columns.items(), samples[len(flows) :], strict=True):
        of = envelopes_of([Asked(run.series(column).chunks(), each)])[0]
        unit = _UNITS.get(stored.channel.quantity.unit, stored.channel.quantity.unit)
        yield from _counter(f"{stored.stream}/{stored.channel.name} {_what(stored.channel.quantity)}", unit, of)


def unplaced(run: Trace) -> list[str]:
    """The columns whose clock was never compared with the host's."""
    found = []
    for column, stored in run.columns.items():
        try:
            run.clock_fit(stored.clock)
        except EdgewattError:
            found.append(column)
    return found


def slices_of(run: Trace, notices: list[str]) -> Iterator[Slice]:
    """Windows, iterations, operators and gaps; what is left out is added to `notices`."""
    yield from _windows(run)
    yield from _iterations(run, notices)
    yield from _operators(run)
    for stream in run.streams:
        try:
            gaps = gaps_on_host_clock(run, stream)
        except EdgewattError:
            continue
        for gap in gaps[:SLICES_LIMIT]:
            lost = {} if gap.samples_lost is None else {"samples_lost": gap.samples_lost}
            yield Slice(f"no samples: {_name(stream)}", _name(gap.cause), gap.t0_ns, gap.t1_ns, lost)


def begin_of(run: Trace, slices: Sequence[Slice]) -> int:
    """The first instant of a run, ns of the host's clock."""
    first = [slice_.t0_ns for slice_ in slices]
    for stream, stored in run.stored_streams.items():
        try:
            fit = run.clock_fit(stored.clock)
        except EdgewattError:
            continue
        chunk = next((chunk for chunk in run.chunks(stream, [], host_clock=False) if len(chunk)), None)
        if chunk is not None:
            first.append(int(fit.to_host(chunk.t_ns[:1])[0]))
    return min(first, default=0)


def _flow(run: Trace, one: Chosen, samples: int) -> Iterator[Counter]:
    for series in series_of(run, [one], [samples], Silent()):
        yield from _counter(f"power {one.name}", "W", series.envelope)


def _counter(name: str, unit: str, of: Envelope) -> Iterator[Counter]:
    """An element's extremes stand at its begin and in its middle; where nobody measured, nothing does."""
    t_ns, values = of.t_ns, of.high
    if of.samples > 1 and len(of):
        ends = np.append(of.t_ns[1:], of.end_ns)
        t_ns = np.stack((of.t_ns, of.t_ns + (ends - of.t_ns) // 2), axis=1).ravel()
        values = np.stack((of.low, of.high), axis=1).ravel()
    there = np.isfinite(values)
    if there.any():
        yield Counter(_name(name), unit, t_ns[there], values[there], of.samples)


def _windows(run: Trace) -> Iterator[Slice]:
    for window in run.windows()[:SLICES_LIMIT]:
        try:
            fit = run.clock_fit(window.clock)
        except EdgewattError:
            continue
        t0_ns, t1_ns = fit.to_host(np.array([window.t0_ns, window.t1_ns], np.int64)).tolist()
        of = {} if window.config_id is None else {"config_id": window.config_id}
        track = f"windows: {_name(window.name.partition('/')[0])}"
        yield Slice(track, _name(window.name), t0_ns, t1_ns, _arguments({**of, **window.attributes}))


def _iterations(run: Trace, notices: list[str]) -> Iterator[Slice]:
    table = run.iterations()
    if table.num_rows > SLICES_LIMIT:
        notices.append(f"{run.path}: {table.num_rows - SLICES_LIMIT:,} of {table.num_rows:,} iterations are left out")
    for row in table.slice(0, SLICES_LIMIT).to_pylist():
        name = f"{row['repeat']}/{row['iteration']}"
        yield Slice("iterations", name, row["t0_ns"], row["t1_ns"], _arguments({"config_id": row["config_id"]}))


def _operators(run: Trace) -> Iterator[Slice]:
    """Each configuration's operators one after the other, as long as they take on average, from its first repeat on.

    When each of them really ran is not recorded; the name of the track says so.
    """
    begins: dict[str | None, int] = {}
    for window in _windows(run):
        if window.name.startswith("measure/"):
            begins.setdefault(str(window.arguments.get("config_id")), window.t0_ns)
    for row in run.operators().to_pylist()[:SLICES_LIMIT]:
        t0_ns = begins.get(row["config_id"])
        if t0_ns is None or row["latency_s"] is None or not 0 <= row["latency_s"] < 1e6:
            continue
        t1_ns = begins[row["config_id"]] = t0_ns + round(row["latency_s"] * 1e9)
        known = {name: row[name] for name in ("name", "group", "energy_j", "energy_low_j", "energy_high_j", "basis")}
        name = f"{row['index']} {row['op']}"
        yield Slice(
            "operators: mean durations in a row, not when each ran", _name(name), t0_ns, t1_ns, _arguments(known)
        )


def _arguments(of: Mapping[str, Any]) -> dict[str, str | float | int | bool]:
    """What is known, as plain values of bounded length; nothing of what is null."""
    known = {key: value for key, value in of.items() if value is not None and value != []}
    return {
        _name(str(key)): value if isinstance(value, bool | int | float) else printable(str(value), 400)
        for key, value in list(known.items())[:_ARGUMENTS]
    }


def _name(text: str) -> str:
    return printable(text, NAME_LIMIT)


def _what(quantity: Quantity) -> str:
    return quantity.value.rpartition("_")[0]

"""A recording that somebody has made with another program: CSV or Parquet, its columns by name, in SI.

Nothing of it is believed: its size, times that go back, values that no meter gives.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from edgewatt.collectors.generic.described import Described
from edgewatt.device_profiles.meter import Column, OwnTime
from edgewatt.profiler.comparing.columns import TableFile
from edgewatt.profiler.comparing.table_files import read_table_file
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.checked import shown

# An hour at 5 kHz; reading takes about six times the bytes of a CSV in memory.
ROWS_LIMIT: Final = 20_000_000
BYTES_LIMIT: Final = 400_000_000
# So many periods without a sample are a hole: of a stated period, and of the median distance where none is (assumed).
HOLE_PERIODS: Final = 5
HOLE_MEDIANS: Final = 20
# From the year 1970 until far beyond any meter's life, with room for an offset.
_LATEST_NS: Final = float(1 << 62)


@dataclass(frozen=True, slots=True, eq=False)
class RecordingFile:
    """`t_ns` int64 of shape [n], as the file has it, and a float64 array of n values in SI per column of a stream.

    `period_s` is the stated one or the median distance; `wrong` counts values that no meter gives; `holes` are the
    indices of samples after which some are missing.
    """

    t_ns: NDArray[np.int64]
    columns: dict[str, NDArray[np.float64]]
    period_s: float | None
    holes: NDArray[np.int64]
    wrong: int


def read_recording(path: Path, described: Described) -> RecordingFile:
    """The recording in a file. Raises UsageError naming the file, the column, the row and what is wrong."""
    meter = described.meter
    if meter.time is None or meter.time.place.named is None:
        raise UsageError(f"{path}: no column is named as its time; say time=NAME:UNIT")
    _check_size(path)
    names = [meter.time.place.named, *(column.place.named or "" for column in meter.columns)]
    table = read_table_file(path, set(names))
    for name in names:
        if name not in table.columns:
            known = ", ".join(shown(n)[1:-1] for n in table.names[:20])
            raise UsageError(f"{path}: has no column {name!r}; its columns are {known}")
    if not table.rows:
        raise UsageError(f"{path}: has no rows")
    t_ns = _time_ns(table, meter.time)
    columns, wrong = {}, 0
    for column in meter.columns:
        values, bad = _values(table, column)
        columns[described.column_name(column)] = values
        wrong += bad
    period_s = meter.period_s or _median_s(t_ns)
    return RecordingFile(t_ns, columns, period_s, _holes(t_ns, meter.period_s), wrong)


def _check_size(path: Path) -> None:
    """Refuse what does not fit into memory before it is read."""
    try:
        size, lines = path.stat().st_size, 0
        with path.open("rb") as file:
            if file.read(4) == b"PAR1" or size > BYTES_LIMIT:
                lines = 0
            else:
                while piece := file.read(1 << 20):
                    lines += piece.count(b"\n")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"{path}: cannot be read ({why}); expected a recording, CSV or Parquet") from None
    if size > BYTES_LIMIT or lines > ROWS_LIMIT:
        raise UsageError(
            f"{path}: {size / 1e6:.0f} MB, more than {BYTES_LIMIT // 10**6} MB or {ROWS_LIMIT // 10**6} million rows; "
            "cut it to the time of the run"
        )


def _time_ns(table: TableFile, time: OwnTime) -> NDArray[np.int64]:
    name = time.place.named or ""
    if time.unit_ns == 0:
        t_ns = _iso_ns(table, name)
    elif time.unit_ns == 1:
        whole = table.column(name, pa.int64())
        _check_finite(table, name, _as_array(whole.cast(pa.float64())))
        t_ns = whole.to_numpy().astype(np.int64)
    else:
        with np.errstate(over="ignore"):  # infinite is no time either
            scaled = _as_array(table.column(name, pa.float64())) * time.unit_ns
        _check_finite(table, name, scaled)
        t_ns = np.rint(scaled).astype(np.int64)
    back = np.flatnonzero(np.diff(t_ns) < 0)
    if len(back):
        row = int(back[0]) + 2
        raise UsageError(f"{table.path}: column {name!r}, row {row}: time goes back; sort the rows, or cut the file")
    return t_ns


def _check_finite(table: TableFile, name: str, values: NDArray[np.float64]) -> None:
    bad = np.flatnonzero(~(np.abs(values) < _LATEST_NS))
    if len(bad):
        row = int(bad[0])
        seen = shown(table.columns[name][row].as_py())
        raise UsageError(f"{table.path}: column {name!r}, row {row + 1} holds {seen}, expected a time")


def _iso_ns(table: TableFile, name: str) -> NDArray[np.int64]:
    stored = table.columns[name]
    if pa.types.is_timestamp(stored.type):
        if stored.type.tz is None:
            raise UsageError(f"{table.path}: column {name!r} has times without a zone, which could be any; add one")
        stamps = stored.cast(pa.timestamp("ns", "UTC"))
    else:
        text = pc.utf8_trim_whitespace(table.column(name, pa.string()))
        try:
            stamps = text.cast(pa.timestamp("ns", "UTC"))
        except pa.ArrowException as error:
            raise UsageError(
                f"{table.path}: column {name!r}: {shown(str(error))}; expected times such as 2026-11-26T10:00:00.125Z"
            ) from None
    if stamps.null_count:
        raise UsageError(f"{table.path}: column {name!r}: {stamps.null_count} rows have no time")
    found: NDArray[np.int64] = stamps.cast(pa.int64()).to_numpy().astype(np.int64)
    return found


def _values(table: TableFile, column: Column) -> tuple[NDArray[np.float64], int]:
    """A column in SI, NaN where it was not measured, and how many of its values no meter can have given."""
    name = column.place.named or ""
    stored = table.columns[name]
    if table.as_text and column.invalid:
        marks = pc.is_in(pc.utf8_trim_whitespace(stored), pa.array(column.invalid))
        table = replace(table, columns={**table.columns, name: pc.if_else(marks, pa.scalar(None, stored.type), stored)})
    raw = _as_array(table.column(name, pa.float64()))
    for mark in column.invalid:
        with np.errstate(invalid="ignore"):
            raw = np.where(raw == _number(mark), np.nan, raw)
    with np.errstate(over="ignore", invalid="ignore"):
        values = raw * column.factor
        outside = ~np.isnan(raw) & ~((values >= column.low) & (values <= column.high))
    return np.where(outside, np.nan, values), int(outside.sum())


def _as_array(column: pa.ChunkedArray) -> NDArray[np.float64]:
    found: NDArray[np.float64] = column.to_numpy().astype(np.float64)
    return found


def _number(mark: str) -> float:
    try:
        return float(mark)
    except ValueError:
        return np.nan


def _median_s(t_ns: NDArray[np.int64]) -> float | None:
    median_ns = float(np.median(np.diff(t_ns))) if len(t_ns) > 1 else 0.0
    return median_ns / 1e9 if median_ns > 0 else None


def _holes(t_ns: NDArray[np.int64], stated_s: float | None) -> NDArray[np.int64]:
    median_s = _median_s(t_ns)
    longest_s = HOLE_PERIODS * stated_s if stated_s else HOLE_MEDIANS * median_s if median_s else np.inf
    found: NDArray[np.int64] = np.flatnonzero(np.diff(t_ns) > longest_s * 1e9).astype(np.int64)
    return found

"""The rows of a file of intensities: when each begins, in UTC, how long it holds, and what it is in kg/J."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from edgewatt.models.carbon.constants import number
from edgewatt.models.carbon.grid import Array, Steps, gaps, span, utc
from edgewatt.models.carbon.units import G_PER_KWH, factor
from edgewatt.profiler.comparing.columns import TableFile
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.checked import shown

_GAPS_NAMED: Final = 3
_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(2200, 1, 1, tzinfo=UTC)


def times_s(table: TableFile, name: str, *, is_utc: bool) -> Array:
    """ISO 8601 times as s since 1970, shape [rows]. Raises UsageError for one that does not say its offset from UTC.

    `is_utc`: the name of the column says so for those that have none.
    """
    texts = table.column(name, pa.string()).to_pylist()
    return np.array([_time_s(table.path, name, row, text, is_utc=is_utc) for row, text in enumerate(texts)], np.float64)


def _time_s(path: Path, name: str, row: int, text: str | None, *, is_utc: bool) -> float:
    where = f"{path}: column {name!r}, row {row + 1}"
    try:
        time = datetime.fromisoformat((text or "").strip())
    except ValueError:
        raise UsageError(f"{where} holds {shown(text)}, expected a time such as 2024-03-31T02:30:00Z") from None
    if time.tzinfo is None and not is_utc:
        raise UsageError(
            f"{where} holds {shown(text)}, which does not say its time zone: with daylight saving an hour of such a "
            "clock comes twice or never. Write it as ...Z or with its offset (+09:00), or name the column ts_utc"
        )
    time = time.replace(tzinfo=UTC) if time.tzinfo is None else time
    if not _FIRST <= time <= _LAST:
        raise UsageError(f"{where} holds {shown(text)}, expected a time from 1970 to 2199")
    return time.timestamp()


def numbers(table: TableFile, name: str) -> Array:
    """A column of numbers, NaN where a cell is empty. Raises UsageError for what is no number."""
    return np.asarray(table.column(name, pa.float64()).to_numpy(zero_copy_only=False), np.float64)


def intensities(table: TableFile, name: str, unit: str, scope: str) -> Array:
    """The values in kg/J, NaN where a cell is empty. Raises UsageError for those that no grid has, with the row."""
    stored = numbers(table, name)
    values, known = stored * factor(unit), ~np.isnan(stored)
    most, least = (number("grid", "limit", key, "limit") for key in ("high", "lifecycle_low"))
    for is_wrong, why in (
        (known & ~(values >= 0), "is negative or no number; an intensity is 0 or more"),
        (known & (values > most), f"is more than {most / G_PER_KWH:g} g/kWh, which no plant emits"),
    ):
        if np.any(is_wrong):
            row = int(np.argmax(is_wrong))
            raise UsageError(
                f"{table.path}: column {name!r}, row {row + 1} holds {stored[row]:g} {unit}, which {why}. "
                "Is its unit another one (lb/MWh, kg/MWh)? --intensity-unit says it where the file does not"
            )
    if not np.any(known):
        raise UsageError(f"{table.path}: column {name!r} has no value in any of its {table.rows} rows")
    if scope == "lifecycle" and np.nanmax(values) < least:
        raise UsageError(
            f"{table.path}: column {name!r} is never more than {np.nanmax(stored):g} {unit}, and no life cycle of a "
            f"grid is below {least / G_PER_KWH:g} g/kWh. Is it in kg/kWh, or direct (--scope direct)?"
        )
    return values


def steps_of(path: Path, zone: str, t0_s: Array, kg_per_j: Array, step_s: Array | None) -> Steps:
    """The steps of one zone, by time; a row holds until the next, or as long as most do where a gap follows.

    Raises UsageError for rows that overlap, and for a single row that does not say how long it holds.
    """
    order = np.argsort(t0_s, kind="stable")
    t0_s, kg_per_j = t0_s[order], kg_per_j[order]
    held_s = _usual_step_s(path, zone, t0_s) if step_s is None else step_s[order]
    if not np.all(held_s > 0):
        raise UsageError(f"{path}: zone {zone}: a row holds for no time; a resolution is above 0 s")
    t1_s = t0_s + held_s
    overlapping = np.flatnonzero(t0_s[1:] < t1_s[:-1] - 1e-6)
    if len(overlapping):
        k = int(overlapping[0])
        raise UsageError(
            f"{path}: zone {zone}: the hours overlap: the row of {utc(t0_s[k])} holds until {utc(t1_s[k])}, and "
            f"another begins at {utc(t0_s[k + 1])}. A local clock set back does that, two files in one, or mixed "
            "resolutions: write UTC, keep one row for each time, or add a column resolution_s"
        )
    known = ~np.isnan(kg_per_j)
    if not np.any(known):
        raise UsageError(f"{path}: zone {zone} has no value in any of its {len(t0_s)} rows")
    return Steps(t0_s[known], t1_s[known], kg_per_j[known], f"{zone}, {utc(t0_s[0])[:4]}")


def _usual_step_s(path: Path, zone: str, t0_s: Array) -> NDArray[np.float64]:
    between = np.diff(t0_s)
    between = between[between > 0]
    if not len(between):
        raise UsageError(
            f"{path}: zone {zone} has a single time, which does not say how long it holds; add a column resolution_s"
        )
    lengths, counts = np.unique(between, return_counts=True)
    return np.full(len(t0_s), lengths[np.argmax(counts)])


def gap_notes(zone: str, steps: Steps) -> list[str]:
    """What is missing of a zone between its first and its last row, the first few of it."""
    holes = gaps(steps)
    named = ", ".join(f"{utc(a)} to {utc(b)}" for a, b in holes[:_GAPS_NAMED])
    more = f" and {len(holes) - _GAPS_NAMED} more" if len(holes) > _GAPS_NAMED else ""
    return [f"zone {zone} ({span(steps)}) has gaps: {named}{more}"] if holes else []

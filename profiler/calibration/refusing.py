"""Rows of a calibration that cannot be: named by table, row, column, value and what was expected."""

import math
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from edgewatt.profiler.calibration.possible import bounds_of, interval_column
from edgewatt.profiler.calibration.tables import BASES
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.checked import TEXT_LIMIT, shown

# The digests of a thousand runs.
SOURCE_LIMIT: Final = 65 * 1000


def refuse_impossible(where: str, name: str, table: pa.Table) -> None:
    """Raise UsageError for the first row that cannot be; rows are counted from 1.

    `table` has the columns of TABLES[name]; `where` is what errors call it.
    """
    found = next(_impossible(name, table), None)
    if found is not None:
        row, column, value, expected = found
        raise UsageError(f"{where}: row {row + 1}, {column} is {shown(value)}, expected {expected}")


def _impossible(name: str, table: pa.Table) -> Iterator[tuple[int, str, Any, str]]:
    """Row, column, value and what was expected, column by column; columns without any value are passed over."""
    used = [field for field in table.schema if table[field.name].null_count < table.num_rows]
    yield from _bases(table)
    for field in used:
        yield from _texts(table, field.name) if pa.types.is_string(field.type) else _numbers(name, field.name, table)
    for field in used:
        yield from _intervals(table, field.name)


def _bases(table: pa.Table) -> Iterator[tuple[int, str, Any, str]]:
    for row in _where(pc.invert(pc.is_in(table["basis"], pa.array(BASES)))):
        yield row, "basis", table["basis"][row].as_py(), f"one of {', '.join(BASES)}"


def _texts(table: pa.Table, column: str) -> Iterator[tuple[int, str, Any, str]]:
    limit = SOURCE_LIMIT if column == "source" else TEXT_LIMIT
    for row in _where(pc.greater(pc.utf8_length(table[column]), limit)):
        yield row, column, table[column][row].as_py(), f"at most {limit} characters"


def _numbers(name: str, column: str, table: pa.Table) -> Iterator[tuple[int, str, Any, str]]:
    values, present = _values(table, column), pc.is_valid(table[column]).to_numpy()
    high = interval_column(column, "high")
    highs = _values(table, high) if high in table.column_names else np.full(table.num_rows, math.nan)
    units = table["unit"].to_pylist() if name == "power" else [None] * table.num_rows
    for unit in dict.fromkeys(units):
        bounds = bounds_of(name, column, unit)
        # What was fitted may come out below zero where zero is within its interval.
        least = np.where((bounds.least == 0) & (highs >= 0), -bounds.most, bounds.least)
        mine = np.array([of == unit for of in units], np.bool_)
        bad = mine & present & ~(np.isfinite(values) & (least <= values) & (values <= bounds.most))
        for row in np.flatnonzero(bad):
            yield int(row), column, float(values[row]), str(bounds)


def _intervals(table: pa.Table, column: str) -> Iterator[tuple[int, str, Any, str]]:
    ends = [interval_column(column, end) for end in ("low", "high")]
    if not set(ends) <= set(table.column_names):
        return
    low, high = (_values(table, end) for end in ends)
    value = _values(table, column)
    for row in np.flatnonzero((low > value) | (value > high) | (low > high)):
        within = f"a value within its own interval, {low[row]:g} to {high[row]:g}"
        yield int(row), column, float(value[row]), within


def _values(table: pa.Table, column: str) -> NDArray[np.float64]:
    """The numbers of a column, NaN where there is none."""
    cast = table[column].cast(pa.float64(), safe=False)
    return np.asarray(cast.to_numpy(), np.float64)


def _where(flags: pa.ChunkedArray) -> list[int]:
    return [int(row) for row in np.flatnonzero(pc.fill_null(flags, False).to_numpy())]

"""Windows, iterations, gaps, operators, repeats and results as they lie in the folder of a run."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.checked import ATTRIBUTES_LIMIT, TEXT_LIMIT, shown
from edgewatt.profiler.storage.layout import RECORDED_TABLES
from edgewatt.profiler.storage.manifest import loads_plainly
from edgewatt.profiler.storage.streams import StoredTable, batches, find_table, open_table, said_of_cut
from edgewatt.profiler.tables import BUDGET, REPEATS, RESULTS

TABLES: Final[Mapping[str, pa.Schema]] = {**RECORDED_TABLES, "repeats": REPEATS, "results": RESULTS, "budget": BUDGET}
_NEVER_NULL: Final = {
    "windows": ("name", "t0_ns", "t1_ns", "clock"),
    "iterations": ("repeat", "iteration", "t0_ns", "t1_ns"),
    "operators": ("index",),
    "gaps": ("stream", "t0_ns", "t1_ns", "cause"),
}


def open_tables(run: Path) -> tuple[dict[str, StoredTable], list[str]]:
    """The tables of a run by name, and what there is to say about them. Raises UsageError for a damaged one."""
    tables, notices = {}, []
    for name, schema in TABLES.items():
        if (path := find_table(run, name)) is not None:
            table = tables[name] = open_table(path)
            if table.cut:
                notices.append(said_of_cut(table, path.name))
            notices += _columns_to_say(table, schema)
    return tables, notices


def _columns_to_say(table: StoredTable, schema: pa.Schema) -> Iterator[str]:
    """A notice for each unknown column. Raises UsageError if one is missing."""
    if table.schema is None:
        return
    for name in schema.names:
        if table.schema.names.count(name) != 1:
            raise UsageError(
                f"{table.path}: expected one column {name}, found the columns {shown(table.schema.names)}; restore the "
                "file, or for repeats and results let `edgewatt process` make it again"
            )
    for name in table.schema.names:
        if name not in schema.names:
            yield f"{table.path.name}: column {shown(name)} is unknown and was not read"


def read_rows(tables: Mapping[str, StoredTable], name: str) -> pa.Table:
    """All rows of a table with exactly the columns that it has to have; without rows if there is no such file.

    Raises UsageError for a value that is of another type, too long, or missing where it cannot be.
    """
    schema = TABLES[name]
    if name not in tables:
        return schema.empty_table()
    path = tables[name].path
    parts = [_checked(path, batch, schema) for batch in batches(tables[name], schema.names)]
    table = pa.Table.from_batches(parts, schema)
    for column in _NEVER_NULL.get(name, ()):
        if table.column(column).null_count:
            raise UsageError(f"{path}: column {column} has nulls, expected a value in every row; restore the file")
    return table


def _checked(path: Path, batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    arrays = []
    for field in schema:
        column = batch.column(field.name)
        try:
            arrays.append(column if column.type == field.type else column.cast(field.type))
        except pa.ArrowException as error:
            expected = f"{column.type}, expected {field.type}"
            raise UsageError(f"{path}: column {field.name} is {expected}; restore the file") from error
        longest = _longest(arrays[-1])
        if longest > (limit := ATTRIBUTES_LIMIT if field.name == "attributes" else TEXT_LIMIT):
            raise UsageError(
                f"{path}: column {field.name} has a text of {longest} characters, expected at most {limit}"
            )
    return pa.record_batch(arrays, schema=schema)


def _longest(column: pa.Array) -> int:
    if pa.types.is_list(column.type):
        column = column.flatten()
    if not pa.types.is_string(column.type):
        return 0
    longest: int | None = pc.max(pc.utf8_length(column)).as_py()
    return longest or 0


def attributes_of(path: Path, name: str, text: str | None) -> Mapping[str, Any]:
    """The attributes of a window from their JSON. Raises UsageError if it is no JSON object."""
    where = f"{path}: attributes of window {shown(name)}"
    try:
        attributes = loads_plainly(text or "{}")
    except ValueError as error:
        raise UsageError(f"{where} are no JSON ({error}); restore the file") from None
    if not isinstance(attributes, dict):
        raise UsageError(f"{where} are {shown(attributes)}, expected an object; restore the file")
    return attributes

"""One table of a calibration as Parquet: written so that damage shows, read as if anybody had written it."""

from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from edgewatt.profiler.calibration.tables import TABLES
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.checked import shown

# A throttling curve has some 1,000 rows, a night of inferences some 10,000.
ROWS_LIMIT: Final = 200_000
TEXT_LIMIT_B: Final = 64 << 20


def write_table(table: pa.Table, path: Path) -> None:
    """Write it. Raises OSError."""
    pq.write_table(table, path, compression="zstd", write_page_checksum=True, store_schema=False)


def table_from(raw: bytes, name: str, where: str) -> tuple[pa.Table, list[str]]:
    """The table `name` in `raw` with exactly its columns, and a notice for each column that it has not.

    A column that is missing is null throughout; `device_id` and `basis` may not be. Raises UsageError.
    """
    schema = TABLES[name]
    try:
        with pq.ParquetFile(pa.BufferReader(raw)) as file:
            names, rows = file.schema_arrow.names, file.metadata.num_rows
        if rows > ROWS_LIMIT:
            raise UsageError(f"{where}: says that it has {rows} rows, more than {ROWS_LIMIT}; it was not read")
        used = [column for column in schema.names if column in names]
        stored = _read(raw, used, [column for column in used if pa.types.is_string(schema.field(column).type)])
        stored.validate(full=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UsageError(
            f"{where}: no readable Parquet ({shown(str(error))}); it is damaged, or was not written to its end"
        ) from None
    _refuse_columns(where, names, schema)
    notices = [
        f"{where}: column {shown(column)} is unknown and was not read" for column in names if column not in schema.names
    ]
    return pa.table([_column(where, stored, field) for field in schema], schema=schema), notices


def _read(raw: bytes, used: list[str], texts: list[str]) -> pa.Table:
    """The used columns, texts in their dictionary until it is known how much they unpack to."""
    with pq.ParquetFile(pa.BufferReader(raw), read_dictionary=texts, page_checksum_verification=True) as file:
        return file.read(columns=used)


def _refuse_columns(where: str, names: list[str], schema: pa.Schema) -> None:
    for column in schema.names:
        if names.count(column) > 1:
            raise UsageError(f"{where}: has the column {column} {names.count(column)} times, expected it once")
    for column in ("device_id", "basis"):
        if column not in names:
            raise UsageError(f"{where}: has no column {column}; it has {shown(', '.join(names))}")


def _column(where: str, stored: pa.Table, field: pa.Field) -> pa.ChunkedArray:
    if field.name not in stored.column_names:
        return pa.chunked_array([pa.nulls(stored.num_rows, field.type)])
    column = stored[field.name]
    try:
        if pa.types.is_dictionary(column.type):
            _refuse_much_text(column)
            column = column.cast(column.type.value_type)
        if pa.types.is_string(field.type) != (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
            raise pa.ArrowInvalid(f"{column.type} is no {field.type}")
        return column.cast(field.type)
    except pa.ArrowException as error:
        raise UsageError(f"{where}: column {field.name} is {shown(str(error))}, expected {field.type}") from None


def _refuse_much_text(column: pa.ChunkedArray) -> None:
    for chunk in column.chunks:
        lengths = pc.take(pc.binary_length(chunk.dictionary), chunk.indices)
        if (pc.sum(lengths).as_py() or 0) > TEXT_LIMIT_B:
            raise pa.ArrowInvalid("more text than a calibration holds")

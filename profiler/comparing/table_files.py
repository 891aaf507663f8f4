"""Tables that lie in files: CSV, Parquet, or the JSON of `edgewatt export`."""

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from edgewatt.profiler.comparing.columns import BYTES_LIMIT, TableFile, checked_rows, unique
from edgewatt.profiler.comparing.csv_table import read_csv
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.checked import shown
from edgewatt.profiler.storage.manifest import loads_plainly
from edgewatt.profiler.tables import SCHEMA_VERSION


def read_table_file(path: Path, wanted: Collection[str]) -> TableFile:
    """The columns of the file at `path` that are `wanted`; their names are stripped of surrounding spaces.

    Parquet and JSON are told by their first bytes, all else is read as CSV. Raises UsageError for a file that cannot be
    read as what it is, that has a wanted name twice, or is larger than BYTES_LIMIT or ROWS_LIMIT.
    """
    content = _content(path)
    return _reader_of(path, content)(path, content, wanted)


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(BYTES_LIMIT + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(
            f"{path}: cannot be read ({why}); expected a run's folder, or a CSV, Parquet or JSON file"
        ) from None
    if len(content) > BYTES_LIMIT:
        raise UsageError(
            f"{path}: larger than {BYTES_LIMIT // 10**6} MB; give one row per repeat instead of every iteration"
        )
    return content


def _reader_of(path: Path, content: bytes) -> Callable[[Path, bytes, Collection[str]], TableFile]:
    if content.startswith(b"PAR1"):
        return _read_parquet
    if content[:64].removeprefix(b"\xef\xbb\xbf").lstrip().startswith((b"{", b"[")):
        return _read_json
    if path.suffix.lower() in {".parquet", ".json"}:
        what = f"begins with {content[:8]!r}" if content else "is empty"
        raise UsageError(f"{path}: {what}, which is no {path.suffix[1:]}, whatever its name says")
    return read_csv


def _read_parquet(path: Path, content: bytes, wanted: Collection[str]) -> TableFile:
    source = pa.BufferReader(content)
    try:
        with pq.ParquetFile(source) as file:
            names, rows = file.schema_arrow.names, file.metadata.num_rows
            texts = [field.name for field in file.schema_arrow if pa.types.is_string(field.type)]
        used = [name for name in names if name.strip() in wanted]
        columns = unique(path, used)
        checked_rows(path, rows)
        # Text stays in its dictionary until it is known how much it unpacks to.
        with pq.ParquetFile(source, read_dictionary=[name for name in used if name in texts]) as file:
            table = file.read(columns=used)
        table.validate(full=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UsageError(
            f"{path}: no readable Parquet ({shown(str(error))}); it is damaged, or was not written to its end"
        ) from None
    return TableFile(
        path, tuple(name.strip() for name in names), dict(zip(columns, table.columns, strict=True)), table.num_rows
    )


def _read_json(path: Path, content: bytes, wanted: Collection[str]) -> TableFile:
    rows = _json_rows(path, content)
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {name: _json_column(path, name, [row.get(name) for row in rows]) for name in names if name in wanted}
    return TableFile(path, tuple(names), columns, checked_rows(path, len(rows)))


def _json_rows(path: Path, content: bytes) -> list[dict[str, Any]]:
    try:
        data = loads_plainly(content.removeprefix(b"\xef\xbb\xbf"))
    except ValueError as error:
        raise UsageError(f"{path}: no valid JSON ({error})") from None
    schema, rows = (data.get("schema"), data.get("rows")) if isinstance(data, dict) else (None, None)
    if not isinstance(schema, int) or not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        expected = "an object with schema, table and rows"
        raise UsageError(f"{path}: {shown(data)} is not what `edgewatt export` writes, {expected}")
    if schema > SCHEMA_VERSION:
        raise UsageError(
            f"{path}: schema {schema} is newer than this edgewatt reads ({SCHEMA_VERSION}); update edgewatt"
        )
    return rows


def _json_column(path: Path, name: str, values: list[Any]) -> pa.ChunkedArray:
    try:
        return pa.chunked_array([pa.array(values)])
    except (pa.ArrowException, OverflowError, ValueError, TypeError) as error:
        raise UsageError(
            f"{path}: column {shown(name)} mixes what does not belong together ({shown(str(error))})"
        ) from None

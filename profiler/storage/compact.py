"""From the Arrow streams of a recording to Parquet. Row group by row group: an hour takes no more memory than a minute.

Encodings after facts/peers.md, section 6: of those compared there, the smallest that reads as fast as it is written.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.identity import sha256_of_file
from edgewatt.profiler.storage.durable import TEMPORARY, rename_durably, sync_folder, writing
from edgewatt.profiler.storage.layout import DAMAGED, RAW, RECORDED_TABLES, STREAMS
from edgewatt.profiler.storage.streams import ARROWS, PARQUET, ROW_GROUP_ROWS, StoredTable, batches, open_table


def compact_run(run: Path, schemas: Mapping[Path, pa.Schema]) -> dict[str, dict[str, Any]]:
    """Turn every .arrows file of the run into Parquet; returns path -> sha256 and size of all that was recorded.

    `schemas` are for the files that were cut before their own. Raises UsageError if the disk is full, with every
    file that is not yet converted as it was. May be killed at any moment and called again.
    """
    for leftover in (*run.glob(f"*{TEMPORARY}"), *run.glob(f"{STREAMS}/*{TEMPORARY}")):
        with writing(leftover, run):
            leftover.unlink()
    for arrows in sorted([*run.glob(f"{STREAMS}/*{ARROWS}"), *run.glob(f"*{ARROWS}")]):
        parquet, table = arrows.with_suffix(PARQUET), open_table(arrows)
        with writing(parquet, run):
            if not parquet.exists():
                _convert(table, parquet, schemas.get(arrows))
            _put_away(table)
            sync_folder(arrows.parent)
    with writing(run, run):
        return {file.relative_to(run).as_posix(): _signed(file) for file in _recorded(run)}


def _put_away(table: StoredTable) -> None:
    """Remove what is in Parquet now; keep a stream that a mere crash does not explain, for whoever can repair it."""
    if table.parts and table.unread_b > table.part_b * 2:
        table.path.rename(table.path.with_name(table.path.name + DAMAGED))
    else:
        table.path.unlink()


def _recorded(run: Path) -> Iterator[Path]:
    tables = (run / f"{name}{PARQUET}" for name in RECORDED_TABLES)
    yield from (table for table in tables if table.exists())
    for folder in (STREAMS, RAW):
        yield from (file for file in sorted((run / folder).glob("*")) if file.is_file())


def _signed(file: Path) -> dict[str, Any]:
    return {"sha256": sha256_of_file(file), "size": file.stat().st_size}


def _convert(table: StoredTable, parquet: Path, fallback: pa.Schema | None) -> None:
    schema = fallback if table.schema is None else table.schema
    if schema is None:
        return
    temporary = parquet.with_name(parquet.name + TEMPORARY)
    try:
        _write(table, temporary, schema)
        _verify(temporary, table)
        rename_durably(temporary, parquet)
    except pa.ArrowException as error:
        raise UsageError(
            f"{table.path} is damaged and cannot be turned into Parquet ({error}); move it away"
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _write(table: StoredTable, path: Path, schema: pa.Schema) -> None:
    texts = [field.name for field in schema if _encoding(field.type) is None]
    with pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        use_dictionary=texts,
        column_encoding={f.name: _encoding(f.type) for f in schema if f.name not in texts},
        write_page_checksum=True,
    ) as writer:
        for batch in batches(table):
            writer.write_batch(batch, row_group_size=ROW_GROUP_ROWS)


def _encoding(kind: pa.DataType) -> str | None:
    if pa.types.is_integer(kind):
        return "DELTA_BINARY_PACKED"
    return "BYTE_STREAM_SPLIT" if pa.types.is_floating(kind) else None


def _verify(parquet: Path, arrows: StoredTable) -> None:
    rows = sum(len(batch) for batch in batches(open_table(parquet)))
    if rows != arrows.rows:
        raise UsageError(f"{parquet} holds {rows} rows as written, expected {arrows.rows}; {arrows.path} is kept")

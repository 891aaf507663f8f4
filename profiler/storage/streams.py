"""One table of a run on disk: Parquet once it is closed, an Arrow stream, possibly cut, while it is recorded."""

import bisect
import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.samples import TIME

ARROWS: Final = ".arrows"
PARQUET: Final = ".parquet"
ROW_GROUP_ROWS: Final = 1_000_000  # architecture.md, Storage: row groups of at most 1 M rows

Place = Callable[[int], int]  # where a t_ns lies: -1 before what is wanted, 0 in it, 1 after it

# What pyarrow raises for bytes that are not what they should be; MemoryError for a length that cannot be true.
_DAMAGE: Final = (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError)


@dataclass(frozen=True, slots=True)
class StoredTable:
    """What is whole in one file: its schema (None if not even that is), rows, and parts (row groups or batches).

    `cut` says why an Arrow stream ends early ("": it does not), `unread_b` how much of it is left unread then, and
    `part_b` how large its largest part is.
    """

    path: Path
    schema: pa.Schema | None
    rows: int = 0
    parts: int = 0
    cut: str = ""
    unread_b: int = 0
    part_b: int = 0
    footer: Any = None


def find_table(folder: Path, name: str) -> Path | None:
    """The file that holds table `name`, or None. Parquet wins: it only gets its name once it is whole on the disk."""
    paths = (folder / f"{name}{ending}" for ending in (PARQUET, ARROWS))
    return next((path for path in paths if path.is_file()), None)


def open_table(path: Path) -> StoredTable:
    """What is in the file: from the footer of a Parquet file, by one pass through an Arrow stream.

    Raises UsageError for a Parquet file that is damaged, and for a file that cannot be opened.
    """
    return _open_arrows(path) if path.suffix == ARROWS else _open_parquet(path)


def said_of_cut(table: StoredTable, name: str) -> str:
    """What a reader should know of an Arrow stream that ends early."""
    return f"{name} ends early: {table.rows} rows are whole, {table.unread_b} bytes after them are not ({table.cut})"


def batches(
    table: StoredTable, columns: Sequence[str] | None = None, place: Place | None = None
) -> Iterator[pa.RecordBatch]:
    """The rows in order, in record batches of at most ROW_GROUP_ROWS; `columns` None: all of them.

    With a `place`, row groups of a Parquet stream that lie entirely before or after what is wanted are not read.
    Raises UsageError where the file is damaged, or where its time goes back.
    """
    if table.schema is None:
        return iter(())
    names = table.schema.names if columns is None else list(columns)
    if table.path.suffix == ARROWS:
        return _grouped(_arrows_batches(table, names))
    return _parquet_batches(table, names, place)


def _open_parquet(path: Path) -> StoredTable:
    with _readable(path), pq.ParquetFile(path, pre_buffer=False) as file:
        footer, schema = file.metadata, _with_names(file.schema_arrow)
        if footer.num_rows < 0:
            raise ValueError(f"its footer speaks of {footer.num_rows} rows")
        return StoredTable(path, schema, footer.num_rows, footer.num_row_groups, footer=footer)


def _with_names(schema: pa.Schema) -> pa.Schema:
    """The schema. Raises ValueError if a name in it is no text; pyarrow finds that out only when it is asked."""
    for name in schema.names:
        name.encode()
    return schema


def _parquet_batches(table: StoredTable, columns: list[str], place: Place | None) -> Iterator[pa.RecordBatch]:
    last_ns, rows = None, 0
    with (
        _readable(table.path),
        pq.ParquetFile(table.path, metadata=table.footer, pre_buffer=False, page_checksum_verification=True) as file,
    ):
        for group in range(table.parts) if place is None else _groups_of(file, table.parts, place):
            for batch in file.iter_batches(ROW_GROUP_ROWS, row_groups=[group], columns=columns):
                batch.validate(full=True)
                last_ns, rows = _checked_time(batch, last_ns), rows + len(batch)
                yield batch
        if place is None and columns and rows != table.rows:
            raise ValueError(f"it holds {rows} rows, but its footer speaks of {table.rows}")


def _groups_of(file: pq.ParquetFile, groups: int, place: Place) -> range:
    """The row groups that may hold what is wanted, by bisection on the first stamp of each.

    Not by the statistics in the footer: pyarrow 26 ends the process, past every `except`, when it is asked for
    those of a column whose footer is damaged.
    """
    places = functools.cache(lambda group: _place_of(file, group, groups, place))
    begin = bisect.bisect_left(range(groups), 0, key=places)
    end = bisect.bisect_right(range(groups), 0, key=places)
    return range(max(begin - 1, 0), end)


def _place_of(file: pq.ParquetFile, group: int, groups: int, place: Place) -> int:
    """Where a row group begins; one without rows begins where the next does."""
    for batch in file.iter_batches(1, row_groups=list(range(group, groups)), columns=[TIME]):
        if len(batch):
            return place(batch.column(TIME)[0].as_py())
    return 1


def _open_arrows(path: Path) -> StoredTable:
    """Everything up to the first thing that is not as it was written: a cut, or time that goes back."""
    rows = parts = end = part_b = 0
    schema, cut, last_ns = None, "", None
    with _readable(path):
        source = pa.OSFile(str(path))
    with source:
        try:
            reader = pa.ipc.open_stream(source)
            schema, end = _with_names(reader.schema), source.tell()
            for batch in reader:
                batch.validate(full=True)
                last_ns = _checked_time(batch, last_ns)
                rows, parts = rows + len(batch), parts + 1
                part_b, end = max(part_b, source.tell() - end), source.tell()
        except _DAMAGE as error:
            cut = _first_line(error)
        unread_b = source.size() - end
    return StoredTable(path, schema, rows, parts, cut, unread_b, part_b)


def _arrows_batches(table: StoredTable, columns: list[str]) -> Iterator[pa.RecordBatch]:
    with _readable(table.path), pa.OSFile(str(table.path)) as source:
        for batch in islice(pa.ipc.open_stream(source), table.parts):
            yield batch.select(columns)


def _grouped(parts: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same rows in as few batches as ROW_GROUP_ROWS allows."""
    held: list[pa.RecordBatch] = []
    rows = 0
    for part in parts:
        if held and rows + len(part) > ROW_GROUP_ROWS:
            yield from _joined(held)
            held, rows = [], 0
        held.append(part)
        rows += len(part)
    if held:
        yield from _joined(held)


def _joined(held: list[pa.RecordBatch]) -> list[pa.RecordBatch]:
    joined = pa.Table.from_batches(held).combine_chunks()
    parts: list[pa.RecordBatch] = joined.to_batches(max_chunksize=ROW_GROUP_ROWS)
    return parts


def _checked_time(batch: pa.RecordBatch, last_ns: int | None) -> int | None:
    """The last stamp of the batch, after `last_ns` if it has none. Raises ValueError where time goes back."""
    if TIME not in batch.schema.names or not len(batch):
        return last_ns
    column = batch.column(TIME)
    if column.type != pa.int64() or column.null_count:
        raise ValueError(f"{TIME} is {column.type} with {column.null_count} nulls, expected int64 without")
    t_ns = column.to_numpy()
    back = np.flatnonzero(t_ns[1:] < t_ns[:-1])
    if (last_ns is not None and t_ns[0] < last_ns) or len(back):
        raise ValueError(f"{TIME} goes back after {t_ns[back[0]] if len(back) else last_ns}")
    return int(t_ns[-1])


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn what pyarrow raises into a UsageError that names the file."""
    try:
        yield
    except FileNotFoundError as error:
        raise UsageError(f"{path} has gone while it was read; if its run was being closed, open it again") from error
    except _DAMAGE as error:
        raise UsageError(
            f"{path} is damaged or was edited: {_first_line(error).rstrip('.')}. Restore it from a copy, or move it "
            "away: the rest of the run opens without it"
        ) from error


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]

"""CSV as people and programs really write it, read by Arrow after what Arrow takes in silence has been refused."""

import io
import re
from collections.abc import Collection
from pathlib import Path
from typing import Final

import pyarrow as pa
from pyarrow import csv

from edgewatt.profiler.comparing.columns import TableFile, checked_rows, exported_as, unique
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.checked import shown

_BOM: Final = b"\xef\xbb\xbf"
_LINES: Final = re.compile(rb"[^\r\n]+")
_DELIMITERS: Final = ",;\t"
# Arrow needs a line to fit into a block; a header of a thousand names and a cell of a hundred pages do.
# With threads, its errors would name no row.
_READING: Final = csv.ReadOptions(block_size=1 << 22, use_threads=False)


def read_csv(path: Path, content: bytes, wanted: Collection[str]) -> TableFile:
    """The `wanted` columns of the CSV file `content`, as text: UTF-8, delimited by comma, semicolon or tab.

    Raises UsageError for anything else, in words for what spreadsheets do: UTF-16, archives, quotes that never close.
    """
    _refuse_other_formats(path, content)
    delimiter = _delimiter(content)
    parsing = csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    try:
        names = csv.open_csv(io.BytesIO(content), read_options=_READING, parse_options=parsing).schema.names
        used = [name for name in names if name.strip() in wanted]
        columns = unique(path, used)
        table = _read(content, parsing, used) if used else None
    except (pa.ArrowException, UnicodeDecodeError) as error:
        if "cannot infer number of columns" in str(error):
            raise UsageError(f"{path}: has a header and no rows") from None
        raise UsageError(
            f"{path}: no readable CSV ({shown(str(error))}); expected a header and rows of UTF-8 text"
        ) from None
    stripped = tuple(name.strip() for name in names)
    if table is None:
        return TableFile(path, stripped, {}, 0)
    if b'"' in content and exported_as(stripped) is None:
        _refuse_swallowed_rows(path, content, table.num_rows)
    rows = checked_rows(path, table.num_rows)
    stored = dict(zip(columns, table.columns, strict=True))
    return TableFile(path, stripped, stored, rows, as_text=True, decimal_comma=delimiter != ",")


def _read(content: bytes, parsing: csv.ParseOptions, used: list[str]) -> pa.Table:
    converting = csv.ConvertOptions(column_types=dict.fromkeys(used, pa.string()), include_columns=used)
    return csv.read_csv(io.BytesIO(content), read_options=_READING, parse_options=parsing, convert_options=converting)


def _refuse_other_formats(path: Path, content: bytes) -> None:
    if not content.removeprefix(_BOM).strip():
        raise UsageError(f"{path}: is empty; expected a header and rows")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UsageError(f"{path}: is UTF-16, as some spreadsheets save text; save it as CSV UTF-8")
    if content.startswith((b"\x1f\x8b", b"PK\x03\x04")):
        raise UsageError(f"{path}: is compressed, or a spreadsheet's own format; unpack it, or save it as CSV UTF-8")
    if b"\0" in content:
        raise UsageError(f"{path}: byte {content.index(0) + 1} is NUL, so it is no text; expected CSV in UTF-8")
    if content.count(b'"') % 2:
        raise UsageError(
            f'{path}: a quotation mark (") is never closed, and what follows it would be lost; repair the file'
        )


def _refuse_swallowed_rows(path: Path, content: bytes, rows: int) -> None:
    """Two misplaced quotation marks make one cell of all lines between them."""
    lines = sum(1 for _ in _LINES.finditer(content.removeprefix(_BOM))) - 1
    if lines != rows:
        raise UsageError(
            f"{path}: {lines} lines make {rows} rows, because a quoted cell runs over a line break. Take the "
            "break out, or the quotation marks if they are misplaced: rows would be lost"
        )


def _delimiter(content: bytes) -> str:
    """The delimiter that the header line has most of; a comma where it has none."""
    found = _LINES.search(content.removeprefix(_BOM))
    header = b"" if found is None else found.group()
    return max(_DELIMITERS, key=lambda delimiter: header.count(delimiter.encode()))

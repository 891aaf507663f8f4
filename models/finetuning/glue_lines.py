"""Rows of a GLUE file, one at a time: TSV as in its zips, or JSON lines. Any bytes give rows or a named error."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.checked import shown

LINE_LIMIT_B: Final = 1 << 16
ROWS_LIMIT: Final = 1_000_000
Row = tuple[int, dict[str, Any]]


def rows_of(path: Path, columns: Sequence[str] | None = None) -> Iterator[Row]:
    """The number of each line and its values by column; `columns` are those of a TSV without a header.

    TSV is split at tabs and at nothing else: GLUE's quotes are text. Raises UsageError naming file, line and what was
    expected for a line that is longer than LINE_LIMIT_B, no UTF-8, has other columns, or is no JSON object.
    """
    names = None if columns is None else list(columns)
    for number, line in _lines(path):
        if path.suffix == ".jsonl":
            yield number, _object(path, number, line)
        elif names is None:
            names = line.split("\t")
        else:
            values = line.split("\t")
            if len(values) != len(names):
                raise UsageError(
                    f"{path}, line {number}: {len(values)} values; expected {len(names)}, one for each of "
                    f"{shown(names)}"
                )
            yield number, dict(zip(names, values, strict=True))


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        with path.open("rb") as file:
            number = 0
            while raw := file.readline(LINE_LIMIT_B + 1):
                number += 1
                if len(raw) > LINE_LIMIT_B:
                    raise UsageError(f"{path}, line {number}: longer than {LINE_LIMIT_B} bytes, which no sentence is")
                if number > ROWS_LIMIT:
                    raise UsageError(f"{path}: more than {ROWS_LIMIT:,} lines, which no task of GLUE has")
                line = _text(path, number, raw)
                if line:
                    yield number, line
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from None


def _text(path: Path, number: int, raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}, line {number}: no UTF-8 ({error.reason} at byte {error.start})") from None


def _object(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise UsageError(f"{path}, line {number}: {shown(line)}; expected a JSON object")
    return found

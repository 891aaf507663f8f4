"""Columns as a file holds them, turned into the types that our tables have or refused by row and value."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from edgewatt.profiler.comparing.formula_guard import UNGUARD_PATTERN
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.checked import shown
from edgewatt.profiler.tables import REPEATS, RESULTS

# A day of iterations of 4 ms each; a file of a few bytes can claim more rows than any memory holds.
ROWS_LIMIT: Final = 20_000_000
# So many rows of 50 characters: of a file, and of the text that one column of it unpacks to.
BYTES_LIMIT: Final = 50 * ROWS_LIMIT

EXPORTED: Final[Mapping[str, pa.Schema]] = {"results": RESULTS, "repeats": REPEATS}

REASONS_SEPARATOR: Final = ";"

_ABSENT: Final = pa.array(["", "NA", "N/A", "null", "None"])
_TRUE, _FALSE = pa.array(["true", "True", "TRUE", "1"]), pa.array(["false", "False", "FALSE", "0"])


def exported_as(names: Collection[str]) -> str | None:
    """The table that has these columns, `results` or `repeats`; None if neither has them all."""
    return next((table for table, schema in EXPORTED.items() if set(schema.names) <= set(names)), None)


@dataclass(frozen=True, slots=True, eq=False)
class TableFile:
    """A file's columns: the `names` of all of them, and those that were wanted, each of `rows` values as stored.

    A CSV's are all text (`as_text`); `decimal_comma` says that its numbers may have one.
    """

    path: Path
    names: tuple[str, ...]
    columns: Mapping[str, pa.ChunkedArray]
    rows: int
    as_text: bool = False
    decimal_comma: bool = False

    def column(self, name: str, wanted: pa.DataType) -> pa.ChunkedArray:
        """The column in the type `wanted`. Raises UsageError naming the first value that does not fit."""
        stored = self.columns[name]
        if self._fits(stored, wanted):
            return self._cast(stored, wanted)
        row = self._first_misfit(stored, wanted)
        raise UsageError(
            f"{self.path}: column {name!r}, row {row + 1} holds "
            f"{shown(stored[row].as_py())}, expected {_in_words(wanted)}"
        )

    def _cast(self, stored: pa.ChunkedArray, wanted: pa.DataType) -> pa.ChunkedArray:
        values = _unpacked(stored)
        if _is_text(values.type):
            return self._from_text(values.cast(pa.string()), wanted)
        if pa.types.is_null(values.type) or values.type == wanted:
            return values.cast(wanted)
        if pa.types.is_string(wanted) or _is_number(values.type) == _is_number(wanted):
            return values.cast(wanted)
        raise pa.ArrowInvalid(f"{values.type} is no {wanted}")

    def _from_text(self, text: pa.ChunkedArray, wanted: pa.DataType) -> pa.ChunkedArray:
        if self.as_text and exported_as(self.names) is not None:
            text = pc.replace_substring_regex(text, UNGUARD_PATTERN, r"\1")
        if pa.types.is_string(wanted):
            return pc.if_else(pc.equal(text, ""), pa.scalar(None, wanted), text) if self.as_text else text
        if pa.types.is_list(wanted):
            return pc.if_else(pc.equal(text, ""), pa.scalar([], wanted), pc.split_pattern(text, REASONS_SEPARATOR))
        trimmed = pc.utf8_trim_whitespace(text)
        present = pc.if_else(pc.is_in(trimmed, _ABSENT), pa.scalar(None, pa.string()), trimmed)
        if pa.types.is_boolean(wanted):
            return _flags(present)
        if self.decimal_comma and not pc.any(pc.match_substring(present, ".")).as_py():
            present = pc.replace_substring(present, ",", ".")
        return _whole(present, wanted) if pa.types.is_integer(wanted) else present.cast(wanted)

    def _fits(self, stored: pa.ChunkedArray, wanted: pa.DataType) -> bool:
        try:
            self._cast(stored, wanted)
        except (pa.ArrowException, OverflowError, ValueError):
            return False
        return True

    def _first_misfit(self, stored: pa.ChunkedArray, wanted: pa.DataType) -> int:
        """By bisection: the row before which everything fits."""
        fits, misfits = 0, len(stored)
        while misfits - fits > 1:
            middle = (fits + misfits) // 2
            if self._fits(stored.slice(0, middle), wanted):
                fits = middle
            else:
                misfits = middle
        return fits


def checked_rows(path: Path, rows: int) -> int:
    """`rows`. Raises UsageError if a file has more than a table may have."""
    if rows > ROWS_LIMIT:
        raise UsageError(
            f"{path}: {rows} rows, more than {ROWS_LIMIT}; give one row per repeat instead of every iteration"
        )
    return rows


def listed(names: Sequence[str]) -> str:
    """The names for an error: the first 20, each short whatever it is."""
    more = f" and {len(names) - 20} more" if len(names) > 20 else ""
    return ", ".join(shown(name)[1:-1] for name in names[:20]) + more


def unique(path: Path, names: Sequence[str]) -> list[str]:
    """`names`, stripped. Raises UsageError if two columns have the same."""
    stripped = [name.strip() for name in names]
    for name in stripped:
        if stripped.count(name) > 1:
            raise UsageError(f"{path}: has the column {name!r} {stripped.count(name)} times; keep one of them")
    return stripped


def _unpacked(stored: pa.ChunkedArray) -> pa.ChunkedArray:
    """The values of a dictionary-encoded column, if they are not absurdly many times the file."""
    if not pa.types.is_dictionary(stored.type):
        return stored
    for chunk in stored.chunks:
        lengths = (
            pc.take(pc.binary_length(chunk.dictionary), chunk.indices) if _is_text(chunk.type.value_type) else None
        )
        if lengths is not None and (pc.sum(lengths).as_py() or 0) > BYTES_LIMIT:
            raise pa.ArrowInvalid("unpacks to more text than a table holds")
    return stored.cast(stored.type.value_type)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _flags(text: pa.ChunkedArray) -> pa.ChunkedArray:
    known = pc.or_(pc.is_in(text, _TRUE), pc.is_in(text, _FALSE))
    if not pc.all(pc.or_(known, pc.is_null(text))).as_py():
        raise pa.ArrowInvalid("neither true nor false")
    return pc.if_else(pc.is_null(text), pa.scalar(None, pa.bool_()), pc.is_in(text, _TRUE))


def _whole(text: pa.ChunkedArray, wanted: pa.DataType) -> pa.ChunkedArray:
    """Whole numbers, also where a program wrote them as 3.0 because others in the column were missing."""
    try:
        return text.cast(wanted)
    except pa.ArrowInvalid:
        return text.cast(pa.float64()).cast(wanted)


def _in_words(wanted: pa.DataType) -> str:
    if pa.types.is_boolean(wanted):
        return "true or false"
    if pa.types.is_integer(wanted):
        return f"a whole number of {wanted.bit_width} bits"
    return "a number, with a point for decimals" if pa.types.is_floating(wanted) else "text"

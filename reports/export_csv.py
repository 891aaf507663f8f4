"""Tables as CSV: nothing rounded, nothing that a spreadsheet would compute."""

import math
import re
from typing import Any, BinaryIO, Final

import pyarrow as pa

from edgewatt.profiler.comparing.columns import REASONS_SEPARATOR
from edgewatt.reports.escape import csv_text
from edgewatt.reports.source import Source

_NEEDS_QUOTES: Final = re.compile(r'[",;\r\n]')


def write_csv(source: Source, file: BinaryIO) -> None:
    """UTF-8, commas, a header with the names of the columns; null and what is not finite is blank.

    A float is the shortest text that reads back as itself; flags are true and false; a list's reasons are joined by
    `;` (a `;` inside one becomes a comma). A text that a spreadsheet would take for a formula is preceded by an
    apostrophe (formula_guard), which reading takes back.
    """
    file.write(csv_of(source.rows()))


def csv_of(table: pa.Table) -> bytes:
    """Any table as `write_csv` writes those of runs."""
    lines = [",".join(table.column_names), *(",".join(map(_cell, row.values())) for row in table.to_pylist())]
    return "".join(f"{line}\n" for line in lines).encode()


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list):
        value = REASONS_SEPARATOR.join(reason.replace(REASONS_SEPARATOR, ",") for reason in value)
    text = csv_text(value)
    return '"{}"'.format(text.replace('"', '""')) if _NEEDS_QUOTES.search(text) else text

"""Tables for a terminal: aligned, sanitised, never wider than their text."""

from collections.abc import Collection, Sequence
from typing import Final

from edgewatt.reports.escape import CELL_LIMIT, display_width, printable

_BETWEEN: Final = "  "


def text_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, right: Collection[int] = ()) -> str:
    """The cells in aligned columns, below `header`; the columns numbered in `right` end flush right.

    Every cell is one line of at most CELL_LIMIT characters, whatever it holds.
    """
    cells = [[printable(cell, CELL_LIMIT) for cell in row] for row in (header, *rows)]
    widths = [max(display_width(row[column]) for row in cells) for column in range(len(header))]
    return "\n".join(_line(row, widths, right) for row in cells)


def _line(row: Sequence[str], widths: Sequence[int], right: Collection[int]) -> str:
    padded = [
        _padded(cell, width, flush_right=column in right)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return _BETWEEN.join(padded).rstrip()


def _padded(cell: str, width: int, *, flush_right: bool) -> str:
    blanks = " " * (width - display_width(cell))
    return blanks + cell if flush_right else cell + blanks

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


def grouped_table(
    header: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]], *, right: Collection[int] = ()
) -> list[str]:
    """The lines of a `text_table`, those that follow each other with the same name under a line with that name."""
    head, *lines = text_table(header, [cells for _, cells in rows], right=right).split("\n")
    names = [printable(name, 2 * CELL_LIMIT) for name, _ in rows]
    fresh = [place == 0 or name != names[place - 1] for place, name in enumerate(names)]
    told = zip(names, lines, fresh, strict=True)
    return [head, *(part for name, line, is_fresh in told for part in ([name, line] if is_fresh else [line]))]


def _line(row: Sequence[str], widths: Sequence[int], right: Collection[int]) -> str:
    padded = [
        _padded(cell, width, flush_right=column in right)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return _BETWEEN.join(padded).rstrip()


def _padded(cell: str, width: int, *, flush_right: bool) -> str:
    blanks = " " * (width - display_width(cell))
    return blanks + cell if flush_right else cell + blanks

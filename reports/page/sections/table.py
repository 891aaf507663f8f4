"""Tables of the page."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from edgewatt.reports.escape import printable
from edgewatt.reports.page.templates import render

# As many as a browser lays out at once without a wait; whoever wants all of a longer one exports it.
ROWS_LIMIT: Final = 2000


@dataclass(frozen=True, slots=True)
class Table:
    """Cells under a header. A cell is text, which is escaped, or something that knows its own HTML (templates.Name).

    The first column names its row; those numbered in `right` hold numbers. None is a blank cell.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[Any]]
    right: Collection[int] = ()
    caption: str = ""

    def __html__(self) -> str:
        """The table, its rows cut at ROWS_LIMIT, which is then said below it."""
        return render(
            __package__,
            "table.html",
            header=[_shown(title) for title in self.header],
            rows=[[_shown(cell) for cell in row] for row in islice(self.rows, ROWS_LIMIT)],
            right=self.right,
            caption=self.caption,
            more=max(len(self.rows) - ROWS_LIMIT, 0),
        )

    def __str__(self) -> str:
        """The same: `Plot.table` is text that holds HTML."""
        return self.__html__()


def _shown(cell: Any) -> Any:
    return printable(cell) if isinstance(cell, str) else cell

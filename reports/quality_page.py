"""The page of all reason codes: `python -m edgewatt.reports.quality_page > docs/quality.md`."""

from collections.abc import Iterator
from typing import Final

from edgewatt.profiler.quality.reason import Reason
from edgewatt.profiler.quality.table import ROOMS

_HEAD: Final = """\
# What can be said against a run

A run, and every row of its tables, says in `quality` whether it counts, and in `quality_reasons` why it may not:

- **void**: nothing of it counts. A repeat that is void is left out of the results;
- **marked**: it counts, and whoever reads it should know the reason;
- **good**: nothing speaks against it. A *note* is said, and makes nothing worse.

A reason is a code, alone or with a detail behind a colon (`not_set:wakelock`). In `run.json` a code with `results:`
before it was found by analysing. Rows with a reason whose weight says *no joules* have no energy. A code that an
edgewatt does not know, as of a newer one, is kept as it stands, and marks.

The terminal, `--json` (under `reasons`) and Markdown say them in these words. Written by
`python -m edgewatt.reports.quality_page`.
"""


def page() -> str:
    """The page as Markdown."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield _HEAD
    for title, codes in ROOMS.items():
        yield from (f"## {title}", "", "| code | weight | what it means | what to do |", "|---|---|---|---|")
        yield from map(_row, codes)
        yield ""


def _row(reason: Reason) -> str:
    weight = f"{reason.weight}, no joules" if reason.refuses_energy else reason.weight
    return f"| `{reason.code}` | {weight} | {reason.meaning} | {reason.advice} |"


if __name__ == "__main__":
    print(page(), end="")

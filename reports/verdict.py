"""A check on the terminal: the verdict first, then every row with its bounds, then why."""

from typing import Final

from edgewatt.profiler.checking.check import Check
from edgewatt.profiler.checking.verdict import Verdict
from edgewatt.profiler.units import format_si
from edgewatt.reports.comparison import configuration, quantity, ratio_text
from edgewatt.reports.escape import printable
from edgewatt.reports.fold import ANY_WIDTH, folded_note
from edgewatt.reports.text import grouped_table

_HEADER: Final = ("", "", "old", "new", "new/old", "bounds", "allowed", "repeats", "")
_FLUSH_RIGHT: Final = (2, 3, 4, 6)


def verdict_text(check: Check, width: int = ANY_WIDTH) -> str:
    """The verdict, the table of rows, the sentence of each, and the notices, cut to `width`; SIMULATED first."""
    simulated = "SIMULATED  " if check.simulated else ""
    lines = [printable(line) for line in (f"{simulated}{headline(check)}", f"old {check.old}", f"new {check.new}")]
    if check.verdicts:
        rows = [(configuration(one.row), _cells(one, place)) for place, one in enumerate(check.verdicts, 1)]
        lines += grouped_table(_HEADER, rows, right=_FLUSH_RIGHT)
    told = [f"[{place}] {sentence(one)}" for place, one in enumerate(check.verdicts, 1)]
    told += dict.fromkeys(check.notices)
    return "\n".join([*lines, *(line for note in told for line in folded_note(printable(note), width))])


def headline(check: Check) -> str:
    """The verdict of the whole check, with how many rows are how."""
    words = [one.word for one in check.verdicts]
    counts = ", ".join(f"{words.count(word)} {in_words(word)}" for word in dict.fromkeys(words))
    return f"{in_words(check.word).upper()}: {counts or 'nothing to check'}"


def sentence(verdict: Verdict) -> str:
    """Why a row has its verdict, with what else there is to know of it."""
    return "; ".join([verdict.because, *verdict.row.notes])


def in_words(word: str) -> str:
    """A verdict as people write it."""
    return word.replace("_", " ")


def _cells(verdict: Verdict, place: int) -> list[str]:
    row = verdict.row
    bounds = (
        ""
        if verdict.low is None or verdict.high is None
        else f"[{ratio_text(verdict.low)}, {ratio_text(verdict.high)}]"
    )
    return [
        in_words(verdict.word),
        quantity(row),
        "" if row.old is None else format_si(row.old, row.unit),
        "" if row.new is None else format_si(row.new, row.unit),
        "" if row.ratio is None else ratio_text(row.ratio),
        bounds,
        f"+{100 * verdict.tolerance:.3g} %",
        f"{row.n_old} and {row.n_new}",
        f"[{place}]",
    ]

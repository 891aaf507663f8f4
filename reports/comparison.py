"""A comparison on the terminal: the ratios, each with its interval, then why some have none."""

from collections.abc import Sequence
from typing import Final

from edgewatt.profiler.comparing.compare import Comparison, Row
from edgewatt.profiler.units import format_si
from edgewatt.reports.escape import printable
from edgewatt.reports.fold import ANY_WIDTH, folded_note
from edgewatt.reports.text import grouped_table
from edgewatt.reports.wording import runs_on

HEADER: Final = ("configuration", "", "old", "new", "new/old", "95 %", "", "repeats", "sessions", "")
FLUSH_RIGHT: Final = (2, 3, 4)
NAMES: Final = {"latency_s": "latency", "energy_gross_j": "energy", "memory_peak_b": "peak memory"}


def comparison_text(comparison: Comparison, width: int = ANY_WIDTH) -> str:
    """The table of ratios, its footnotes and notices, cut to `width`; the first word is SIMULATED if either side is."""
    notes = footnotes(comparison.rows)
    first = f"{'SIMULATED  ' if comparison.simulated else ''}old {comparison.old}, new {comparison.new}"
    lines = [printable(first)]
    if comparison.rows:
        rows = [(configuration(row), cells(row, notes)[1:]) for row in comparison.rows]
        lines += grouped_table(HEADER[1:], rows, right=[column - 1 for column in FLUSH_RIGHT])
    told = [*(f"[{number}] {note}" for number, note in enumerate(notes, 1)), *dict.fromkeys(comparison.notices)]
    return "\n".join([*lines, *(line for note in told for line in folded_note(printable(note), width))])


def footnotes(rows: Sequence[Row]) -> list[str]:
    """What is said of rows below their table, each once; the first is footnote 1."""
    return list(dict.fromkeys(note for row in rows for note in _notes_of(row)))


def _notes_of(row: Row) -> list[str]:
    return [*([] if row.reason is None else [row.reason]), *row.notes]


def cells(row: Row, notes: list[str]) -> list[str]:
    """A row under HEADER; `notes` are the footnotes of its table."""
    return [
        configuration(row),
        quantity(row),
        "" if row.old is None else format_si(row.old, row.unit),
        "" if row.new is None else format_si(row.new, row.unit),
        "" if row.ratio is None else ratio_text(row.ratio),
        "" if row.low is None or row.high is None else f"[{ratio_text(row.low)}, {ratio_text(row.high)}]",
        row.direction or row.status.replace("_", " "),
        f"{row.n_old} and {row.n_new}",
        row.session_basis or "",
        "".join(f"[{notes.index(note) + 1}]" for note in _notes_of(row)),
    ]


def ratio_text(value: float) -> str:
    """Thousandths, which is what repeats resolve; a power of ten where a ratio is no small change."""
    return f"{value:.3f}" if 0.001 <= value < 1000 else f"{value:.3g}"


def quantity(row: Row) -> str:
    """What is compared: latency, peak memory, or energy with its source."""
    return " ".join(filter(None, (NAMES[row.quantity], row.energy_source)))


def configuration(row: Row) -> str:
    """The model and what ran it, or else whatever the rows are matched on."""
    named = [
        str(value) for name, value in row.key.items() if name not in {*row.config, "config_id"} and value is not None
    ]
    model = row.config.get("model")
    return ", ".join(filter(None, (model and str(model), runs_on(row.config), *named))) or "all rows"

"""`compare RUN --published TABLE`: figures of papers beside ours, with all that was not the same, and no verdict."""

import argparse
import json
from pathlib import Path

from edgewatt.device_profiles.published import published, published_names
from edgewatt.profiler.calibration.calibration import read_calibration
from edgewatt.profiler.calibration.contents import holds
from edgewatt.profiler.calibration.head import FILE_NAME
from edgewatt.profiler.comparing.published import Beside, BesidePublished, beside_published
from edgewatt.profiler.comparing.published_figures import Figures, figures_in, figures_of
from edgewatt.profiler.comparing.published_ours import Ours, of_calibration, of_run
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.units import format_interval, format_si
from edgewatt.reports.comparison import ratio_text
from edgewatt.reports.escape import printable
from edgewatt.reports.text import text_table

_HEADER = ("model", "", "published", "ours", "95 %", "ours/published", "95 %", "")
_FLUSH_RIGHT = (2, 3, 5)


def run(args: argparse.Namespace) -> int:
    """Print both side by side."""
    found = beside_published(_figures(args.published), _ours(args.old), args.old, args.match or ("model",))
    print(json.dumps(found.to_json(), allow_nan=False) if args.json else as_text(found))
    return found.exit_code


def _figures(table: str) -> Figures:
    if table in published_names():
        return figures_of(published(table), table)
    if holds(Path(table), FILE_NAME):
        return figures_of(read_calibration(table), table)
    return figures_in(table)


def _ours(path: str) -> list[Ours]:
    return of_calibration(read_calibration(path)) if holds(Path(path), FILE_NAME) else of_run(Trace.open(path))


def as_text(found: BesidePublished) -> str:
    """For people: the figures, then what each pair differs in."""
    notes = list(dict.fromkeys(_note(row) for row in found.rows))
    first = f"{'SIMULATED  ' if found.simulated else ''}published {found.published}, ours {found.ours}"
    lines = [printable(first)]
    if found.rows:
        lines.append(text_table(_HEADER, [_cells(row, notes) for row in found.rows], right=_FLUSH_RIGHT))
        lines += [f"[{number}] {printable(note)}" for number, note in enumerate(notes, 1)]
        lines.append("Intervals are ours alone. Energies are gross, with the idle power of the time in them.")
    else:
        lines.append("nothing of ours is what was published")
    return "\n".join([*lines, *(f"not compared: {printable(why)}" for why in found.unmatched), *_notices(found)])


def _notices(found: BesidePublished) -> list[str]:
    return [f"notice: {printable(notice)}" for notice in found.notices]


def _cells(row: Beside, notes: list[str]) -> list[str]:
    value, interval = format_si(row.ours, row.unit), ""
    ratios = ""
    if row.low is not None and row.high is not None:
        value, interval = format_interval(row.ours, row.low, row.high, row.unit)
    if row.ratio_low is not None and row.ratio_high is not None:
        ratios = f"[{ratio_text(row.ratio_low)}, {ratio_text(row.ratio_high)}]"
    what = " ".join(filter(None, (row.quantity, row.energy_source)))
    number = f"[{notes.index(_note(row)) + 1}]"
    shown = format_si(row.published, row.unit)
    return [row.model, what, shown, value, interval, ratio_text(row.ratio), ratios, number]


def _note(row: Beside) -> str:
    differs = ", ".join(f"{key} ({theirs} against {ours})" for key, (theirs, ours) in row.differing.items())
    parts = [
        f"differs: {differs}" if differs else "",
        f"not said by the publication: {', '.join(row.unsaid)}" if row.unsaid else "",
        f"not known of ours: {', '.join(row.unknown)}" if row.unknown else "",
        f"{row.basis}: {row.source}" if row.source else f"{row.basis}, the table does not say where",
    ]
    return "; ".join(part for part in parts if part)

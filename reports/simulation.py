"""What a simulated system comes to, on a terminal: each number with where it is from in its own cell, and its gap."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from edgewatt.reports.escape import printable
from edgewatt.reports.fold import folded
from edgewatt.reports.text import text_table

HEADER: Final = ("", "published", "ours", "95 %", "range")
_WIDTH: Final = 120


def simulation_text(
    system: str, calibration: str, size: str, figures: Sequence[Mapping[str, Any]], notes: Sequence[str] = ()
) -> str:
    """`figures` have the keys of `simulate --json`; `size` says what was simulated, `notes` what was assumed for it."""
    lines = [f"simulated: {printable(system)} on {printable(calibration)}", *folded(f"  {printable(size)}", _WIDTH), ""]
    lines.append(text_table(HEADER, [cells(of) for of in figures], right=(1,)))
    lines += [
        "",
        "range: as all unconfirmed constants vary at once; * the paper's value is confirmed; why ours differs:",
    ]
    for of in figures:
        lines += folded(f"  {printable(of['name'])}: {printable(of['gap'])}", _WIDTH)
    if notes:
        lines += ["", "taken for it:", *(line for note in notes for line in folded(f"  {printable(note)}", _WIDTH))]
    return "\n".join(lines)


def cells(of: Mapping[str, Any]) -> tuple[str, ...]:
    """A row under HEADER."""
    unit = of["unit"]
    published = "" if of["published"] is None else f"{_number(of['published'])} {unit}{'*' if of['headline'] else ' '}"
    if of["ours"] is None:
        return of["name"], published, "not simulated, see below", "", ""
    interval = "" if of["ci_low"] is None else f"{_number(of['ci_low'])} to {_number(of['ci_high'])}"
    span = "" if of["range_low"] is None else f"{_number(of['range_low'])} to {_number(of['range_high'])}"
    return of["name"], published, f"{_number(of['ours'])} {unit}, {of['basis']}", interval, span


def _number(value: float) -> str:
    return f"{value:.3g}"

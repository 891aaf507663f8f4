"""Tables for LaTeX: booktabs' rules, and numbers with their uncertainty as siunitx (version 3) reads them.

Source: siunitx' manual, "Numbers" (compact uncertainties, `1.23(4)`; uncertainty-mode) and "Tabular material" (S
columns, table-format); GUM (JCGM 100) 7.2.6 for at most two digits of an uncertainty.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import BinaryIO, Final

from edgewatt.profiler.quality.table import in_words
from edgewatt.profiler.units import scale_for
from edgewatt.reports.budget import per_cent
from edgewatt.reports.escape import CELL_LIMIT, LINE_LIMIT, printable
from edgewatt.reports.source import Source
from edgewatt.reports.wording import Row, runs_on

_UNCERTAINTY_DIGITS: Final = 2
_DIGITS: Final = 3
_LEAST: Final = 1e-3  # what is smaller has a power of ten instead of zeros
_PREFIX: Final = {"G": r"\giga", "M": r"\mega", "k": r"\kilo", "": "", "m": r"\milli", "µ": r"\micro", "n": r"\nano"}
_UNIT: Final = {"s": r"\second", "J": r"\joule", "W": r"\watt", "B": r"\byte", "°C": r"\degreeCelsius", "": r"\percent"}
_SPECIAL: Final[Mapping[str, str]] = {
    **{c: f"\\{c}" for c in "{}$&#_%"},
    "\\": r"\textbackslash{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"{\char34}",
    "[": "{[}",  # behind the end of a row it would say how much room to leave
    "*": "{*}",  # and this, that the page must not break there
    "`": r"\textasciigrave{}",
    "'": r"\textquotesingle{}",
    "-": "{-}",  # two would be a dash
    "µ": r"\textmu{}",
    "·": r"\textperiodcentered{}",
    "…": r"\ldots{}",
    "\N{MULTIPLICATION SIGN}": r"\texttimes{}",
    "°": r"\textdegree{}",
}
# What every LaTeX since 2018 sets from UTF-8 without a further package: letters with the usual accents.
_ACCENTED: Final = re.compile("[À-ÖØ-öø-ž]")


def escaped(text: str, limit: int = CELL_LIMIT) -> str:
    r"""`text` as plain text of a cell, from at most `limit` characters; what not every LaTeX sets is spelled out.

    >>> escaped("50% of $x_1")
    '50\\% of \\$x\\_1'
    """
    return "".join(_character(c) for c in printable(text, limit))


def _character(c: str) -> str:
    if c in _SPECIAL:
        return _SPECIAL[c]
    return c if c.isascii() or _ACCENTED.match(c) else f"{{[}}U+{ord(c):04X}]"


def compact(value: float, half: float | None) -> str:
    r"""A number as an S column reads it: `12.42(19)` with the uncertainty `half`, three digits without one.

    An uncertainty above half of the value is written out, since `6(49)` is read as a small one.

    >>> compact(12.4231, 0.187), compact(1234.0, 230.0), compact(0.012345, None), compact(0.0000123, None)
    ('12.42(19)', '1230(230)', '0.0123', '1.23e-5')
    >>> print(compact(6.02, 49.3))
    {\num[uncertainty-mode=separate]{6 +- 49}}
    """
    known = half if half is not None and half > 0 and math.isfinite(half) else 0.0
    size = max(abs(value), known)
    power = _places(size) - 1 if 0 < size < _LEAST else 0
    value, known, times = _shifted(value, power), _shifted(known, power), f"e{power}" if power else ""
    if not known:
        return f"{_fixed(value, max(_DIGITS - _places(value), 0))}{times}"
    decimals = _UNCERTAINTY_DIGITS - _places(known)
    decimals = _UNCERTAINTY_DIGITS - _places(
        float(_fixed(known, decimals))
    )  # 0.0996 becomes 0.10, and that has one less
    number, uncertain = _fixed(value, decimals), _fixed(known, decimals)
    if known > abs(value) / 2:
        return rf"{{\num[uncertainty-mode=separate]{{{number} +- {uncertain}{times}}}}}"
    return f"{number}({int(Decimal(uncertain).scaleb(max(decimals, 0)))}){times}"


def _shifted(value: float, power: int) -> float:
    """`value` in units of a power of ten."""
    return float(Decimal(repr(value)).scaleb(-power))


def _places(value: float) -> int:
    """Digits before the point; of a value below 1 less the zeros behind it: 2 for 12.3, 0 for 0.5, -1 for 0.05."""
    return 1 if not value else math.floor(math.log10(abs(value))) + 1


def _fixed(value: float, decimals: int) -> str:
    """In plain digits, rounded to so many decimals; to tens or hundreds if these are below 0."""
    rounded = round(Decimal(repr(value)), decimals) + 0  # there is no -0
    return f"{rounded:.{max(decimals, 0)}f}"


@dataclass(frozen=True, slots=True)
class _Number:
    """A column of numbers: a value and half of its 95 % interval, in `unit` with the prefix that suits `like`."""

    title: str
    unit: str
    value: Callable[[Row], float | None]
    half: Callable[[Row], float | None] = lambda _row: None
    like: str = ""
    cell: Callable[[float, float | None], str] = compact


@dataclass(frozen=True, slots=True)
class _Text:
    """A column of text, not yet escaped."""

    title: str
    text: Callable[[Row], str]
    limit: int = CELL_LIMIT


def _mean(title: str, name: str, unit: str, like: str = "") -> _Number:
    return _Number(title, unit, lambda row: row[f"{name}_mean"], lambda row: _half(row, name, ("low", "high")), like)


def _half(row: Row, name: str, ends: tuple[str, str]) -> float | None:
    """Half of an interval, the longer one where they differ."""
    mean, low, high = (row[f"{name}_{end}"] for end in ("mean", *ends))
    return None if None in {mean, low, high} else max(high - mean, mean - low)


def _plain(title: str, name: str, unit: str, like: str = "") -> _Number:
    return _Number(title, unit, lambda row: row[name], like=like)


def _where(row: Row) -> str:
    parts = (row["energy_source"], (row["energy_boundary"] or "").replace("_", " "))
    return ", ".join(part for part in parts if part)


_CONFIGURATION: Final = (
    _Text("Device", lambda row: f"{'SIMULATED ' if row['simulated'] else ''}{row['device'] or ''}"),
    _Text("Model", lambda row: row["model"] or ""),
    _Text("Runs on", runs_on, 2 * CELL_LIMIT),
)
_FROM: Final = (_Text("Energy from", _where),)
_END: Final = (_plain("Peak memory", "memory_peak_b", "B"), _Text("Quality", lambda row: row["quality"] or ""))
_ACCURACY: Final = ("accuracy_low", "accuracy_high")
_COLUMNS: Final[Mapping[str, Sequence[_Number | _Text]]] = {
    "results": (
        *_CONFIGURATION,
        _mean("Latency", "latency_s", "s"),
        _plain("p90", "latency_s_p90", "s", "latency_s_mean"),
        _plain("p99", "latency_s_p99", "s", "latency_s_mean"),
        *_FROM,
        _mean("Energy", "energy_gross_j", "J"),
        _Number("Accuracy", "J", lambda row: _half(row, "energy_gross_j", _ACCURACY), like="energy_gross_j_mean"),
        _mean("Above idle", "energy_net_j", "J", "energy_gross_j_mean"),
        _plain("Power", "power_w", "W"),
        *_END,
    ),
    "repeats": (
        *_CONFIGURATION,
        _Text("Repeat", lambda row: str(row["repeat"])),
        _plain("Latency", "latency_s", "s"),
        *_FROM,
        _plain("Energy", "energy_gross_j", "J"),
        _plain("Above idle", "energy_net_j", "J"),
        _plain("Power", "power_w", "W"),
        _plain("Begins at", "temperature_start_c", "°C"),
        _plain("Ends at", "temperature_end_c", "°C"),
        *_END,
    ),
    "budget": (
        _Text("Configuration", lambda row: row["config_id"]),
        _Text("Energy from", lambda row: row["energy_source"] or ""),
        _Text("Interval of", lambda row: f"{row['quantity']}, {row['interval']}"),
        _Text("Term", lambda row: row["term"]),
        _Text("Kind", lambda row: row["kind"]),
        _plain("u", "u_j", "J"),
        _Number("Share of variance", "", lambda row: row["variance_ratio"], cell=lambda ratio, _half: per_cent(ratio)),
    ),
}
_PARTS: Final = re.compile(r"(<?) ?(-?)(\d+)(?:\.(\d+))?(?:\((\d+)\))?(?:e-(\d+))?")
_UNITLESS: Final = ("", "°C")  # a prefix would make a per cent or a degree something else


def write_latex(source: Source, file: BinaryIO) -> None:
    r"""A `tabular` to be read by `\input`; blank where nothing was measured, with the reasons as comments.

    A value's uncertainty is half of its 95 % interval; its unit stands in the head of its column.
    """
    rows = source.rows().to_pylist()
    made = [_column(column, rows) for column in _COLUMNS[source.table]]
    used = [(head, cells) for head, cells in made if any(cells)]
    simulated = _simulated(source, rows)
    lines = [
        f"% {_provenance(source)}",
        r"% needs \usepackage{booktabs} and \usepackage{siunitx} (version 3)",
        "% in brackets (units of the last digits) or behind +-: half of the 95 % interval; Accuracy: against the truth",
        *(f"% {comment}" for comment in _reasons(rows)),
        f"\\begin{{tabular}}{{{''.join(spec for (spec, _), _ in used)}}}",
        r"\toprule",
        *([f"\\multicolumn{{{len(used)}}}{{l}}{{\\textbf{{{simulated}}}}} \\\\", r"\midrule"] if simulated else []),
        " & ".join(title for (_, title), _ in used) + r" \\",
        r"\midrule",
        *(" & ".join(cells[place] for _, cells in used) + r" \\" for place in range(len(rows))),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    file.write("".join(f"{line}\n" for line in lines).encode())


def _column(column: _Number | _Text, rows: Sequence[Row]) -> tuple[tuple[str, str], list[str]]:
    """What stands in the preamble and in the head, and a cell per row ("" where nothing was measured)."""
    if isinstance(column, _Text):
        return ("l", escaped(column.title)), [escaped(column.text(row), column.limit) for row in rows]
    values = [_finite(column.value(row)) for row in rows]
    sized = [_finite(row[column.like]) for row in rows] if column.like else values
    known = [value for value in sized if value is not None]
    size = max(map(abs, known), default=0.0)
    factor, prefix = (1.0, "") if column.unit in _UNITLESS else scale_for(size, column.unit)
    halves = [_finite(column.half(row)) for row in rows]
    cells = [
        "" if value is None else column.cell(value / factor, None if half is None else half / factor)
        for value, half in zip(values, halves, strict=True)
    ]
    title = f"{{{escaped(column.title)} (\\unit{{{_PREFIX[prefix]}{_UNIT[column.unit]}}})}}"
    return (f"S[table-format={_format(cells)}]", title), cells


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _format(cells: Sequence[str]) -> str:
    """`2.2(2)`: the room that the widest of each part needs; what stands in braces finds its own."""
    parts = [_PARTS.fullmatch(cell) for cell in cells]
    groups = [match.groups(default="") for match in parts if match]
    sign = "".join(sign for n, sign in enumerate("<-") if any(group[n] for group in groups))
    whole, decimals, uncertain, power = (max((len(group[n]) for group in groups), default=0) for n in (2, 3, 4, 5))
    more = f"({uncertain})" if uncertain else ""
    return f"{sign}{whole or 1}.{decimals}{more}" + (f"e-{power}" if power else "")


def _simulated(source: Source, rows: Sequence[Row]) -> str:
    """SIMULATED above the whole table; of rows of both kinds each says it of itself too."""
    if not any(run.manifest.simulated for run in source.runs) and not any(row.get("simulated") for row in rows):
        return ""
    part = any(row.get("simulated") is False for row in rows)
    return "SIMULATED in part: see the devices" if part else "SIMULATED"


def _provenance(source: Source) -> str:
    runs = ", ".join(f"{run.path.name} ({run.manifest.created})" for run in source.runs)
    versions = sorted({str(run.manifest.versions.get("edgewatt", "of unknown version")) for run in source.runs})
    return printable(f"{source.table} of {runs} by edgewatt {', '.join(versions)}")


def _reasons(rows: Sequence[Row]) -> list[str]:
    reasons = dict.fromkeys(reason for row in rows for reason in row.get("quality_reasons") or () if reason)
    return [printable(in_words(reason), LINE_LIMIT) for reason in reasons]

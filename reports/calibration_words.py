"""How a calibration says its fits in words, the same on the terminal and on a page."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from edgewatt.reports.wording import counted

Row = Mapping[str, Any]

_TERMS: Final = 4
_ROUNDING: Final = 1e-12  # of a value: what is left of a fit through as many observations as it has terms
_UNITS: Final = {"w": "W", "j": "J", "hz": "Hz", "b_per_s": "B/s", "k_per_w": "K/W", "w_per_k": "W/K", "c": "C"}


def fits_of(rows: Sequence[Row]) -> dict[tuple[str, str, str, str], list[Row]]:
    """The rows of `fits` by what they are coefficients of: device_id, fit, of what, energy source; blank for null."""
    groups: dict[tuple[str, str, str, str], list[Row]] = {}
    for row in rows:
        key = (row["device_id"] or "", row["fit"] or "", row["of"] or "", row["energy_source"] or "")
        groups.setdefault(key, []).append(row)
    return groups


def terms(rows: Sequence[Row], limit: int = _TERMS) -> str:
    """The coefficients of a fit with their intervals; of a fit with more than `limit` how many there are."""
    if len(rows) > limit:
        return counted(len(rows), "term")
    return ", ".join(
        f"{row['term']} {number(row['value'])}{_interval(row)} {unit_of(row['unit'])}".rstrip() for row in rows
    )


def quality_of_fit(rows: Sequence[Row]) -> str:
    """Where it holds and how well it fits, of the fit as a whole: the same in each of its terms."""
    parts = []
    for row in rows[:1]:
        if row["valid_low"] is not None and row["valid_high"] is not None:
            over, low, high = row["over"] or "values", f"{row['valid_low']:.4g}", f"{row['valid_high']:.4g}"
            parts.append(f"valid at {over} {low}" if low == high else f"valid for {over} {low} to {high}")
        if row["residual"] is not None:
            is_rounding = row["value"] is not None and abs(row["residual"]) < _ROUNDING * abs(row["value"])
            residual = number(0.0 if is_rounding else row["residual"])
            parts.append(f"residual {residual} {unit_of(row['residual_unit'])}".rstrip())
        if row["observations_n"] is not None:
            parts.append(counted(row["observations_n"], "observation"))
    return ", ".join(parts) or "nobody says how well it fits"


def blank(table: str, columns: Sequence[str], *, is_there: bool) -> str:
    """What is blank of a table; all of it where it has no row."""
    return f"{table} ({', '.join(columns)})" if is_there else table


def unit_of(name: str | None) -> str:
    """A unit as people write it, from the end of a column's name."""
    return _UNITS.get(name or "", name or "")


def number(value: float | None) -> str:
    """Three digits; `unknown` for None."""
    return "unknown" if value is None else f"{value:.3g}"


def _interval(row: Row) -> str:
    if row["low"] is None or row["high"] is None:
        return ""
    return f" [{number(row['low'])}, {number(row['high'])}]"

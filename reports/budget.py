"""What the uncertainty of an energy is made of: the line of an answer, and the same for a program."""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from edgewatt.profiler.storage.manifest import plain
from edgewatt.profiler.units import format_si
from edgewatt.reports.wording import Row

_OF_TERM: Final = ("term", "kind", "u_j", "df_n", "variance_ratio", "shrinks")
_OF_INTERVAL: Final = ("combined_u_j", "combined_df_n", "coverage_factor_ratio", "half_width_j", "is_refused")
_LEAST_PERCENT: Final = 0.05  # rounds to 0.1
_KEY: Final = ("config_id", "energy_source", "quantity", "interval")


def of_row(budget: Sequence[Row], row: Row, quantity: str, interval: str) -> list[Row]:
    """The terms of one interval of a row of the results."""
    key = (row["config_id"], row["energy_source"], quantity, interval)
    return [term for term in budget if tuple(term[name] for name in _KEY) == key]


def in_a_line(budget: Sequence[Row], row: Row) -> tuple[str, str, str] | None:
    """Of gross energy: u, the term that dominates with its share, and degrees of freedom with what would shrink it.

    Accuracy is said where another term dominates it. None for a row without a budget.
    """
    own = _largest(of_row(budget, row, "energy_gross_j", "repeatability"))
    if own is None:
        return None
    accuracy = _largest(of_row(budget, row, "energy_gross_j", "accuracy"))
    remark = f"{degrees(own['combined_df_n'])}: {own['shrinks']}"
    if accuracy is not None and accuracy["term"] != own["term"]:
        remark += f"; accuracy {format_si(accuracy['combined_u_j'], 'J')}, {_share(accuracy)}: {accuracy['shrinks']}"
    return format_si(own["combined_u_j"], "J"), _share(own), remark


def per_cent(ratio: float) -> str:
    """A share in per cent, to a tenth; what is no zero is not shown as one.

    >>> per_cent(0.9731), per_cent(0.00000012), per_cent(0.0)
    ('97.3', '< 0.1', '0.0')
    """
    percent = 100 * ratio
    return "< 0.1" if 0 < percent < _LEAST_PERCENT else f"{percent:.1f}"


def degrees(df: float | None) -> str:
    """Degrees of freedom in words; what was not estimated has any number of them."""
    if df is None or math.isinf(df):
        return "known, not estimated"
    shown = f"{df:.3g}"
    return f"{shown} degree{'' if shown == '1' else 's'} of freedom"


def together(term: Row) -> str:
    """The whole interval that a term belongs to: `u 0.2 mJ, 4 degrees of freedom, k 2.78, half-width 0.6 mJ`."""
    k, df = term["coverage_factor_ratio"], degrees(term["combined_df_n"])
    half = format_si(term["half_width_j"], "J")
    return f"u {format_si(term['combined_u_j'], 'J')}, {df}, k {k:.2f}, half-width {half}"


def as_json(budget: Sequence[Row]) -> list[dict[str, Any]]:
    """One object per interval, its terms in a list; infinitely many degrees of freedom are null."""
    return [
        {
            **dict(zip(_KEY, key, strict=True)),
            **{name: plain(terms[0][name], name) for name in _OF_INTERVAL},
            "dominating": next((term["term"] for term in terms if term["dominates"]), None),
            "terms": [{name: plain(term[name], name) for name in _OF_TERM} for term in terms],
        }
        for key, terms in by_interval(budget)
    ]


def by_interval(budget: Sequence[Row]) -> Iterator[tuple[tuple[Any, ...], list[Mapping[str, Any]]]]:
    """The terms of each interval, under its config_id, energy source, quantity and kind of interval."""
    for key, terms in groupby(budget, key=lambda row: tuple(row[name] for name in _KEY)):
        yield key, list(terms)


def _largest(terms: Sequence[Row]) -> Row | None:
    return next((term for term in terms if term["dominates"]), None)


def _share(term: Row) -> str:
    return f"{100 * term['variance_ratio']:.0f} % {term['term']}"

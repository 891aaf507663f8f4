"""The rows of budget.parquet: what each interval of the results is made of, term by term."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from edgewatt.profiler.analysis.results import Analysis, energies_of
from edgewatt.profiler.energy.budget import Estimate, budget_of
from edgewatt.profiler.energy.terms import (
    SHRINKS,
    Term,
    combined_u_j,
    coverage_factor,
    dominating,
    effective_df,
    half_width_j,
    shares,
)

REPEATABILITY: Final = "repeatability"
ACCURACY: Final = "accuracy"
GROSS: Final = "energy_gross_j"
NET: Final = "energy_net_j"


def budget_rows(analysis: Analysis) -> list[dict[str, Any]]:
    """One row per configuration, energy source, quantity, interval and term, as tables.BUDGET has it.

    Of an estimate that is refused because its interval is too wide the terms are there all the same: they say why. An
    accuracy interval has the terms of repeatability and its own; there is none while the sensor's gain is unknown.
    """
    rows = []
    for config_id, of_config in analysis.places().items():
        for seen in analysis.seen:
            energies = energies_of(analysis, seen, of_config)
            if not energies or seen.instrument is None or seen.source is None:
                continue
            budget = budget_of(energies, seen.idle, seen.instrument)
            about = {"config_id": config_id, "energy_source": seen.source.name}
            for quantity, estimate in ((GROSS, budget.gross), (NET, budget.net)):
                if estimate is not None:
                    rows += [{**about, "quantity": quantity, **row} for row in _of_estimate(estimate)]
    return rows


def _of_estimate(estimate: Estimate) -> Iterator[dict[str, Any]]:
    yield from _of_interval(REPEATABILITY, estimate.terms, estimate)
    if estimate.of_accuracy is not None:
        yield from _of_interval(ACCURACY, (*estimate.terms, *estimate.of_accuracy), estimate)


def _of_interval(interval: str, terms: Sequence[Term], estimate: Estimate) -> Iterator[dict[str, Any]]:
    largest = dominating(terms)
    whole = {
        "combined_u_j": combined_u_j(terms),
        "combined_df_n": effective_df(terms),
        "coverage_factor_ratio": coverage_factor(terms),
        "half_width_j": half_width_j(terms),
        "is_refused": estimate.is_too_wide,
    }
    for term, share in zip(terms, shares(terms), strict=True):
        yield {
            "interval": interval,
            "term": term.name,
            "kind": term.kind,
            "u_j": term.u_j,
            "df_n": term.df,
            "variance_ratio": share,
            "dominates": term is largest,
            "shrinks": SHRINKS[term.name],
            **whole,
        }

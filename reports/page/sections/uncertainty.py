"""What the uncertainty of each energy is made of, which part is the largest, and what would shrink it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from edgewatt.profiler.units import format_si
from edgewatt.reports.budget import by_interval, degrees, per_cent, together
from edgewatt.reports.page.section import PALETTE, Plot, Section, ToldRun
from edgewatt.reports.page.sections.configurations import BLOCKS_LIMIT, Configuration, configurations
from edgewatt.reports.page.sections.plotting import (
    HATCHES,
    bars_height,
    distinct,
    legend_outside,
    new_figure,
    plot_text,
)
from edgewatt.reports.page.sections.table import Table
from edgewatt.reports.page.templates import Name, render
from edgewatt.reports.wording import Row

PLOTS_LIMIT: Final = 6
_HEADER: Final = ("interval", "term", "kind", "u", "degrees of freedom", "share of variance", "what would shrink it")
_WHOLE: Final = ("interval", "together", "dominates", "")
_QUANTITIES: Final = {"energy_gross_j": "energy", "energy_net_j": "above idle"}

Terms = Sequence[Mapping[str, Any]]


def section(runs: Sequence[ToldRun]) -> Section | None:
    """The budget of every interval of energy; None where no run has one."""
    if not any(run.budget for run in runs):
        return None
    budgets = {id(run): _by_config(run) for run in runs}
    blocks: list[dict[str, Any]] = []
    plots: list[Plot] = []
    every = [one for one in configurations(runs) if one.config_id in budgets[id(one.run)]]
    for one in every[:BLOCKS_LIMIT]:
        found = budgets[id(one.run)][one.config_id]
        table = Table(_HEADER, [row for name, terms in found for row in _rows(name, terms)], (3, 4, 5))
        plot = None
        if len(plots) < PLOTS_LIMIT and any(_share(term) for _, terms in found for term in terms):
            plot = _plot(one, found, f"uncertainty-{len(plots)}", table)
            plots.append(plot)
        whole = Table(_WHOLE, [_together(name, terms) for name, terms in found])
        blocks.append({"label": one.label, "plot": plot, "table": table, "whole": whole})
    if not blocks:
        return None
    html = render(
        __package__, "uncertainty.html", blocks=blocks, several=len(blocks) > 1, more=len(every) - BLOCKS_LIMIT
    )
    return Section("uncertainty", "Uncertainty budget", html, plots)


def _by_config(run: ToldRun) -> dict[str, list[tuple[str, Terms]]]:
    """The intervals of each configuration, in words, with their terms."""
    found: dict[str, list[tuple[str, Terms]]] = {}
    for key, terms in by_interval(run.budget):
        found.setdefault(key[0], []).append((_interval(key), terms))
    return found


def _interval(key: Sequence[Any]) -> str:
    """`phone/battery: energy, repeatability`."""
    _, source, quantity, kind = key
    return f"{source}: {_QUANTITIES.get(quantity, quantity)}, {kind}"


def _rows(name: str, terms: Terms) -> list[list[Any]]:
    return [
        [
            Name(name, 90),
            term["term"],
            term["kind"],
            format_si(term["u_j"], "J"),
            degrees(term["df_n"]).removesuffix(" of freedom").removesuffix("s").removesuffix(" degree"),
            f"{per_cent(_share(term))} %",
            term["shrinks"] or "",
        ]
        for term in terms
    ]


def _together(name: str, terms: Terms) -> list[Any]:
    largest = next((term for term in terms if term["dominates"]), None)
    refused = "too wide: the value is not given" if any(term["is_refused"] for term in terms) else ""
    if largest is None:
        return [Name(name, 90), together(terms[0]), "no term", refused]
    return [Name(name, 90), together(largest), f"{largest['term']}: {largest['shrinks'] or ''}", refused]


def _share(term: Row | Mapping[str, Any]) -> float:
    return float(term["variance_ratio"] or 0.0)


def _plot(one: Configuration, found: Sequence[tuple[str, Terms]], place: str, table: Table) -> Plot:
    """One bar per interval, as long as 100 %, of the shares of its terms."""
    words = list(dict.fromkeys(term["term"] for _, terms in found for term in terms))
    names = distinct(name for name, _ in found)
    made = new_figure(
        "share of the variance (%)", "", height=bars_height(len(found)) + 80, y_range=list(reversed(names)),
        x_range=(0, 100), tips=[("", "@name"), ("term", "@term"), ("share", "@share %"), ("u", "@u")],
    )  # fmt: skip
    for k, word in enumerate(words):
        data: dict[str, list[Any]] = {"name": [], "left": [], "right": [], "term": [], "share": [], "u": []}
        for name, (_, terms) in zip(names, found, strict=True):
            left = 0.0
            for term in sorted(terms, key=lambda of: words.index(of["term"])):
                share = 100 * _share(term)
                if term["term"] == word and share > 0:
                    values = (
                        name,
                        left,
                        left + share,
                        plot_text(word),
                        per_cent(share / 100),
                        format_si(term["u_j"], "J"),
                    )
                    for column, value in zip(data, values, strict=True):
                        data[column].append(value)
                left += share
        if data["name"]:
            made.hbar(
                source=data, y="name", left="left", right="right", height=0.6, line_color="white",
                fill_color=PALETTE[k % len(PALETTE)], hatch_pattern=HATCHES[k % len(HATCHES)], hatch_color="white",
                hatch_alpha=0.6, legend_label=plot_text(word),
            )  # fmt: skip
    legend_outside(made)
    return Plot(place, f"{plot_text(one.label, 120)}: {_finding(found)}", made, str(table))


def _finding(found: Sequence[tuple[str, Terms]]) -> str:
    name, terms = found[0]
    largest = next((term for term in terms if term["dominates"]), terms[0])
    return (
        f"of the variance of {plot_text(name, 80)}, {100 * _share(largest):.0f} % is {plot_text(largest['term'])}; "
        f"what would shrink it: {plot_text(largest['shrinks'] or 'nothing known', 120)}"
    )

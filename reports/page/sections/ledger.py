"""Energy by rail as a ledger: what lies inside what, what adds up to what, and the rest. Nothing is counted twice."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, Final

from edgewatt.profiler.units import format_si
from edgewatt.reports.boundaries import meaning
from edgewatt.reports.ledger import Entry, Rest, ledger_of
from edgewatt.reports.page.section import PALETTE, Plot, Section, ToldRun
from edgewatt.reports.page.sections.configurations import BLOCKS_LIMIT, Configuration, configurations
from edgewatt.reports.page.sections.plotting import (
    HATCHES,
    axis_unit,
    bars_height,
    distinct,
    legend_outside,
    new_figure,
    plot_text,
    whiskers,
)
from edgewatt.reports.page.sections.table import Table
from edgewatt.reports.page.templates import Name, render
from edgewatt.reports.truth import Truth, off_by, truth_of
from edgewatt.reports.wording import Row, accuracy_of, mean_of

PLOTS_LIMIT: Final = 8
_HEADER: Final = ("energy of", "boundary", "made of", "energy", "95 %", "accuracy", "above idle", "truth", "off by")


def section(runs: Sequence[ToldRun]) -> Section | None:
    """The ledger of every configuration with energy; None where there is none at all."""
    every = [one for one in configurations(runs) if any(row["energy_gross_j_mean"] is not None for row in one.rows)]
    if not every:
        return None
    truths = {id(run): truth_of(run.trace) for run in runs}
    blocks: list[dict[str, Any]] = []
    plots: list[Plot] = []
    for place, one in enumerate(every[:BLOCKS_LIMIT]):
        entries = ledger_of(one.run.trace, one.rows, one.every_repeat)
        table = _table(entries, truths[id(one.run)])
        if place < PLOTS_LIMIT:
            plots.append(_plot(one, entries, f"ledger-{place}", table))
        blocks.append({
            "label": one.label,
            "plot": plots[place] if place < PLOTS_LIMIT else None,
            "table": table,
            "warnings": [_exceeds(rest) for entry in entries if (rest := entry.rest) and rest.is_negative],
        })  # fmt: skip
    html = render(__package__, "ledger.html", blocks=blocks, several=len(every) > 1, more=len(every) - BLOCKS_LIMIT)
    return Section("ledger", "Energy by rail", html, plots)


def _table(entries: Sequence[Entry], truth: Truth) -> Table:
    return Table(_HEADER, [row for entry in entries for row in _rows(entry, truth)], range(3, 9))


def _rows(entry: Entry, truth: Truth) -> Iterator[list[Any]]:
    row = entry.row
    truth_j = truth.energy_j(row)
    boundary = row["energy_boundary"] or ""
    yield [
        Name(f"{'└ ' * entry.depth}{row['energy_source']}"),
        boundary.replace("_", " "),
        Name(" + ".join(entry.made_of) + (f"; covers {', '.join(entry.covers)}" if entry.covers else ""), 120),
        *(mean_of(row, "energy_gross_j", "J") if row["energy_gross_j_mean"] is not None else ("", "not measured")),
        accuracy_of(row, "energy_gross_j", "J").removeprefix("accuracy "),
        None if row["energy_net_j_mean"] is None else format_si(row["energy_net_j_mean"], "J"),
        None if truth_j is None else format_si(truth_j, "J"),
        off_by(row, truth_j).removeprefix("off by "),
    ]
    if entry.rest is not None:
        yield [
            f"{'└ ' * (entry.depth + 1)}the rest",
            "",
            f"{row['energy_source']} less what lies inside it: what no source here sees, and regulators' losses",
            *entry.rest.told,
            *[None] * 4,
        ]


def _exceeds(rest: Rest) -> str:
    return (
        f"The parts inside {rest.of} come to more than it by {format_si(-rest.mean_j, 'J')}: the gain of a sensor is "
        "off, or they were not sampled alike."
    )


def _plot(one: Configuration, entries: Sequence[Entry], place: str, table: Table) -> Plot:
    """A bar per source with its intervals, coloured and hatched by boundary; the rest of what holds others below it."""
    bars = [bar for entry in entries for bar in _bars(entry)]
    factor, unit = axis_unit([bar["high"] or bar["energy"] for bar in bars], "J")
    names = distinct(bar["name"] for bar in bars)
    made = new_figure(
        f"energy per inference ({unit})",
        "",
        height=bars_height(len(bars)) + 30,
        y_range=list(reversed(names)),
        tips=[("", "@name"), ("energy", "@shown"), ("boundary", "@boundary")],
    )
    for k, (boundary, of) in enumerate(groupby(sorted(zip(names, bars, strict=True), key=_boundary), key=_boundary)):
        some = list(of)
        data = {
            "name": [name for name, _ in some],
            "energy": [bar["energy"] / factor for _, bar in some],
            **{
                end: [None if bar[end] is None else bar[end] / factor for _, bar in some]
                for end in ("low", "high", "accuracy_low", "accuracy_high")
            },
            "shown": [bar["shown"] for _, bar in some],
            "boundary": [boundary for _ in some],
        }
        look = {"fill_color": PALETTE[k % len(PALETTE)], "hatch_pattern": HATCHES[k % len(HATCHES)]}
        label = boundary.replace("_", " ")
        made.hbar(
            source=data, y="name", right="energy", height=0.6, line_color=None, hatch_color="white",
            hatch_alpha=0.6, legend_label=label, **look,
        )  # fmt: skip
        whiskers(made, data, along="x", low="low", high="high", at="name")
        whiskers(made, data, along="x", low="accuracy_low", high="accuracy_high", at="name", line_width=1)
    legend_outside(made)
    return Plot(place, _finding(one, entries), made, str(table))


def _boundary(named: tuple[str, dict[str, Any]]) -> str:
    return str(named[1]["boundary"])


def _bars(entry: Entry) -> Iterator[dict[str, Any]]:
    row = entry.row
    if row["energy_gross_j_mean"] is not None:
        ends = {end: row[f"energy_gross_j_{end}"] for end in ("low", "high", "accuracy_low", "accuracy_high")}
        yield {
            "name": f"{'└ ' * entry.depth}{row['energy_source']}",
            "energy": row["energy_gross_j_mean"],
            "shown": " ".join(mean_of(row, "energy_gross_j", "J")),
            "boundary": row["energy_boundary"] or "unknown",
            **ends,
        }
    if entry.rest is not None and not entry.rest.is_negative:
        yield {
            "name": f"{'└ ' * (entry.depth + 1)}the rest of {row['energy_source']}",
            "energy": entry.rest.mean_j,
            "low": entry.rest.low_j,
            "high": entry.rest.high_j,
            "accuracy_low": None,
            "accuracy_high": None,
            "shown": " ".join(entry.rest.told),
            "boundary": "difference",
        }


def _finding(one: Configuration, entries: Sequence[Entry]) -> str:
    known = [entry.row for entry in entries if entry.row["energy_gross_j_mean"] is not None]
    first = known[0]
    inner = [row for row in known if row["energy_boundary"] == "rail"]
    said = f"{plot_text(one.label, 120)}: {format_si(first['energy_gross_j_mean'], 'J')} at {_at(first)}"
    if len(inner) > 1:
        most = max(inner, key=lambda row: row["energy_gross_j_mean"])
        said += f"; of the rails, {plot_text(most['energy_source'])} takes the most, "
        said += format_si(most["energy_gross_j_mean"], "J")
    return f"{said}. Thick intervals: repeatability; thin: accuracy"


def _at(row: Row) -> str:
    boundary = row["energy_boundary"] or "unknown"
    return f"{plot_text(row['energy_source'])} ({meaning(boundary)})"

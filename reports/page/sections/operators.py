"""Bars per operator: how long each takes, and its energy with its interval where that was told apart."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from edgewatt.profiler.operator_energy.table import ALLOCATED
from edgewatt.profiler.units import format_interval, format_si
from edgewatt.reports.operator_table import operators_table
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
from edgewatt.reports.wording import Row

# Bars of one figure; of a longer network those that take the most, in the order of execution.
BARS_LIMIT: Final = 40
PLOTS_LIMIT: Final = 8
_HEADER: Final = ("index", "operator", "name", "latency", "energy", "95 %", "basis")
_BASES: Final = ("measured", "group", ALLOCATED)
_SAID: Final = {
    "measured": "told apart from all others",
    "group": "the sum of a group whose members cannot be told apart, at the first of them",
    ALLOCATED: "a share of the network's energy by time, as if power were the same in all operators",
}


def section(runs: Sequence[ToldRun]) -> Section | None:
    """The operators of every configuration of which anything is known but their names; None where nothing is."""
    by_config = {id(run): _by_config(run.operators) for run in runs}
    blocks: list[dict[str, Any]] = []
    plots: list[Plot] = []
    every = [
        (one, rows) for one in configurations(runs) if (rows := _known(by_config[id(one.run)].get(one.config_id, [])))
    ]
    for one, rows in every[:BLOCKS_LIMIT]:
        table = Table(_HEADER, [_cells(row) for row in rows], (0, 3, 4, 5))
        plot = None
        if len(plots) < PLOTS_LIMIT:
            plot = _plot(one, rows, f"operators-{len(plots)}", table)
            plots.append(plot)
        blocks.append({"label": one.label, "plot": plot, "table": table})
    told = [(run.label, _told(run)) for run in runs]
    if not blocks and not any(of for _, of in told):
        return None
    html = render(
        __package__,
        "operators.html",
        blocks=blocks,
        several=len(runs) > 1,
        more=len(every) - BLOCKS_LIMIT,
        told=[(label, of) for label, of in told if of],
        bases=[
            (basis, _SAID[basis]) for basis in _BASES if any(basis == row["basis"] for r in runs for row in r.operators)
        ],
    )
    return Section("operators", "Operators", html, plots)


def _by_config(operators: Sequence[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in operators:
        found.setdefault(row["config_id"], []).append(row)
    return found


def _known(rows: list[Row]) -> list[Row]:
    """The rows, if more than names is known of any; else none."""
    return rows if any(row["latency_s"] is not None or row["energy_j"] is not None for row in rows) else []


def _told(run: ToldRun) -> dict[str, Any] | None:
    """The solved designs, or shares, as the terminal says them."""
    found = operators_table(run.trace)
    if found is None:
        return None
    table = Table(found.titles, found.rows, (2, 3, 4)) if found.titles else None
    return {"head": found.head, "table": table, "notices": found.notices}


def _cells(row: Row) -> list[Any]:
    return [
        row["index"],
        Name(row["op"]),
        Name(row["name"]),
        None if row["latency_s"] is None else format_si(row["latency_s"], "s"),
        *_joules(row),
        row["basis"] if row["basis"] != "group" else Name(f"group {row['group'] or ''}"),
    ]


def _joules(row: Row) -> tuple[str | None, str | None]:
    if row["energy_j"] is None:
        return None, None
    if row["energy_low_j"] is None or row["energy_high_j"] is None:
        return format_si(row["energy_j"], "J"), "no interval"
    return format_interval(row["energy_j"], row["energy_low_j"], row["energy_high_j"], "J")


def _plot(one: Configuration, rows: Sequence[Row], place: str, table: Table) -> Plot:
    shown = _largest(rows)
    names = dict(zip((row["index"] for row in shown), distinct(_name(row) for row in shown), strict=True))
    figures = [*_times(shown, names), *_energies(shown, names)]
    left_out = f" The {len(shown)} largest of {len(rows)}." if len(shown) < len(rows) else ""
    return Plot(place, f"{plot_text(one.label, 120)}: {_finding(rows)}.{left_out}", figures, str(table))


def _largest(rows: Sequence[Row]) -> list[Row]:
    """At most BARS_LIMIT rows with a value, those with the most of it, in the order of execution."""
    known = [row for row in rows if row["latency_s"] is not None or row["energy_j"] is not None]
    largest = sorted(known, key=lambda row: (row["energy_j"] or 0.0, row["latency_s"] or 0.0), reverse=True)[
        :BARS_LIMIT
    ]
    by_time = sorted(known, key=lambda row: row["latency_s"] or 0.0, reverse=True)
    largest += [row for row in by_time if row not in largest][: BARS_LIMIT - len(largest)]
    return sorted(largest, key=lambda row: row["index"])


def _name(row: Row) -> str:
    group = f" ({row['group']})" if row["basis"] == "group" and row["group"] else ""
    return f"{row['index']} {row['op'] or row['name'] or ''}{group}"


def _times(rows: Sequence[Row], names: dict[int, str]) -> Iterator[Any]:
    timed = [row for row in rows if row["latency_s"] is not None]
    if not timed:
        return
    factor, unit = axis_unit([row["latency_s"] for row in timed], "s")
    made = new_figure(
        f"latency ({unit})", "", height=bars_height(len(timed)),
        y_range=list(reversed([names[row["index"]] for row in timed])),
        tips=[("", "@name"), ("latency", "@shown")],
    )  # fmt: skip
    data = {
        "name": [names[row["index"]] for row in timed],
        "latency": [row["latency_s"] / factor for row in timed],
        "shown": [format_si(row["latency_s"], "s") for row in timed],
    }
    made.hbar(source=data, y="name", right="latency", height=0.6, fill_color=PALETTE[5], line_color=None)
    yield made


def _energies(rows: Sequence[Row], names: dict[int, str]) -> Iterator[Any]:
    known = [row for row in rows if row["energy_j"] is not None]
    if not known:
        return
    factor, unit = axis_unit([row["energy_high_j"] or row["energy_j"] for row in known], "J")
    made = new_figure(
        f"energy ({unit})", "", height=bars_height(len(known)) + 30,
        y_range=list(reversed([names[row["index"]] for row in known])),
        tips=[("", "@name"), ("energy", "@shown"), ("basis", "@basis")],
    )  # fmt: skip
    for k, basis in enumerate(_BASES):
        some = [row for row in known if row["basis"] == basis]
        if not some:
            continue
        data = {
            "name": [names[row["index"]] for row in some],
            "energy": [row["energy_j"] / factor for row in some],
            "low": [None if row["energy_low_j"] is None else row["energy_low_j"] / factor for row in some],
            "high": [None if row["energy_high_j"] is None else row["energy_high_j"] / factor for row in some],
            "shown": [" ".join(filter(None, _joules(row))) for row in some],
            "basis": [basis for _ in some],
        }
        made.hbar(
            source=data, y="name", right="energy", height=0.6, line_color=None, fill_color=PALETTE[k],
            hatch_pattern=HATCHES[k], hatch_color="white", hatch_alpha=0.6, legend_label=basis,
        )  # fmt: skip
        whiskers(made, data, along="x", low="low", high="high", at="name")
    legend_outside(made)
    yield made


def _finding(rows: Sequence[Row]) -> str:
    """Which operator takes the most time, and which the most energy."""
    said = []
    for column, unit, what in (("latency_s", "s", "time"), ("energy_j", "J", "energy")):
        known = [row for row in rows if row[column] is not None]
        if known:
            most, total = max(known, key=lambda row: row[column]), sum(row[column] for row in known)
            share = f", {100 * most[column] / total:.0f} % of them all" if total > 0 else ""
            said.append(f"{plot_text(_name(most))} takes the most {what}, {format_si(most[column], unit)}{share}")
    return "; ".join(said)

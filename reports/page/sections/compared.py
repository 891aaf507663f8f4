"""Several runs beside the first: ratios with their intervals, and the conditions that differ."""

from collections.abc import Sequence
from typing import Any, Final

from edgewatt.profiler.comparing.compare import Comparison, Row, compare_paths
from edgewatt.profiler.errors import EdgewattError
from edgewatt.reports.comparison import FLUSH_RIGHT, HEADER, cells, configuration, footnotes, quantity, ratio_text
from edgewatt.reports.page.section import MARKERS, PALETTE, Plot, Section, ToldRun
from edgewatt.reports.page.sections.plotting import (
    NEUTRAL,
    bars_height,
    distinct,
    legend_outside,
    log_ticks,
    new_figure,
    plot_text,
    whiskers,
)
from edgewatt.reports.page.sections.table import Table
from edgewatt.reports.page.templates import Name, render

# Comparisons on one page; whoever has more asks `edgewatt compare` for the pair that matters.
RUNS_LIMIT: Final = 12
_ROWS_OF_PLOT: Final = 40
_ONE_SIDED: Final = ("new", "gone")
_QUANTITIES: Final = ("latency_s", "energy_gross_j", "memory_peak_b")
_WORDS: Final = {"latency_s": "latency", "energy_gross_j": "energy", "memory_peak_b": "peak memory"}


def section(runs: Sequence[ToldRun]) -> Section | None:
    """Each further run compared with the first; None for a single run."""
    if len(runs) < 2:
        return None
    first, *others = runs
    blocks, plots = [], []
    for k, other in enumerate(others[:RUNS_LIMIT]):
        block = _block(first, other, f"compared-{k}")
        blocks.append(block)
        if block["plot"] is not None:
            plots.append(block["plot"])
    html = render(__package__, "compared.html", blocks=blocks, first=first.label, more=len(others) - RUNS_LIMIT)
    return Section("compared", "Comparison", html, plots)


def _block(first: ToldRun, other: ToldRun, place: str) -> dict[str, Any]:
    block: dict[str, Any] = {
        "label": other.label,
        "plot": None,
        "table": None,
        "notes": [],
        "notices": [],
        "one_sided": "",
        "is_simulated": False,
        "error": "",
    }
    try:
        found = compare_paths(first.trace.path, other.trace.path)
    except EdgewattError as error:
        return {**block, "error": str(error)}
    rows = [row for row in found.rows if row.status not in _ONE_SIDED]
    notes = footnotes(rows)
    table = (
        Table(HEADER, [[Name(cell, 120) for cell in cells(row, notes)] for row in rows], FLUSH_RIGHT) if rows else None
    )
    compared = [row for row in rows if row.ratio is not None]
    plot = _plot(other, compared, place, table) if compared else None
    one_sided = len(found.rows) - len(rows)
    said = f"{one_sided} rows are on one side alone, and are not in the table" if one_sided else ""
    return {
        **block,
        "plot": plot,
        "table": table,
        "notes": notes,
        "notices": _notices(found),
        "one_sided": said,
        "is_simulated": found.simulated,
    }


def _notices(found: Comparison) -> list[str]:
    return list(dict.fromkeys(found.notices))


def _plot(other: ToldRun, rows: Sequence[Row], place: str, table: Table | None) -> Plot:
    """A point per ratio with its interval, on a logarithmic axis, beside the line at 1."""
    from bokeh.models import Span  # noqa: PLC0415  (an extra)

    shown = rows[:_ROWS_OF_PLOT]
    names = distinct(f"{quantity(row)}: {configuration(row)}" for row in shown)
    made = new_figure(
        "new / old (below 1: the new one is better)", "", height=bars_height(len(shown)) + 30,
        y_range=list(reversed(names)), x_axis_type="log",
        tips=[("", "@name"), ("new/old", "@ratio{0.000}"), ("95 %", "@shown")],
    )  # fmt: skip
    made.add_layout(Span(location=1.0, dimension="height", line_color=NEUTRAL, line_dash="dashed", line_width=1.5))
    for k, what in enumerate(_QUANTITIES):
        some = [(name, row) for name, row in zip(names, shown, strict=True) if row.quantity == what]
        if not some:
            continue
        data: dict[str, list[Any]] = {
            "name": [name for name, _ in some],
            "ratio": [row.ratio for _, row in some],
            "low": [row.low for _, row in some],
            "high": [row.high for _, row in some],
            "shown": ["no interval" if row.low is None or row.high is None else
                      f"[{ratio_text(row.low)}, {ratio_text(row.high)}]" for _, row in some],
        }  # fmt: skip
        whiskers(made, data, along="x", low="low", high="high", at="name", line_color=PALETTE[k])
        made.scatter(
            source=data, x="ratio", y="name", marker=MARKERS[k], size=11, color=PALETTE[k], legend_label=_WORDS[what]
        )
    ends = [value for row in shown for value in (row.ratio, row.low, row.high) if value is not None]
    log_ticks(made.xaxis[0], min(ends), max(ends))
    legend_outside(made)
    more = f" The first {_ROWS_OF_PLOT} of {len(rows)}." if len(rows) > _ROWS_OF_PLOT else ""
    return Plot(place, f"{plot_text(other.label)}: {_finding(rows)}.{more}", made, "" if table is None else str(table))


def _finding(rows: Sequence[Row]) -> str:
    words = [row.direction for row in rows]
    counts = ", ".join(f"{words.count(word)} {word}" for word in ("better", "worse", "unclear") if word in words)
    widest = max(rows, key=lambda row: max(row.ratio or 1.0, 1 / (row.ratio or 1.0)))
    return (
        f"{counts} of {len(rows)} ratios; the furthest from 1 is {quantity(widest)}, {ratio_text(widest.ratio or 1.0)}"
    )

"""Latency against energy, with intervals: which configurations are the best trade. One figure per boundary."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

from edgewatt.profiler.channel import WIDEST_FIRST
from edgewatt.profiler.units import format_si
from edgewatt.reports.boundaries import meaning
from edgewatt.reports.front import UNCLEAR, YES, Span, on_front
from edgewatt.reports.page.section import MARKERS, PALETTE, Plot, Section, ToldRun
from edgewatt.reports.page.sections.configurations import Configuration, configurations
from edgewatt.reports.page.sections.plotting import NEUTRAL, axis_unit, legend_outside, new_figure, plot_text, whiskers
from edgewatt.reports.page.sections.table import Table
from edgewatt.reports.page.templates import Name, render
from edgewatt.reports.wording import Row, mean_of

# Points that a figure draws, and looks that differ: six colours by as many markers.
POINTS_LIMIT: Final = 300
# Of rails those that take the most.
RAILS_LIMIT: Final = 3
_LOOKS: Final = [(color, marker) for marker, color in product(MARKERS, PALETTE)]
_HEADER: Final = (
    *("configuration", "device", "target", "frequency", "latency", "95 %", "energy", "95 %", "energy from"),
    "best trade",
)


@dataclass(frozen=True, slots=True)
class Point:
    """A configuration with both numbers from one energy source."""

    one: Configuration
    row: Row
    latency: Span
    energy: Span

    @property
    def group(self) -> tuple[str, str, str]:
        """Device, target and frequency, in words; simulated is one of them."""
        row = self.row
        device = f"{'SIMULATED ' if self.one.is_simulated else ''}{row['device'] or 'unnamed device'}"
        frequency = "" if row["frequency_hz"] is None else format_si(row["frequency_hz"], "Hz")
        return device, row["target_used"] or row["target_asked"] or "unknown target", frequency


def section(runs: Sequence[ToldRun]) -> Section | None:
    """A figure per boundary at which two configurations or more have both numbers; None where there is none."""
    points = [_point(one, row) for one in configurations(runs) for row in _one_per_boundary(one.rows)]
    blocks: list[dict[str, Any]] = []
    for boundary in WIDEST_FIRST:
        here = [point for point in points if point.row["energy_boundary"] == boundary]
        apart = _by_rail(here) if boundary == "rail" else [here]
        some = [of for of in apart if len(of) > 1]
        plots = [_plot(of, boundary, f"pareto-{boundary}-{k}") for k, of in enumerate(some[:RAILS_LIMIT])]
        if plots:
            about = {"boundary": boundary.replace("_", " "), "meaning": meaning(boundary)}
            blocks.append({**about, "plots": plots, "more": len(some) - len(plots)})
    if not blocks:
        return None
    every = [plot for block in blocks for plot in block["plots"]]
    return Section("pareto", "Latency against energy", render(__package__, "pareto.html", blocks=blocks), every)


def _by_rail(points: Sequence[Point]) -> list[list[Point]]:
    """The points of each rail, that with the most joules first."""
    found: dict[str, list[Point]] = {}
    for point in points:
        found.setdefault(point.row["energy_source"], []).append(point)
    return sorted(found.values(), key=lambda of: -max(point.energy.value for point in of))


def _one_per_boundary(rows: Sequence[Row]) -> list[Row]:
    """Rows with both numbers: of each boundary one, of rails each, as every rail is something else."""
    found: dict[Any, Row] = {}
    for row in rows:
        if row["latency_s_mean"] is not None and row["energy_gross_j_mean"] is not None:
            is_rail = row["energy_boundary"] == "rail"
            found.setdefault((row["energy_boundary"], row["energy_source"] if is_rail else None), row)
    return list(found.values())


def _point(one: Configuration, row: Row) -> Point:
    latency, energy = (
        Span(row[f"{name}_mean"], row[f"{name}_low"], row[f"{name}_high"]) for name in ("latency_s", "energy_gross_j")
    )
    return Point(one, row, latency, energy)


def _plot(points: Sequence[Point], boundary: str, place: str) -> Plot:
    fronts = on_front([(point.latency, point.energy) for point in points])
    table = Table(_HEADER, [_cells(point, front) for point, front in zip(points, fronts, strict=True)], (3, 4, 5, 6, 7))
    shown = [pair for pair in zip(points, fronts, strict=True) if pair[1] == YES]
    shown += [pair for pair in zip(points, fronts, strict=True) if pair[1] != YES][: POINTS_LIMIT - len(shown)]
    s_factor, s_unit = axis_unit([point.latency.value for point, _ in shown], "s")
    j_factor, j_unit = axis_unit([point.energy.value for point, _ in shown], "J")
    made = new_figure(
        f"latency per inference ({s_unit})", f"energy per inference ({j_unit})", height=420,
        tips=[("", "@name"), ("", "@group"), ("latency", "@latency"), ("energy", "@joules"), ("best trade", "@front")],
    )  # fmt: skip
    best = sorted((point for point, front in shown if front == YES), key=lambda point: point.latency.value)
    made.step(
        x=[point.latency.value / s_factor for point in best], y=[point.energy.value / j_factor for point in best],
        mode="after", line_color=NEUTRAL, line_dash="dashed", legend_label="best trades",
    )  # fmt: skip
    for k, group in enumerate(dict.fromkeys(point.group for point, _ in shown)):
        color, marker = _LOOKS[k % len(_LOOKS)]
        some = [pair for pair in shown if pair[0].group == group]
        data = _data(some, s_factor, j_factor, ", ".join(filter(None, group)))
        whiskers(made, data, along="x", low="x_low", high="x_high", at="y", line_color=color, line_width=1.5)
        whiskers(made, data, along="y", low="y_low", high="y_high", at="x", line_color=color, line_width=1.5)
        made.scatter(
            source=data, x="x", y="y", marker=marker, size=11, fill_color=color, line_color=NEUTRAL,
            legend_label=plot_text(", ".join(filter(None, group)), 70),
        )  # fmt: skip
    made.scatter(
        x=[point.latency.value / s_factor for point in best], y=[point.energy.value / j_factor for point in best],
        marker="circle", size=20, fill_color=None, line_color=NEUTRAL, line_width=2, legend_label="best trades",
    )  # fmt: skip
    legend_outside(made)
    return Plot(place, _finding(points, fronts, boundary), made, str(table))


def _data(some: Sequence[tuple[Point, str]], s_factor: float, j_factor: float, group: str) -> dict[str, list[Any]]:
    ends: dict[str, list[Any]] = {
        f"{axis}{suffix}": [_divided(getattr(getattr(point, of), end), factor) for point, _ in some]
        for axis, of, factor in (("x", "latency", s_factor), ("y", "energy", j_factor))
        for suffix, end in (("", "value"), ("_low", "low"), ("_high", "high"))
    }
    return {
        **ends,
        "name": [plot_text(point.one.label, 90) for point, _ in some],
        "group": [plot_text(group, 90) for _ in some],
        "latency": [" ".join(mean_of(point.row, "latency_s", "s")) for point, _ in some],
        "joules": [" ".join(mean_of(point.row, "energy_gross_j", "J")) for point, _ in some],
        "front": [front for _, front in some],
    }


def _divided(value: float | None, factor: float) -> float | None:
    return None if value is None else value / factor


def _cells(point: Point, front: str) -> list[Any]:
    device, target, frequency = point.group
    return [
        Name(point.one.label, 120),
        Name(device),
        Name(target),
        frequency or "not pinned",
        *mean_of(point.row, "latency_s", "s"),
        *mean_of(point.row, "energy_gross_j", "J"),
        Name(point.row["energy_source"]),
        front,
    ]


def _finding(points: Sequence[Point], fronts: Sequence[str], boundary: str) -> str:
    least = min(points, key=lambda point: point.energy.value)
    fastest = min(points, key=lambda point: point.latency.value)
    where = points[0].row["energy_source"] if boundary == "rail" else boundary.replace("_", " ")
    unclear = f", of {fronts.count(UNCLEAR)} one cannot tell" if UNCLEAR in fronts else ""
    both = "both the fastest and the most frugal" if least is fastest else "the most frugal"
    return (
        f"Energy at {plot_text(where)}: {fronts.count(YES)} of {len(points)} configurations are best trades{unclear}; "
        f"{plot_text(least.one.label, 100)} is {both}, {format_si(least.latency.value, 's')} and "
        f"{format_si(least.energy.value, 'J')}"
    )

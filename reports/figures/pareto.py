"""Latency against energy, and which configurations no other one beats in both."""

from collections.abc import Sequence
from typing import Any, Final

from edgewatt.profiler.errors import NotMeasuredError
from edgewatt.reports.figures.look import COLOURS, DASHES, GREY, MARKERS, say
from edgewatt.reports.figures.rows import NAMES, boundary_of, differences, results_of, said, simulated, widest
from edgewatt.reports.figures.scale import bound, prefixed
from edgewatt.reports.source import Source
from edgewatt.reports.wording import Row

_GROUPS: Final = ("device", "model", "target_used", "energy_source")
_NAMED_LIMIT: Final = 12


def draw_pareto(figure: Any, source: Source) -> None:
    """A point with both intervals per configuration, and a front per boundary: joules of two are never compared.

    Raises NotMeasuredError if no configuration has both.
    """
    rows = widest(results_of(source))
    drawn = [row for row in rows if row["energy_gross_j_mean"] is not None and row["latency_s_mean"] is not None]
    if not drawn:
        raise NotMeasuredError("no configuration has both latency and energy, so there is nothing to weigh")
    if len(drawn) < len(rows):
        source.notices.append(f"{len(rows) - len(drawn)} of {len(rows)} configurations lack latency or energy")
    figure.set_size_inches(figure.get_figwidth(), min(figure.get_figwidth() * 0.78, 3.0))
    ax = figure.subplots()
    x_scale, x_unit = prefixed((row["latency_s_mean"] for row in drawn), "s")
    y_scale, y_unit = prefixed((row["energy_gross_j_mean"] for row in drawn), "J")
    names = differences(drawn, _GROUPS) or ["model"]
    groups: dict[str, list[Row]] = {}
    for row in drawn:
        groups.setdefault(", ".join(filter(None, (said(name, row[name]) for name in names))) or "?", []).append(row)
    for place, (label, of) in enumerate(groups.items()):
        _points(ax, of, (x_scale, y_scale), place, label)
    boundaries = list(dict.fromkeys(map(boundary_of, drawn)))
    for place, boundary in enumerate(boundaries):
        _front(ax, [row for row in drawn if boundary_of(row) == boundary], (x_scale, y_scale), place)
    if len(drawn) <= _NAMED_LIMIT and len(drawn) > len(groups):
        inside = [name for name in differences(drawn, NAMES) if name in NAMES and name not in names]
        for row in drawn:
            label = ", ".join(filter(None, (said(name, row[name]) for name in inside)))
            at = row["latency_s_mean"] / x_scale, row["energy_gross_j_mean"] / y_scale
            ax.annotate(label, at, (3, 3), textcoords="offset points", fontsize=5.0, color=GREY)
    ax.set_xlabel(f"latency per iteration ({x_unit})")
    ax.set_ylabel(f"energy per iteration ({y_unit})")
    ax.margins(0.12)
    if len(groups) > 1:
        ax.legend(loc="best")
    say(figure, simulated(source, drawn), _note(boundaries))


def _points(ax: Any, rows: Sequence[Row], scales: tuple[float, float], place: int, label: str) -> None:
    x, xerr = _with_error(rows, "latency_s", scales[0])
    y, yerr = _with_error(rows, "energy_gross_j", scales[1])
    colour, marker = COLOURS[(place + 1) % len(COLOURS)], MARKERS[place % len(MARKERS)]
    ax.errorbar(x, y, xerr=xerr, yerr=yerr, fmt=marker, color=colour, elinewidth=0.7, label=label)


def _with_error(rows: Sequence[Row], name: str, scale: float) -> tuple[list[float], list[list[float]]]:
    means = [row[f"{name}_mean"] for row in rows]
    low = [max(mean - bound(row[f"{name}_low"], mean), 0.0) / scale for row, mean in zip(rows, means, strict=True)]
    high = [max(bound(row[f"{name}_high"], mean) - mean, 0.0) / scale for row, mean in zip(rows, means, strict=True)]
    return [mean / scale for mean in means], [low, high]


def front_of(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Those points that no other beats in one of the two without being worse in the other, by the first.

    >>> front_of([(1.0, 3.0), (2.0, 3.0), (3.0, 1.0)])
    [(1.0, 3.0), (3.0, 1.0)]
    """
    front: list[tuple[float, float]] = []
    for point in sorted(set(points)):
        if not front or point[1] < front[-1][1]:
            front.append(point)
    return front


def _front(ax: Any, rows: Sequence[Row], scales: tuple[float, float], place: int) -> None:
    points = [(row["latency_s_mean"] / scales[0], row["energy_gross_j_mean"] / scales[1]) for row in rows]
    front = front_of(points)
    if len(front) > 1:
        x, y = zip(*front, strict=True)
        style = DASHES[(place + 1) % len(DASHES)]
        ax.plot(x, y, drawstyle="steps-post", color=GREY, linestyle=style, linewidth=0.7, zorder=1)


def _note(boundaries: Sequence[str]) -> str:
    of = f"energy at: {', '.join(boundaries)}" + (" (a line each)" if len(boundaries) > 1 else "")
    return f"Whiskers: 95 %. Line: what no other configuration beats in both; {of}"

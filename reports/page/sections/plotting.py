"""Bokeh figures in one look: what they share, and texts that stay text in them. Colours of the page are the shell's."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from edgewatt.profiler.units import scale_for
from edgewatt.reports.escape import printable
from edgewatt.reports.page.section import PALETTE

# Of what belongs to no series, such as an interval across a bar: 4:1 on white, 5:1 on black (WCAG 2.2, 1.4.11).
NEUTRAL: Final = "#7f7f7f"
# So that areas differ without their colour.
HATCHES: Final = (" ", "/", ".", "\\", "-", "x")
HEIGHT: Final = 320
# What can be told apart in one figure.
SERIES_LIMIT: Final = len(PALETTE)

_LABEL_LIMIT: Final = 44
_BAR_HEIGHT: Final = 30
# Names of a legend that stand in two columns on a phone.
_SHORT: Final = 16
_AXIS_HEIGHT: Final = 90
# What stands at the ticks of a logarithmic axis by how many decades it spans.
_MANTISSAS: Final = (
    (0.5, (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9)),
    (2.0, (1, 1.5, 2, 3, 5, 7)),
    (4.0, (1, 3)),
    (math.inf, (1,)),
)
_PLAIN_DECADES: Final = 6


def plot_text(text: object, limit: int = _LABEL_LIMIT) -> str:
    r"""A text for a figure: short, on its line, and no formula, which Bokeh takes from `$$`, `\(` and `\[`."""
    shown = printable(str(text), limit)
    for sign in ("$$", "\\(", "\\["):
        while sign in shown:
            shown = shown.replace(sign, f"{sign[0]} {sign[1]}")
    return shown


def distinct(texts: Iterable[object]) -> list[str]:
    """Texts for the places of an axis, which have to differ: what would be there twice is numbered."""
    found: dict[str, None] = {}
    for text in texts:
        shown, number = plot_text(text), 2
        while shown in found:
            shown, number = f"{plot_text(text, _LABEL_LIMIT - 6)} ({number})", number + 1
        found[shown] = None
    return list(found)


def axis_unit(values: Iterable[float | None], unit: str) -> tuple[float, str]:
    """The factor by which values are divided for an axis, and the unit that it is then in: (0.001, "ms")."""
    largest = max((abs(value) for value in values if value is not None), default=1.0)
    factor, prefix = scale_for(largest, unit)
    return factor, f"{prefix}{unit}"


def new_figure(
    x_label: str, y_label: str, *, height: int = HEIGHT, tips: Sequence[tuple[str, str]] = (), **more: Any
) -> Any:
    """An empty figure as wide as the page. The wheel scrolls the page, and zooms once it is switched on.

    `tips` are what shows beside the pointer: a word, and a column of the figure's data as `@{column}`.
    """
    from bokeh.models import HoverTool  # noqa: PLC0415  (an extra)
    from bokeh.plotting import figure  # noqa: PLC0415  (an extra)

    made = figure(
        height=height,
        sizing_mode="stretch_width",
        tools="pan,box_zoom,wheel_zoom,reset,save",
        active_scroll=None,
        min_border_left=64,
        x_axis_label=plot_text(x_label, 80),
        y_axis_label=plot_text(y_label, 80) if y_label else None,
        **{"toolbar_location": "above", **more},
    )
    made.toolbar.logo = None
    if tips:
        made.add_tools(HoverTool(tooltips=list(tips)))
    return made


def log_ticks(axis: Any, low: float, high: float) -> None:
    """Ticks of a logarithmic axis as people read them, `0.5 1 2 5`, where Bokeh would write powers of ten."""
    from bokeh.models import BasicTickFormatter, FixedTicker  # noqa: PLC0415  (an extra)

    if not 0 < low <= high < math.inf:
        return
    span = math.log10(high / low)
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    mantissas = next(found for widest, found in _MANTISSAS if span <= widest)
    axis.ticker = FixedTicker(ticks=[m * 10.0**k for k in decades for m in mantissas])
    axis.formatter = BasicTickFormatter(use_scientific=span > _PLAIN_DECADES)


def bars_height(count: int) -> int:
    """How high a figure of so many horizontal bars is."""
    return _AXIS_HEIGHT + _BAR_HEIGHT * max(count, 2)


def whiskers(
    made: Any, data: Mapping[str, Sequence[Any]], *, along: str, low: str, high: str, at: str, **look: Any
) -> None:
    """An interval for each row of `data` between its columns `low` and `high`, `along` "x" or "y", at place `at`.

    Rows without an interval have None or NaN there, and get none.
    """
    from bokeh.models import ColumnDataSource  # noqa: PLC0415  (an extra)

    kept = [k for k, ends in enumerate(zip(data[low], data[high], strict=True)) if all(map(is_known, ends))]
    if not kept:
        return
    source = ColumnDataSource({name: [column[k] for k in kept] for name, column in data.items()})
    look = {"line_color": NEUTRAL, "line_width": 2.5, **look}
    marks = {"size": 9, "line_color": look["line_color"], "line_width": 2, "angle": 1.5708 if along == "x" else 0.0}
    if along == "x":
        made.segment(x0=low, x1=high, y0=at, y1=at, source=source, **look)
        made.scatter(x=low, y=at, marker="dash", source=source, **marks)
        made.scatter(x=high, y=at, marker="dash", source=source, **marks)
    else:
        made.segment(x0=at, x1=at, y0=low, y1=high, source=source, **look)
        made.scatter(x=at, y=low, marker="dash", source=source, **marks)
        made.scatter(x=at, y=high, marker="dash", source=source, **marks)


def is_known(value: float | None) -> bool:
    """False for None and for NaN."""
    return value is not None and math.isfinite(value)


def legend_outside(made: Any) -> None:
    """The legend below the figure, where it covers nothing; a press hides a series."""
    for legend in made.legend:
        legend.click_policy = "hide"
        is_short = all(len(item.label.value or "") <= _SHORT for item in legend.items)
        legend.ncols = 2 if is_short else 1
    if made.legend:
        made.add_layout(made.legend[0], "below")

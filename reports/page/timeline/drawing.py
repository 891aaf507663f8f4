"""The timeline as Bokeh figures one under the other. The page's script fills them and keeps their axes of time one."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from edgewatt.reports.page.section import DASHES, PALETTE
from edgewatt.reports.page.timeline.choose import PANELS, Panel
from edgewatt.reports.page.timeline.marks import KINDS, Mark
from edgewatt.reports.page.timeline.series import Series

_HEIGHTS: Final[Mapping[str, int]] = {"power": 260}
_HEIGHT: Final = 130
_AXIS: Final = 40


def look_of(place: int) -> tuple[str, str]:
    """Colour and dash of the series at that place of its panel."""
    return PALETTE[place % len(PALETTE)], DASHES[place % len(DASHES)]


def figures_of(series: Sequence[tuple[str, Series]], marks: Sequence[Mark], zero_ns: int, span_s: float) -> list[Any]:
    """A figure for each panel that has a series, top down; `series` are each with the name of its data source."""
    panels = [panel for panel in PANELS if any(one.panel is panel for _, one in series)]
    figures = []
    for panel in panels:
        mine = [(name, one) for name, one in series if one.panel is panel]
        is_last = panel is panels[-1]
        figures.append(_figure(panel, mine, span_s, is_last=is_last))
        figures[-1].tags = ["follows"] if len(figures) > 1 else []
        _draw_marks(figures[-1], marks, zero_ns)
        _draw_series(figures[-1], mine)
    return figures


def _figure(panel: Panel, series: Sequence[tuple[str, Series]], span_s: float, *, is_last: bool) -> Any:
    from bokeh.models import PanTool, Range1d, WheelZoomTool  # noqa: PLC0415
    from bokeh.plotting import figure  # noqa: PLC0415

    low, high = _extent([one for _, one in series])
    plot = figure(
        title=f"{panel.title}, {panel.unit}",
        height=_HEIGHTS.get(panel.key, _HEIGHT) + (_AXIS if is_last else 0),
        sizing_mode="stretch_width",
        x_range=Range1d(0, span_s, bounds=(0, span_s)),
        y_range=Range1d(low, high),
        tools=[PanTool(dimensions="width"), WheelZoomTool(dimensions="width", modifiers={"ctrl": True})],
        lod_threshold=None,
        min_border_left=56,
        min_border_right=12,
        name=panel.key,
    )
    plot.yaxis.ticker.desired_num_ticks = 4
    plot.xaxis.axis_label = "seconds since the beginning" if is_last else None
    if not is_last:
        plot.xaxis.major_label_text_font_size = "0px"
    return plot


def _extent(series: Sequence[Series]) -> tuple[float, float]:
    """The axis of values: from zero where that wastes little, with room above and below."""
    scale = series[0].panel.scale
    low = min(float(np.nanmin(one.envelope.low)) for one in series) * scale
    high = max(float(np.nanmax(one.envelope.high)) for one in series) * scale
    low = 0.0 if series[0].panel.from_zero and 0 < low < 0.6 * high else low
    room = (high - low) * 0.06 or abs(high) * 0.1 or 1.0
    return (0.0 if low == 0 else low - room), high + room


def _draw_marks(plot: Any, marks: Sequence[Mark], zero_ns: int) -> None:
    for kind in KINDS:
        mine = [mark for mark in marks if mark.kind == kind.key]
        if mine:
            begin, end = ([(getattr(mark, at) - zero_ns) / 1e9 for mark in mine] for at in ("t0_ns", "t1_ns"))
            plot.vstrip(
                x0=begin,
                x1=end,
                name=f"marks-{kind.key}",
                level="underlay",
                fill_color=kind.colour,
                fill_alpha=kind.alpha,
                line_color=kind.colour,
                line_alpha=0.6,
                hatch_pattern=kind.hatch,
                hatch_color=kind.colour,
                hatch_alpha=0.35,
                hatch_scale=8,
            )


def _draw_series(plot: Any, series: Sequence[tuple[str, Series]]) -> None:
    from bokeh.models import ColumnDataSource  # noqa: PLC0415

    for place, (name, one) in enumerate(series):
        colour, dash = look_of(place)
        data = ColumnDataSource({"x": [], "low": [], "high": [], "mean": []}, name=name)
        band = plot.varea("x", "low", "high", source=data, fill_color=colour, fill_alpha=0.35, name=f"{name}-band")
        band.visible = bool(one.envelope.readings)
        width = 1.6 if len(one.envelope) > 1 else 3.0
        plot.line("x", "mean", source=data, color=colour, line_dash=dash, line_width=width, name=f"{name}-line")

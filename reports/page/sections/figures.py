"""Any `Figure` of a model or a calibration as a plot of the page."""

import math
from itertools import compress, product
from typing import Any, Final

from edgewatt.profiler.figure import Figure, Line
from edgewatt.reports.page.section import DASHES, MARKERS, PALETTE, Plot
from edgewatt.reports.page.sections.plotting import (
    HATCHES,
    NEUTRAL,
    SERIES_LIMIT,
    distinct,
    is_known,
    legend_outside,
    new_figure,
    plot_text,
    whiskers,
)
from edgewatt.reports.page.sections.table import Table
from edgewatt.reports.page.templates import Name

# Of one figure: series beyond so many share looks that cannot be told apart, and are in the table alone.
LINES_LIMIT: Final = 2 * SERIES_LIMIT
_LOOKS: Final = list(product((0, 1), range(SERIES_LIMIT)))
_SAID: Final = {
    "measured": "measured",
    "published": "as published, measured by others",
    "assumed": "assumed, measured by nobody",
    "simulated": "simulated, not measured",
}


def plot_of(figure: Figure, place: str) -> Plot:
    """The figure with the page's look; its title says on what it rests."""
    drawn = {"line": _lines, "points": _lines, "bars": _bars, "heat": _heat}[figure.kind](figure)
    more = f"; {len(figure.lines) - LINES_LIMIT} more series are in the table" if _is_cut(figure) else ""
    title = f"{plot_text(figure.title, 200)} ({_SAID[figure.basis]}){_finding(figure)}{more}"
    return Plot(place, title, drawn, str(table_of(figure)))


def table_of(figure: Figure) -> Table:
    """A row per place on the x axis, a column per series, with intervals where there are any."""
    places = list(dict.fromkeys(x for line in figure.lines for x in line.x))
    columns = [_texts(line) for line in figure.lines]
    return Table(
        [plot_text(figure.x_label, 80), *(plot_text(line.name, 80) for line in figure.lines)],
        [[Name(_number(x), 80), *(column.get(x) for column in columns)] for x in places],
        range(1, len(figure.lines) + 1),
        plot_text(figure.y_label, 120),
    )


def _texts(line: Line) -> dict[float | str, str]:
    nobody = [math.nan] * len(line.y)
    lows, highs = (nobody if of is None else of for of in (line.low, line.high))
    return {x: _value(y, low, high) for x, y, low, high in zip(line.x, line.y, lows, highs, strict=False)}


def _value(y: float, low: Any, high: Any) -> str:
    bounds = f" [{_number(low)}, {_number(high)}]" if is_known(low) and is_known(high) else ""
    return f"{_number(y)}{bounds}"


def _number(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"


def _finding(figure: Figure) -> str:
    """Which value is the highest, and where."""
    values = [(y, x, line.name) for line in figure.lines for x, y in zip(line.x, line.y, strict=False) if y == y]  # noqa: PLR0124
    if not values:
        return ": no values"
    y, x, name = max(values, key=lambda of: of[0])
    of = f", {plot_text(name, 60)}" if len(figure.lines) > 1 else ""
    return f": highest at {plot_text(_number(x), 60)}{of}, {_number(y)}"


def _is_cut(figure: Figure) -> bool:
    return figure.kind != "heat" and len(figure.lines) > LINES_LIMIT


def _places(figure: Figure) -> list[float | str] | None:
    """The categories of the x axis; None where it holds numbers alone."""
    places = list(dict.fromkeys(x for line in figure.lines for x in line.x))
    return places if any(isinstance(x, str) for x in places) or figure.kind in {"bars", "heat"} else None


def _empty(figure: Figure, **more: Any) -> Any:
    height = 360 + 18 * (min(len(figure.lines), LINES_LIMIT) // 2)
    return new_figure(
        figure.x_label, figure.y_label, height=height, tips=[("", "@name"), ("", "@place"), ("", "@shown")], **more
    )


def _lines(figure: Figure) -> Any:
    places = _places(figure)
    names = None if places is None else dict(zip(places, distinct(map(_number, places)), strict=True))
    made = _empty(figure, **({} if names is None else {"x_range": list(names.values())}))
    for k, line in enumerate(figure.lines[:LINES_LIMIT]):
        again, look = _LOOKS[k]
        data = _data(line, names)
        label = plot_text(line.name, 70)
        whiskers(made, data, along="y", low="low", high="high", at="x", line_color=PALETTE[look], line_width=1.5)
        if figure.kind == "line":
            dash = DASHES[(look + again) % len(DASHES)]
            made.line(
                source=data, x="x", y="y", line_color=PALETTE[look], line_dash=dash, line_width=2, legend_label=label
            )
        marker = MARKERS[(look + 3 * again) % len(MARKERS)]
        made.scatter(
            source=data, x="x", y="y", marker=marker, size=8 if figure.kind == "points" else 6, color=PALETTE[look],
            legend_label=label,
        )  # fmt: skip
    _turn(made, names)
    _name_series(made, figure)
    return made


def _data(line: Line, names: dict[float | str, str] | None) -> dict[str, list[Any]]:
    n = min(len(line.x), len(line.y))
    x, y = list(line.x[:n]), list(line.y[:n])
    low, high = (list(end[:n]) if end is not None else [None] * n for end in (line.low, line.high))
    return {
        "x": [names[of] for of in x] if names is not None else x,
        "y": y,
        "low": low,
        "high": high,
        "name": [plot_text(line.name, 70)] * n,
        "place": [plot_text(_number(of), 60) for of in x],
        "shown": list(map(_value, y, low, high)),
    }


def _bars(figure: Figure) -> Any:
    """Groups of bars, one per place, with a bar for each series."""
    from bokeh.models import FactorRange  # noqa: PLC0415  (an extra)
    from bokeh.transform import dodge  # noqa: PLC0415  (an extra)

    places = _places(figure) or []
    names = dict(zip(places, distinct(map(_number, places)), strict=True))
    made = _empty(figure, x_range=FactorRange(*names.values()))
    lines = figure.lines[:LINES_LIMIT]
    width = 0.8 / max(len(lines), 1)
    for k, line in enumerate(lines):
        again, look = _LOOKS[k]
        data = _data(line, names)
        at = dodge("x", (k + 0.5) * width - 0.4, range=made.x_range)
        hatch = HATCHES[(look + again) % len(HATCHES)]
        made.vbar(
            source=data, x=at, top="y", width=0.9 * width, fill_color=PALETTE[look], line_color=None,
            hatch_pattern=hatch, hatch_color="white", hatch_alpha=0.6, legend_label=plot_text(line.name, 70),
        )  # fmt: skip
        there = [is_known(low) and is_known(high) for low, high in zip(data["low"], data["high"], strict=True)]
        kept = {name: list(compress(of, there)) for name, of in data.items()}
        if kept["x"]:
            made.segment(source=kept, x0=at, x1=at, y0="low", y1="high", line_color=NEUTRAL, line_width=2)
    _turn(made, names)
    _name_series(made, figure)
    return made


def _heat(figure: Figure) -> Any:
    """A row per series, a column per place; the colour is the value, and the table says it."""
    from bokeh.models import ColorBar, LinearColorMapper  # noqa: PLC0415  (an extra)

    places = _places(figure) or []
    names = dict(zip(places, distinct(map(_number, places)), strict=True))
    rows = distinct(line.name for line in figure.lines)
    made = new_figure(
        figure.x_label, "", height=120 + 26 * len(rows), x_range=list(names.values()), y_range=list(reversed(rows)),
        tips=[("", "@row"), ("", "@place"), ("", "@shown")],
    )  # fmt: skip
    cells = [
        (row, x, y) for row, line in zip(rows, figure.lines, strict=True) for x, y in zip(line.x, line.y, strict=False)
    ]
    values = [y for _, _, y in cells] or [0.0]
    mapper = LinearColorMapper(palette="Cividis256", low=min(values), high=max(values))
    data = {
        "row": [row for row, _, _ in cells],
        "place": [names[x] for _, x, _ in cells],
        "value": [y for _, _, y in cells],
        "shown": [_number(y) for _, _, y in cells],
    }
    fill = {"field": "value", "transform": mapper}
    made.rect(source=data, x="place", y="row", width=1, height=1, fill_color=fill, line_color=None)
    made.add_layout(ColorBar(color_mapper=mapper, title=plot_text(figure.y_label, 60)), "right")
    _turn(made, names)
    return made


def _name_series(made: Any, figure: Figure) -> None:
    """A legend, where there is more than one series to tell apart."""
    if len(figure.lines) > 1:
        legend_outside(made)
    elif made.legend:
        made.legend.visible = False


def _turn(made: Any, names: dict[float | str, str] | None) -> None:
    """Long names of places stand aslant, so that they do not run into each other."""
    if names is not None and sum(map(len, names.values())) > 80:
        made.xaxis.major_label_orientation = 0.7

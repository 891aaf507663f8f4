"""The table of kinds, and one figure of them as a file."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, BinaryIO, Final

from edgewatt.profiler.errors import UsageError
from edgewatt.reports.figures.asked import FIGURE_FORMATS, KINDS, WIDTH_LIMITS_IN, Kind
from edgewatt.reports.figures.bars import draw_bars
from edgewatt.reports.figures.cdf import draw_cdf
from edgewatt.reports.figures.dvfs import draw_dvfs
from edgewatt.reports.figures.look import look, new_figure, saved
from edgewatt.reports.figures.pareto import draw_pareto
from edgewatt.reports.figures.rows import simulated
from edgewatt.reports.figures.timeline import draw_timeline
from edgewatt.reports.source import Source

_DRAW: Final[Mapping[Kind, Callable[[Any, Source], None]]] = {
    "timeline": draw_timeline,
    "cdf": draw_cdf,
    "bars": draw_bars,
    "pareto": draw_pareto,
    "dvfs": draw_dvfs,
}


def write_figure(source: Source, file: BinaryIO, *, to: str) -> None:
    """The figure that `source.asked` describes, as PDF, SVG or PNG: the same bytes for the same runs and matplotlib.

    Raises UsageError without a kind, for a width that no page has, or without matplotlib; NotMeasuredError if the runs
    hold nothing to draw.
    """
    kind, width_in = source.asked.kind, source.asked.width_in
    if kind is None:
        raise UsageError(f"--to {to} draws a figure; say which with --kind: {', '.join(KINDS)}")
    least, most = WIDTH_LIMITS_IN
    if not least <= width_in <= most:
        raise UsageError(f"--width {width_in:g}: a figure is from {least:g} to {most:g} inches wide")
    with look():
        figure = new_figure(width_in)
        _DRAW[kind](figure, source)
        title = " ".join(filter(None, (simulated(source), "edgewatt", kind)))
        file.write(saved(figure, to, title))


write_pdf, write_svg, write_png = (partial(write_figure, to=to) for to in FIGURE_FORMATS)

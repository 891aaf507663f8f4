"""A run over time: power, frequency and temperature, with its windows and gaps; of several runs their power."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from textwrap import fill
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.analysis.seen import NO_ENERGY_SOURCE
from edgewatt.profiler.errors import NotMeasuredError
from edgewatt.profiler.progress import Silent
from edgewatt.profiler.storage.trace import Trace
from edgewatt.reports.figures.look import COLOURS, DASHES, drawable, say
from edgewatt.reports.figures.rows import run_names, simulated
from edgewatt.reports.page.section import ToldRun
from edgewatt.reports.page.timeline.choose import PANELS, Panel, chosen_of, samples_each
from edgewatt.reports.page.timeline.marks import KINDS, Mark, marks_of
from edgewatt.reports.page.timeline.series import Series, series_of
from edgewatt.reports.source import Source

# More than a column in print has places for: each element is drawn from its least to its greatest value.
ELEMENTS: Final = 1500
_LINES: Final = 3
_PANEL_IN: Final = 0.95
_SHADES: Final = {
    "measure": ("#dcdcdc", ""),
    "idle": ("#f4f4f4", "...."),
    "warmup": ("#ececec", "////"),
    "sync": ("#ececec", "||||"),
    "gap": ("#ffffff", "xxxx"),
    "throttled": ("#f6d5c3", "\\\\\\\\"),
}


@dataclass(frozen=True, slots=True)
class Told:
    """A run as it is drawn: its series by panel, its marks, and the instant that is second 0."""

    name: str
    run: Trace
    series: Sequence[Series]
    marks: Sequence[Mark]
    t0_ns: int

    def of(self, panel: Panel) -> list[Series]:
        """Those of its series that this panel shows."""
        return [one for one in self.series if one.panel is panel]


def draw_timeline(figure: Any, source: Source) -> None:
    """The panels of one run, or the power of each of several, each from its own begin.

    Raises NotMeasuredError if nothing at all lies over time.
    """
    told = [told_over_time(run, name) for run, name in zip(source.runs, run_names(source), strict=True)]
    if not any(one.series for one in told):
        raise NotMeasuredError("no run has a sample to draw over time")
    for one in told:
        if not one.of(PANELS[0]):
            source.notices.append(f"{one.name}: {_why_no_power(one.run)}")
    panels = [(one, panel) for one in told for panel in _panels(one, alone=len(told) == 1)]
    figure.set_size_inches(figure.get_figwidth(), 0.6 + _PANEL_IN * len(panels))
    axes = figure.subplots(len(panels), sharex=True, squeeze=False)[:, 0]
    for ax, (one, panel) in zip(axes, panels, strict=True):
        _draw(ax, one, panel)
        if len(told) > 1:
            above = 9.0 if one.of(panel) else 3.0  # the legend, where there is one
            ax.set_title(drawable(one.name, 24), loc="left", fontsize=6.0, fontweight="bold", pad=above)
    axes[-1].set_xlabel("time (s)")
    most = max((series.envelope.samples for one, panel in panels for series in one.of(panel)), default=1)
    note = f"line: mean, filled: from the least to the greatest of {most:,} samples" if most > 1 else None
    handles = _handles([mark for one in told for mark in one.marks])
    if handles or note:
        look = {"ncols": 6, "columnspacing": 1.0, "fontsize": 5.5, "title_fontsize": 5.5, "alignment": "left"}
        figure.legend(handles=handles, title=note, loc="outside lower left", **look)
    say(figure, simulated(source))


def told_over_time(run: Trace, name: str) -> Told:
    """What is drawn of a run, in memory that does not grow with it; `name` is what it is called."""
    chosen: list[Any] = []
    for panel in PANELS:
        chosen += [one for one in chosen_of(run)[0] if one.panel is panel][:_LINES]
    samples = samples_each([run.rows(one.stream) for one in chosen], ELEMENTS * max(len(chosen), 1))
    series = series_of(run, chosen, samples, Silent())
    marks = marks_of(ToldRun(run, name))
    stamps = [int(one.envelope.t_ns[0]) for one in series] + [mark.t0_ns for mark in marks]
    return Told(name, run, series, marks, min(stamps, default=0))


def _panels(one: Told, *, alone: bool) -> list[Panel]:
    """Power, though it may be missing; then frequency and temperature, and load only where there is no power."""
    power, *others = PANELS
    if not alone:
        return [power]
    is_told = [panel for panel in others if one.of(panel) and (panel.key != "load" or not one.of(power))]
    return [power, *is_told]


def _why_no_power(run: Trace) -> str:
    """What the results say of it, else what the run says of its instruments."""
    table = run.results()
    reasons = [] if table is None else [one for of in table["quality_reasons"].to_pylist() for one in of or ()]
    found = [one.partition(":")[2] for one in reasons if one.startswith(f"{NO_ENERGY_SOURCE}:")]
    found = found or [f"{one.get('what')}: {one.get('reason')}" for one in run.manifest.unavailable]
    return f"power not measured ({'; '.join(dict.fromkeys(found))})" if found else "power not measured"


def _draw(ax: Any, one: Told, panel: Panel) -> None:
    for mark in one.marks:
        colour, hatch = _SHADES[mark.kind]
        begin_s, end_s = (mark.t0_ns - one.t0_ns) / 1e9, (mark.t1_ns - one.t0_ns) / 1e9
        edge = 0.4 if mark.kind == "gap" else 0.0  # the shortest gap is as wide as a line
        ax.axvspan(begin_s, end_s, facecolor=colour, hatch=hatch, edgecolor="#b8b8b8", linewidth=edge, zorder=0)
    series = one.of(panel)
    for place, of in enumerate(series):
        _line(ax, of, place, one.t0_ns)
    ax.set_ylabel(f"{panel.title.lower()} ({panel.unit})")
    if not series:
        ax.set_yticks([])
        words = fill(drawable(_why_no_power(one.run), 220), 66)
        ax.text(0.5, 0.5, words, transform=ax.transAxes, ha="center", va="center", fontsize=5.0, zorder=5)
        return
    if panel.key == "power":
        ax.set_ylim(bottom=min(0.0, ax.get_ylim()[0]))
    look = {"fontsize": 5.0, "borderpad": 0.0, "borderaxespad": 0.1, "columnspacing": 1.0, "handlelength": 1.6}
    ax.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=_LINES, **look)


def _line(ax: Any, of: Series, place: int, t0_ns: int) -> None:
    t_s, low, mean, high = _path(of, t0_ns)
    colour, dash = COLOURS[place + 1], DASHES[place % len(DASHES)]
    if of.envelope.samples > 1:
        ax.fill_between(t_s, low, high, step="post", linewidth=0.4, alpha=0.45, color=colour)
    drawn = "steps-post" if of.is_flat else "default"
    label = drawable(of.chosen.name, 26)
    ax.plot(t_s, mean, drawstyle=drawn, linestyle=dash, linewidth=0.7, color=colour, label=label)


def _path(of: Series, t0_ns: int) -> list[NDArray[np.float64]]:
    """Time in seconds from t0; least, mean and greatest in the panel's unit; the last element lasts to its end."""
    envelope = of.envelope
    t_ns = np.append(envelope.t_ns, envelope.end_ns)
    values = (envelope.low, envelope.mean, envelope.high)
    return [(t_ns - t0_ns) / 1e9, *(np.append(one, one[-1:]) * of.panel.scale for one in values)]


def _handles(marks: Sequence[Mark]) -> list[Any]:
    patch = import_module("matplotlib.patches").Patch
    kinds = [kind for kind in KINDS if any(mark.kind == kind.key for mark in marks)]
    looks = [(kind.title, *_SHADES[kind.key]) for kind in kinds]
    return [patch(facecolor=c, hatch=h, edgecolor="#b8b8b8", linewidth=0.3, label=title) for title, c, h in looks]

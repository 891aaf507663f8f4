"""The section of the page that shows a run, or several, over time."""

import json
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from edgewatt.profiler.progress import Progress
from edgewatt.profiler.units import format_si
from edgewatt.reports.escape import CELL_LIMIT, printable
from edgewatt.reports.page.section import Plot, Section, ToldRun
from edgewatt.reports.page.templates import render
from edgewatt.reports.page.timeline.choose import ELEMENTS, PANELS, Chosen, chosen_of, samples_each
from edgewatt.reports.page.timeline.drawing import figures_of, look_of
from edgewatt.reports.page.timeline.marks import KINDS, Mark, marks_of
from edgewatt.reports.page.timeline.packing import packed
from edgewatt.reports.page.timeline.series import Series, series_of

# Timelines of one page: of more runs the comparison says more, and a page that holds them all opens slowly.
RUNS: Final = 6
# Windows that the list of a timeline offers to jump to.
_JUMPS: Final = 200


def timeline(runs: Sequence[ToldRun], progress: Progress) -> Section | None:
    """A timeline for each of the first RUNS runs; None where none of them has a sample."""
    shown = runs[:RUNS]
    chosen = [chosen_of(run.trace) for run in shown]
    rows = [run.trace.rows(one.stream) for run, (of_run, _) in zip(shown, chosen, strict=True) for one in of_run]
    samples = iter(samples_each(rows, ELEMENTS))
    parts, plots = [], []
    for place, (run, (of_run, left)) in enumerate(zip(shown, chosen, strict=True)):
        progress.phase(f"reading {printable(run.label, CELL_LIMIT)}")
        series = series_of(run.trace, of_run, [next(samples) for _ in of_run], progress)
        if series:
            drawn = _Drawn(f"timeline-{place}", run, series, left)
            plots.append(drawn.plot())
            parts.append(drawn.values(plots[-1]))
    if not parts:
        return None
    html = render(
        __package__, "timeline.html", parts=parts, several=len(runs) > 1, more=[run.label for run in runs[RUNS:]]
    )
    return Section("timeline", "Timeline", html, plots)


class _Drawn:
    """One run's timeline: its figures, the data for the page's script, and what the template shows around them."""

    def __init__(self, key: str, run: ToldRun, series: Sequence[Series], left: Sequence[Chosen]) -> None:
        self.key, self.run, self.left = key, run, left
        self.series = [(f"{key}-{number}", one) for number, one in enumerate(series)]
        self.marks = marks_of(run)
        begins = [int(one.envelope.t_ns[0]) for one in series] + [mark.t0_ns for mark in self.marks]
        ends = [one.envelope.end_ns for one in series] + [mark.t1_ns for mark in self.marks]
        self.zero_ns, self.span_ns = min(begins), max(max(ends) - min(begins), 1)

    def plot(self) -> Plot:
        """The figures and the data that fills them."""
        data = {
            "span": self.span_ns / 1e9,
            "series": {
                name: {
                    "flat": one.is_flat,
                    **packed(one.envelope, self.zero_ns, self.span_ns, one.panel.scale),
                }
                for name, one in self.series
            },
        }
        figures = figures_of(self.series, self.marks, self.zero_ns, self.span_ns / 1e9)
        title = f"Power, frequency, temperature and load of {printable(self.run.label, CELL_LIMIT)} over time"
        return Plot(self.key, title, figures, data=json.dumps(data, separators=(",", ":")))

    def values(self, plot: Plot) -> dict[str, Any]:
        """What the template takes."""
        return {
            "key": self.key,
            "label": self.run.label,
            "plot": plot,
            "panels": [(panel, self._rows(panel.key)) for panel in PANELS if self._rows(panel.key)],
            "kinds": [kind for kind in KINDS if any(mark.kind == kind.key for mark in self.marks)],
            "jumps": [self._jump(mark) for mark in self._windows()[:_JUMPS]],
            "marks": [self._jump(mark) for mark in self.marks[:_JUMPS]],
            "left": [one.name for one in self.left],
            "finest": self._finest(),
        }

    def _windows(self) -> list[Mark]:
        return [mark for mark in self.marks if mark.kind != "gap"]

    def _jump(self, mark: Mark) -> dict[str, Any]:
        begin_s, end_s = (mark.t0_ns - self.zero_ns) / 1e9, (mark.t1_ns - self.zero_ns) / 1e9
        kind = next(kind.title for kind in KINDS if kind.key == mark.kind)
        return {"name": mark.name, "kind": kind, "begin": begin_s, "end": end_s, "took": end_s - begin_s}

    def _rows(self, panel: str) -> list[dict[str, Any]]:
        mine = [(name, one) for name, one in self.series if one.panel.key == panel]
        return [self._row(name, one, place) for place, (name, one) in enumerate(mine)]

    def _row(self, name: str, one: Series, place: int) -> dict[str, Any]:
        envelope, scale = one.envelope, one.panel.scale
        colour, dash = look_of(place)
        return {
            "id": name,
            "name": one.chosen.name,
            "boundary": one.chosen.boundary,
            "colour": colour,
            "dash": dash,
            "readings": envelope.readings,
            "low": float(np.nanmin(envelope.low)) * scale,
            "high": float(np.nanmax(envelope.high)) * scale,
            "mean": float(np.nanmean(envelope.mean)) * scale,
            "unit": one.panel.unit,
            "resolution": _resolution(one),
        }

    def _finest(self) -> str:
        """What the page holds at most, of the series that it does not hold whole."""
        cut = [one for _, one in self.series if one.envelope.samples > 1]
        if not cut:
            return "Every reading is in this page."
        finest = max(cut, key=lambda one: one.envelope.samples)
        return (
            f"The finest that this page holds of {printable(finest.chosen.name, CELL_LIMIT)} is the lowest, the mean "
            f"and the highest of every {_resolution(finest)}: no extreme is missing, at any zoom. The run has all."
        )


def _resolution(one: Series) -> str:
    envelope = one.envelope
    if envelope.samples == 1:
        return "each reading"
    span_s = (envelope.end_ns - int(envelope.t_ns[0])) / 1e9
    return f"{envelope.samples} readings ({format_si(span_s / max(len(envelope), 1), 's', digits=2)})"

"""The page: its sections under one head, every script and every plot inside the file."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from edgewatt.profiler.analysis.repeats import MEASURE
from edgewatt.profiler.analysis.seen import TOO_WIDE
from edgewatt.profiler.progress import Progress
from edgewatt.profiler.storage.trace import Trace
from edgewatt.reports.page.scripts import css, inert, item_of, policy, scripts
from edgewatt.reports.page.section import Section, ToldRun
from edgewatt.reports.page.sections.order import FIRST, REST
from edgewatt.reports.page.templates import render
from edgewatt.reports.page.timeline.section import timeline

_VOID = "void"


def page_of(traces: Sequence[Trace], progress: Progress, version: str, others: Sequence[Section] = ()) -> bytes:
    """The report of these runs, and of `others` than runs (sections/given.py), as HTML in UTF-8.

    Raises UsageError where bokeh or jinja2 is not installed, or a file of a run is damaged.
    """
    executed = scripts()  # first: their absence is told before anything is read
    runs = told_of(traces)
    sections = [*(_sections(runs, progress) if runs else ()), *others]
    progress.phase("writing the page")
    plots = [
        {"id": plot.id, "item": item_of(plot), "data": inert(plot.data)}
        for section in sections
        for plot in section.plots
    ]
    heading = _heading(runs)
    page = render(
        __package__,
        "page.html",
        policy=policy(executed),
        version=version,
        made=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        css="\n".join([css(), *(section.css for section in sections if section.css)]),
        title=" ".join(str(word) for word in heading.values() if word),
        heading=heading,
        simulated=_simulated(runs),
        notices=notices_of(runs),
        sections=sections,
        plots=plots,
        scripts=executed,
    )
    return page.encode("utf-8", "replace")


def told_of(traces: Sequence[Trace]) -> list[ToldRun]:
    """The runs, each with a label unlike the others': the name of its folder, or as much of its path as it takes."""
    parts = [trace.path.resolve().parts for trace in traces]
    depth = 1
    while depth < max(map(len, parts), default=1) and len({of[-depth:] for of in parts}) < len(set(parts)):
        depth += 1
    return [ToldRun(trace, "/".join(of[-depth:])) for trace, of in zip(traces, parts, strict=True)]


def notices_of(runs: Sequence[ToldRun]) -> list[str]:
    """What a reader has to know before the numbers, a sentence each, for the page and for the terminal."""
    return [f"{run.label}: {said}" if len(runs) > 1 else said for run in runs for said in _said(run)]


def _said(run: ToldRun) -> Iterator[str]:
    manifest, results = run.manifest, run.results
    if manifest.quality == _VOID or any(row["quality"] == _VOID for row in results):
        yield "this run is void: its numbers are shown to find out why, and are not to be used"
    if manifest.status in {"interrupted", "recovered"}:
        yield f"this run is {manifest.status}: what had been recorded until then is here"
    if run.trace.results() is None and not run.trace.windows(MEASURE):
        yield "this run has no results, as it was recorded and nothing was executed in a measured window"
    elif run.trace.results() is None:
        yield "this run was never analysed, so that it has no results; `edgewatt process` makes them"
    elif not results:
        yield "this run has no results, as nothing was executed in a measured window"
    elif all(row["energy_gross_j_mean"] is None for row in results):
        too_wide = any(TOO_WIDE in (row["quality_reasons"] or ()) for row in results)
        yield "this run gives no energy: none is known to half of itself" if too_wide else "this run has no energy"
    if not any(run.trace.rows(stream) for stream in run.trace.streams):
        yield "this run has no samples, so that there is no timeline"
    yield from run.trace.notices


def _sections(runs: Sequence[ToldRun], progress: Progress) -> Iterator[Section]:
    for of in FIRST:
        if (section := of(runs)) is not None:
            yield section
    if (section := timeline(runs, progress)) is not None:
        yield section
    for of in REST:
        if (section := of(runs)) is not None:
            yield section


def _heading(runs: Sequence[ToldRun]) -> dict[str, Any]:
    if not runs:
        return {"several": "Calibrations and simulations"}
    if len(runs) > 1:
        return {"several": f"{len(runs)} runs"}
    first = runs[0].results[0] if runs[0].results else {}
    models = {row["model"] for row in runs[0].results}
    device = first.get("device") or runs[0].manifest.device.get("name") or "unnamed device"
    model = f"{len(models)} models" if len(models) > 1 else first.get("model") or "A recording"
    return {"model": model, "device": device, "several": ""}


def _simulated(runs: Sequence[ToldRun]) -> str:
    """What of it was simulated, in a sentence; "" where nothing was."""
    simulated = [run for run in runs if run.is_simulated]
    if not simulated:
        return ""
    which = "Devices of this report" if len(simulated) == len(runs) else f"{len(simulated)} of {len(runs)} runs"
    return f"{which} exist only in software: nothing here was measured on a real device."

"""Runs for the sections of a report, told as the page tells them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edgewatt.profiler.analysis.process import process
from edgewatt.profiler.storage.trace import Trace
from edgewatt.reports.page.section import Section, ToldRun
from tests.sample_runs import RESULT, make_run, repeat_rows


def told(path: Path, label: str | None = None) -> ToldRun:
    """The run in a folder, under its name or `label`."""
    return ToldRun(Trace.open(path), label or path.name)


def analysed(path: Path, label: str | None = None) -> ToldRun:
    """The same after it was processed."""
    process(path)
    return told(path, label)


def of_rows(
    folder: Path,
    results: Sequence[Mapping[str, Any]] = ({},),
    repeats: Sequence[Mapping[str, Any]] | None = None,
    **manifest: Any,
) -> ToldRun:
    """A run with these results, each over the usual one, and the usual repeats (or those given)."""
    rows = [{**RESULT, **row} for row in results]
    return told(make_run(folder, results=rows, repeats=repeat_rows() if repeats is None else repeats, **manifest))


def html_of(section: Section | None) -> str:
    """The section's HTML with its tables; it has to be there."""
    assert section is not None
    return section.html

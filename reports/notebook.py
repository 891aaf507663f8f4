"""How a run shows itself in IPython and Jupyter."""

from typing import Any, Final

from edgewatt.profiler.storage.trace import Trace
from edgewatt.reports.answer import answer
from edgewatt.reports.escape import LINE_LIMIT
from edgewatt.reports.latency_energy_table import LatencyEnergyTable, shown, table_html

_COLUMNS_SHOWN: Final = 200


def trace_html(trace: Trace) -> str:
    """A run as HTML: simulated or not, what and when, its results, and what it holds. Every text stays text."""
    manifest = trace.manifest
    first = "<strong>SIMULATED</strong> " if manifest.simulated else ""
    facts = [str(manifest.device.get("name") or "device unknown"), str(trace.path), manifest.created, manifest.status]
    head = f"<p>{first}{' · '.join(shown(fact, LINE_LIMIT) for fact in facts if fact)}</p>"
    notices = "".join(f"<p>notice: {shown(said, LINE_LIMIT)}</p>" for said in trace.notices)
    return f'<div class="edgewatt">{head}{notices}{_results(trace)}{_held(trace)}</div>'


def trace_bundle(trace: Trace, include: Any = None, exclude: Any = None) -> dict[str, str]:  # noqa: ARG001
    """The same for every front end: a terminal gets the answer of the run."""
    return {"text/plain": answer(trace), "text/html": trace_html(trace)}


def show_traces() -> None:
    """Let a Trace show itself. `edgewatt` does this when IPython is there; the profiler itself knows no report."""
    setattr(Trace, "_repr_html_", trace_html)  # noqa: B010  (the class does not declare it)
    setattr(Trace, "_repr_mimebundle_", trace_bundle)  # noqa: B010


def _results(trace: Trace) -> str:
    if trace.results() is None:
        said = f"not analysed yet: edgewatt.process({str(trace.path)!r})"
        return f"<p>{shown(said, LINE_LIMIT)}</p>"
    return table_html(LatencyEnergyTable.of(trace))


def _held(trace: Trace) -> str:
    """The columns by stream, and what could not be measured."""
    columns = list(trace.columns.items())
    items = "".join(
        f"<li>{shown(column, LINE_LIMIT)} {shown(stored.stream)}, {trace.rows(stored.stream):,} samples</li>"
        for column, stored in columns[:_COLUMNS_SHOWN]
    )
    missing = "".join(
        f"<li>{shown(str(one.get('what')), LINE_LIMIT)}: {shown(str(one.get('reason')), LINE_LIMIT)}</li>"
        for one in trace.manifest.unavailable[:_COLUMNS_SHOWN]
    )
    held = f"<details><summary>{len(columns)} columns</summary><ul>{items}</ul></details>" if columns else ""
    return held + (f"<details><summary>not measured</summary><ul>{missing}</ul></details>" if missing else "")

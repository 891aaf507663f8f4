"""Tables as Markdown, for a page that people read: SI prefixes, intervals, and where the numbers come from."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, BinaryIO, Final

from edgewatt.profiler.quality.table import in_words
from edgewatt.profiler.units import format_si
from edgewatt.reports.budget import per_cent, together
from edgewatt.reports.escape import LINE_LIMIT, markdown
from edgewatt.reports.source import Source
from edgewatt.reports.truth import off_by, truth_of
from edgewatt.reports.wording import Row, accuracy_of, mean_of, runs_on

_INTERVALS: Final = (
    "",
    "Intervals are 95 %: what the same instrument would give again; accuracy is against the truth, where it is known.",
)


def write_markdown(source: Source, file: BinaryIO) -> None:
    """A GitHub-flavoured table; blank where nothing was measured, with the reasons below it."""
    rows = [row for run in source.runs for row in _rows(Source((run,), source.table))]
    columns = _COLUMNS[source.table]
    used = {title: cell for title, cell in columns.items() if any(cell(row) for row in rows)}
    lines = [
        _provenance(source, rows),
        "",
        f"| {' | '.join(used)} |",
        f"|{'---|' * len(used)}",
        *(f"| {' | '.join(cell(row) for cell in used.values())} |" for row in rows),
        *(_INTERVALS if source.table == "results" else ()),
        *_reasons(rows),
    ]
    file.write("".join(f"{line}\n" for line in lines).encode())


def _rows(source: Source) -> list[dict[str, Any]]:
    """The rows of one run, each with what is true where the run knows it."""
    truth = truth_of(source.runs[0])
    rows = source.rows().to_pylist()
    return rows if source.table == "budget" else [{**row, "truth_j": truth.energy_j(row)} for row in rows]


def _provenance(source: Source, rows: Sequence[Row]) -> str:
    """Whether the numbers were measured or simulated, on which runs, with which edgewatt."""
    simulated = sum(row.get("simulated") is True for row in rows)
    part = f" in {simulated} of {len(rows)} rows" if 0 < simulated < len(rows) else ""
    first = f"SIMULATED{part}" if simulated or any(run.manifest.simulated for run in source.runs) else "Measured"
    runs = ", ".join(f"{markdown(run.path.name)} ({markdown(run.manifest.created)})" for run in source.runs)
    versions = sorted({str(run.manifest.versions.get("edgewatt", "of unknown version")) for run in source.runs})
    return f"**{first}** by edgewatt {markdown(', '.join(versions))}; {source.table} of {runs}"


def _reasons(rows: Sequence[Row]) -> list[str]:
    reasons = dict.fromkeys(reason for row in rows for reason in row.get("quality_reasons") or () if reason)
    items = [f"- {markdown(in_words(reason), LINE_LIMIT)}" for reason in reasons]
    return ["", "Marked, void or not measured because:", "", *items] if items else []


def _text(name: str) -> Callable[[Row], str]:
    return lambda row: "" if row[name] is None else markdown(str(row[name]))


def _si(name: str, unit: str) -> Callable[[Row], str]:
    return lambda row: "" if row[name] is None else format_si(row[name], unit)


def _device(row: Row) -> str:
    return f"{'SIMULATED ' if row['simulated'] else ''}{markdown(row['device'] or '')}"


def _runs_on(row: Row) -> str:
    return markdown(runs_on(row), LINE_LIMIT)


def _mean(name: str, unit: str) -> Callable[[Row], str]:
    return lambda row: " ".join(filter(None, mean_of(row, name, unit)))


def _accuracy(row: Row) -> str:
    return accuracy_of(row, "energy_gross_j", "J").removeprefix("accuracy ")


def _source(row: Row) -> str:
    parts = (row["energy_source"], row["energy_boundary"], row["idle_state"]) if row["energy_source"] else ()
    return ", ".join(markdown(part) for part in parts if part)


def _off_by(row: Row) -> str:
    return off_by(row, row["truth_j"]).removeprefix("off by ")


def _temperatures(row: Row) -> str:
    ends = [row["temperature_start_c"], row["temperature_end_c"]]
    return "" if None in ends else f"{ends[0]:.1f} to {ends[1]:.1f} C{', throttled' if row['throttled'] else ''}"


def _interval(row: Row) -> str:
    return f"{markdown(row['quantity'])}, {markdown(row['interval'])}{' (refused)' if row['is_refused'] else ''}"


def _share(row: Row) -> str:
    return "" if row["variance_ratio"] is None else markdown(f"{per_cent(row['variance_ratio'])} %")


def _degrees(row: Row) -> str:
    return "" if row["df_n"] is None or math.isinf(row["df_n"]) else f"{row['df_n']:.3g}"


def _whole(row: Row) -> str:
    """Of the whole interval, beside the term that dominates it."""
    return together(row) if row["dominates"] else ""


_CONFIGURATION: Final = {"device": _device, "model": _text("model"), "runs on": _runs_on}
_TRUTH: Final = {"truth": _si("truth_j", "J"), "off by": _off_by}
_END: Final = {"energy from": _source, "peak memory": _si("memory_peak_b", "B"), "quality": _text("quality")}
_COLUMNS: Final[Mapping[str, Mapping[str, Callable[[Row], str]]]] = {
    "results": {
        **_CONFIGURATION,
        "latency": _mean("latency_s", "s"),
        "p50": _si("latency_s_p50", "s"),
        "p90": _si("latency_s_p90", "s"),
        "p99": _si("latency_s_p99", "s"),
        "energy": _mean("energy_gross_j", "J"),
        "accuracy": _accuracy,
        **_TRUTH,
        "above idle": _mean("energy_net_j", "J"),
        "power": _si("power_w", "W"),
        **_END,
    },
    "repeats": {
        **_CONFIGURATION,
        "repeat": _text("repeat"),
        "iterations": _text("iterations"),
        "latency": _si("latency_s", "s"),
        "energy": _si("energy_gross_j", "J"),
        **_TRUTH,
        "above idle": _si("energy_net_j", "J"),
        "power": _si("power_w", "W"),
        "temperature": _temperatures,
        **_END,
    },
    "budget": {
        "configuration": _text("config_id"),
        "energy from": _text("energy_source"),
        "interval of": _interval,
        "term": _text("term"),
        "kind": _text("kind"),
        "u": _si("u_j", "J"),
        "degrees of freedom": _degrees,
        "share of variance": _share,
        "what would shrink it": lambda row: markdown(row["shrinks"] or "", LINE_LIMIT),
        "together": _whole,
    },
}

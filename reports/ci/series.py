"""Results for programs that watch numbers from commit to commit: github-action-benchmark, and Apache Otava.

github-action-benchmark reads with `tool: customSmallerIsBetter` a JSON list of {name, unit, value, range, extra} (its
README). Otava reads a CSV with a column of times, attributes, and one column for each metric (its docs, "CSV").
"""

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, Final

from edgewatt.profiler.errors import UsageError
from edgewatt.reports.escape import csv_text, printable
from edgewatt.reports.source import Source
from edgewatt.reports.wording import runs_on

_UNITS: Final = {"latency_s": "s", "energy_gross_j": "J", "memory_peak_b": "B"}
_UNFIT: Final = re.compile(r"[^A-Za-z0-9_.-]+")


def write_github_action_benchmark(source: Source, file: BinaryIO) -> None:
    """An entry for each quantity of each configuration; what was not measured has none."""
    _require_results(source, "github-action-benchmark")
    # A row for each energy source repeats latency and memory.
    entries = {entry["name"]: entry for row in source.rows().to_pylist() for entry in _entries(row)}
    file.write((json.dumps(list(entries.values()), indent=1, allow_nan=False) + "\n").encode())


def write_otava(source: Source, file: BinaryIO) -> None:
    """A row for each run, in order of time; a metric for each quantity of each configuration and energy source."""
    _require_results(source, "otava")
    rows: list[dict[str, Any]] = []
    metrics: dict[str, None] = {}
    for run in source.runs:
        values = {_metric(row, name, source_name): value for row, name, source_name, value in _values_of(run, source)}
        metrics |= dict.fromkeys(values)
        rows.append({"time": run.manifest.created, "run": csv_text(run.path.name), **values})
    rows.sort(key=lambda row: row["time"])
    text = io.StringIO()
    writer = csv.DictWriter(text, ["time", "run", *metrics], restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    file.write(text.getvalue().encode())


def _require_results(source: Source, to: str) -> None:
    if source.table != "results":
        raise UsageError(f"--to {to} is made of results; leave --table away")


def _values_of(run: Any, source: Source) -> Iterator[tuple[Mapping[str, Any], str, str | None, float]]:
    for row in Source((run,), source.table).rows().to_pylist():
        for name, source_name, value in _quantities(row):
            yield row, name, source_name, value


def _quantities(row: Mapping[str, Any]) -> Iterator[tuple[str, str | None, float]]:
    for name in _UNITS:
        value = row[name] if name == "memory_peak_b" else row[f"{name}_mean"]
        if value is not None:
            yield name, row["energy_source"] if name.startswith("energy") else None, value


def _entries(row: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    where = printable(f"{row['device']}, {row['model']}, {runs_on(row)}")
    for name, source_name, value in _quantities(row):
        entry = {"name": ": ".join(filter(None, (where, name, source_name))), "unit": _UNITS[name], "value": value}
        low, high = row.get(f"{name}_low"), row.get(f"{name}_high")
        if low is not None and high is not None:
            entry["range"] = f"± {(high - low) / 2:.3g}"
        said = "SIMULATED, " if row["simulated"] else ""
        entry["extra"] = f"{said}{row['quality']}, session {printable(str(row['session']))}, config {row['config_id']}"
        yield entry


def _metric(row: Mapping[str, Any], name: str, source_name: str | None) -> str:
    words = (row["model"], row["target_asked"], row["threads"], row["config_id"], source_name, name)
    return ".".join(_UNFIT.sub("_", str(word))[:40] for word in words if word is not None)

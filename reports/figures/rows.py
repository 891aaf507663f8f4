"""Rows of results as figures read them: whose they are, and in what they differ."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from edgewatt.profiler.channel import WIDEST_FIRST
from edgewatt.profiler.units import format_si
from edgewatt.reports.figures.look import drawable
from edgewatt.reports.operator_table import parts_of
from edgewatt.reports.source import Source
from edgewatt.reports.wording import Row, counted

_PART_LIMIT: Final = 28
_FREE: Final = "left free"

_SAID: Final[Mapping[str, Callable[[Any], str]]] = {
    "run": str,
    "device": str,
    "model": lambda name: str(name).removesuffix(".tflite"),
    "target_used": str,
    "target_asked": str,
    "precision": str,
    "threads": lambda n: counted(n, "thread"),
    "batch": lambda n: f"batch {n}",
    "runtime": str,
    "frequency_hz": lambda hz: format_si(hz, "Hz"),
    "energy_source": str,
}
NAMES: Final = ("device", "model", "target_used", "threads", "batch", "precision", "frequency_hz")


def results_of(source: Source) -> list[Row]:
    """The rows of the results of all runs, each with the name of its run under `run`, void ones left out and said.

    Parts of a network that were measured for its operators are no answer of their own. Raises UsageError as
    `Source.rows` does.
    """
    found = []
    for run, name in zip(source.runs, run_names(source), strict=True):
        parts = parts_of(run)
        found += [{**row, "run": name} for row in Source((run,)).rows().to_pylist() if row["config_id"] not in parts]
    void = [row for row in found if row["quality"] == "void"]
    if void:
        source.notices.append(f"{len(void)} of {len(found)} rows are void and not drawn")
    return [row for row in found if row["quality"] != "void"]


def run_names(source: Source) -> list[str]:
    """What each run is called: its folder, with what leads to it where two have the same."""
    names = [run.path.name for run in source.runs]
    return [
        name if names.count(name) == 1 else "/".join(run.path.parts[-2:])
        for name, run in zip(names, source.runs, strict=True)
    ]


def widest(rows: Sequence[Row]) -> list[Row]:
    """Of each configuration of each run the row whose boundary takes in the most, those with joules first."""
    rank = {boundary: place for place, boundary in enumerate(WIDEST_FIRST)}
    best: dict[tuple[str, str], Row] = {}
    for row in sorted(
        rows, key=lambda row: (row["energy_gross_j_mean"] is None, rank.get(row["energy_boundary"], len(rank)))
    ):
        best.setdefault((row["run"], row["config_id"]), row)
    return [row for row in rows if any(row is one for one in best.values())]


def boundary_of(row: Row) -> str:
    """Where the joules of a row were taken, in words; of a rail which one, since joules of two rails are two things."""
    boundary = str(row["energy_boundary"] or "?").replace("_", " ")
    return f"{boundary} {said('energy_source', row['energy_source'])}" if boundary == "rail" else boundary


def differences(rows: Sequence[Row], names: Sequence[str]) -> list[str]:
    """Those of the columns in which the rows are not all the same; a run's name only where nothing else differs."""
    found = [name for name in names if len({row[name] for row in rows}) > 1]
    apart = {tuple(row[name] for name in found) for row in rows}
    return (
        found if len(apart) == len({(row["run"], *(row[name] for name in found)) for row in rows}) else ["run", *found]
    )


def labels(rows: Sequence[Row], names: Sequence[str], among: Sequence[Row] = ()) -> list[str]:
    """A short label for each row: in what it differs from the others, or from those `among` which it is."""
    chosen = differences(among or rows, names) or ["model"]
    free = [_FREE] if chosen == ["frequency_hz"] else []
    return [
        ", ".join([said(name, row[name]) for name in chosen if row[name] is not None] or free) or "?" for row in rows
    ]


def said(name: str, value: Any) -> str:
    """A value of a column as a label has it."""
    return "" if value is None else drawable(_SAID.get(name, str)(value), _PART_LIMIT)


def simulated(source: Source, rows: Sequence[Row] = ()) -> str:
    """`SIMULATED`, with the names of the runs where not all are; "" for what was measured."""
    names = run_names(source)
    of_rows = {row["run"] for row in rows if row["simulated"]}
    found = [name for run, name in zip(source.runs, names, strict=True) if run.manifest.simulated or name in of_rows]
    if not found:
        return ""
    return "SIMULATED" if len(found) == len(names) else f"SIMULATED: {drawable(', '.join(found), 60)}"

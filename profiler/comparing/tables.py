"""Repeats to compare, and tables of ours, from wherever they lie: a run's folder, an export, a table from elsewhere."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from edgewatt.profiler.analysis.results import meters_of
from edgewatt.profiler.comparing.columns import EXPORTED, TableFile, exported_as, listed
from edgewatt.profiler.comparing.plain_table import ALIASES, ITERATION, completed, plain_table
from edgewatt.profiler.comparing.table_files import read_table_file
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.integrity import refuse_edited_table
from edgewatt.profiler.storage.packing.magic import is_packed
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.tables import REPEATS, RESULTS


@dataclass(frozen=True, slots=True, eq=False)
class Repeats:
    """The repeats of one side of a comparison.

    `table` has the columns of REPEATS (null where the source has none) and those asked for with `keep`, as text.
    `known` are the columns that the source had. `conditions` is None where only their hash, or not even that, is known.
    """

    name: str
    table: pa.Table
    known: frozenset[str]
    conditions: Mapping[str, Any] | None = None
    notices: tuple[str, ...] = ()


def read_repeats(path: str | Path, keep: Collection[str] = ()) -> Repeats:
    """The repeats in a run's folder, in a table that `edgewatt export --table repeats` wrote, or in a plain table.

    A plain table is CSV or Parquet with `repeat`, at least one of `latency_s`, `energy_j`, `memory_peak_b`, and
    optionally `iteration`, `session` and columns that say what was measured; `keep` names further ones to match on.
    Raises UsageError for anything else.
    """
    path = Path(path)
    if path.is_dir() or is_packed(path):
        return _from_run(path)
    file = read_table_file(path, _wanted(keep))
    if exported_as(file.names) == "repeats":
        table = completed(_exported(file, REPEATS, keep))
        _require_rows(path, table)
        return Repeats(str(path), table, frozenset(table.column_names), None, _unknown(file, REPEATS, keep))
    if "repeat" not in file.columns and set(file.columns) & (set(RESULTS.names) - set(REPEATS.names)):
        raise UsageError(
            f"{path}: holds results, one row per configuration; comparing needs the spread of the repeats behind them. "
            "Give the run's folder, or export it with --table repeats"
        )
    plain, notices = plain_table(file, keep)
    known = {ALIASES.get(name, name) for name in file.columns} & set(plain.column_names)
    return Repeats(str(path), plain, frozenset(known), None, tuple(notices))


def joined(sides: Sequence[Repeats]) -> Repeats:
    """The repeats of several runs as one side; conditions are known where all agree. `sides` are not empty."""
    first, *others = sides
    if not others:
        return first
    table = pa.concat_tables([side.table for side in sides], promote_options="permissive")
    same = all(side.conditions == first.conditions for side in others)
    known = frozenset.intersection(*(side.known for side in sides))
    notices = tuple(dict.fromkeys(notice for side in sides for notice in side.notices))
    return Repeats(", ".join(side.name for side in sides), table, known, first.conditions if same else None, notices)


def read_table(path: str | Path, table: str | None = None) -> pa.Table:
    """The table in an export: RESULTS or REPEATS, with exactly their columns and types; or `table` of a run's folder.

    Raises UsageError if there is none, or the file is not the `table` asked for.
    """
    path = Path(path)
    if path.is_dir() or is_packed(path):
        return table_of_run(Trace.open(path), table or "results")
    file = read_table_file(path, _wanted(()))
    found = exported_as(file.names)
    if found is None or table not in {None, found}:
        raise UsageError(
            f"{path}: its columns are not those of {table or 'results or repeats'}; seen are {listed(file.names)}"
        )
    return _exported(file, EXPORTED[found], ())


def table_of_run(trace: Trace, table: str) -> pa.Table:
    """The `results`, `repeats` or `budget` of a run. Raises UsageError if it holds none, or one that was edited."""
    found = {"results": trace.results, "repeats": trace.repeats, "budget": trace.budget}[table]()
    if found is None:
        raise UsageError(
            f"{trace.path}: holds no {table}: it was recorded without a workload, or never analysed. "
            f"`edgewatt process {trace.path}` makes them where windows were measured"
        )
    refuse_edited_table(trace.path, trace.manifest, table)
    return found


def _wanted(keep: Collection[str]) -> set[str]:
    return {*REPEATS.names, *RESULTS.names, *ALIASES, ITERATION, *keep}


def _from_run(path: Path) -> Repeats:
    trace = Trace.open(path)
    table = completed(table_of_run(trace, "repeats"))
    _require_rows(path, table)
    conditions = {**trace.manifest.conditions, "meter": ", ".join(meters_of(trace.manifest) or ["none"])}
    return Repeats(str(path), table, frozenset(table.column_names), conditions, tuple(trace.notices))


def _require_rows(path: Path, table: pa.Table) -> None:
    if not table.num_rows:
        raise UsageError(f"{path}: has the columns of repeats and no rows, so there is nothing to compare")


def _exported(file: TableFile, schema: pa.Schema, keep: Collection[str]) -> pa.Table:
    """The file's columns in the types of `schema`, then those to `keep` as text."""
    others = [pa.field(name, pa.string()) for name in keep if name in file.columns and name not in schema.names]
    fields = [*schema, *others]
    return pa.table({field.name: file.column(field.name, field.type) for field in fields})


def _unknown(file: TableFile, schema: pa.Schema, keep: Collection[str]) -> tuple[str, ...]:
    unknown = [name for name in file.names if name not in schema.names and name not in keep]
    return (f"{file.path}: columns not used: {listed(unknown)}",) if unknown else ()

"""The step from a recorded run to its tables: `edgewatt process RUN`."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from edgewatt.profiler.analysis.repeats import measured_repeats
from edgewatt.profiler.analysis.results import GOOD, MARKED, VOID, Analysis, repeat_rows, result_rows, table_of
from edgewatt.profiler.analysis.seen import Seen, seen_by
from edgewatt.profiler.analysis.synchronised import TIE, tie_of
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.identity import sha256_of_file
from edgewatt.profiler.storage.durable import TEMPORARY, lock_run, rename_durably, writing
from edgewatt.profiler.storage.manifest import FILE_NAME, Manifest, is_edited, read_manifest, write_manifest
from edgewatt.profiler.storage.recover import recover
from edgewatt.profiler.storage.run_tables import read_rows
from edgewatt.profiler.storage.streams import open_table
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.tables import REPEATS, RESULTS
from edgewatt.profiler.units import Quantity

# Counts up when the same trace gives other numbers: a change of formula, never one of code.
METHOD_VERSION: Final = 1
METHOD_KEY: Final = b"edgewatt.method"

# What was found by analysing stands in the manifest behind this, apart from what was found while recording.
FOUND: Final = "results:"

# Signing the manifest anew would hide that somebody changed it.
EDITED: Final = f"edited:{FILE_NAME}"

_TABLES: Final[Mapping[str, pa.Schema]] = {"repeats": REPEATS, "results": RESULTS}
# The endings of columns from which no joules can be formed, whatever else a reason says.
_NOT_OF_ENERGY: Final = tuple(
    q.value for q in Quantity if q not in {Quantity.POWER, Quantity.ENERGY, Quantity.CURRENT, Quantity.VOLTAGE}
)
# A condition that could not be set (running/prepare.py) stands in the same list.
_NOT_AN_INSTRUMENT: Final = "not_set:"
_WHY_LIMIT: Final = 1000


def process(path: str | Path) -> Trace:
    """The run in the folder `path` with its repeats and results made (again) from what was recorded.

    A run that was not closed is closed first. The tables that were there stay beside the new ones under the number
    of their method. A run without measured windows has no tables. Raises UsageError if it is no run, damaged, being
    recorded at this moment or cannot be written, NotMeasuredError if a clock was never compared with the host's.
    """
    path = Path(path)
    read_manifest(path / FILE_NAME)
    _put_unreadable_away(path)
    trace = recover(path)
    analysis = analyse(trace)
    tables = {
        name: table_of(rows(analysis), _TABLES[name], str(path))
        for name, rows in (("repeats", repeat_rows), ("results", result_rows))
    }
    with _locked(path), writing(path, path):
        if analysis.repeats:
            for name, table in tables.items():
                _store(path, name, table)
        manifest = _judged(trace, analysis, tables["results"])
        if manifest != trace.manifest:
            write_manifest(path, manifest)
    return Trace.open(path)


def analyse(trace: Trace) -> Analysis:
    """The repeats of a trace and what each of its energy sources saw of them."""
    repeats = measured_repeats(trace)
    manifest = trace.manifest
    edited = [EDITED] if is_edited(manifest) else []
    reasons = dict.fromkeys(r for r in (*manifest.quality_reasons, *edited) if not r.startswith(FOUND))
    sources = trace.sources if repeats else []
    seen = [seen_by(trace, source, repeats) for source in sources] or [Seen.nothing(len(repeats), _why_none(trace))]
    return Analysis(manifest, tuple(reasons), repeats, seen)


def _why_none(trace: Trace) -> str:
    """Why no joules can be formed, from what the instruments said; in one line."""
    unavailable = trace.manifest.unavailable
    said = [f"{u['what']}: {u['reason']}" for u in unavailable if _is_of_energy(str(u["what"]))]
    return "; ".join(said)[:_WHY_LIMIT] or "no instrument was recorded from which joules can be formed"


def _is_of_energy(what: str) -> bool:
    return not what.endswith(_NOT_OF_ENERGY) and not what.startswith(_NOT_AN_INSTRUMENT)


def _judged(trace: Trace, analysis: Analysis, results: pa.Table) -> Manifest:
    """The manifest with the quality of the results, what was found against them, and the sums of their files."""
    rows = results.select(["quality", "quality_reasons"]).to_pylist()
    found = dict.fromkeys(reason for row in rows for reason in row["quality_reasons"])
    qualities = {row["quality"] for row in rows}
    quality = VOID if qualities == {VOID} else MARKED if qualities - {GOOD} or analysis.reasons else GOOD
    derived = [f"{FOUND}{reason}" for reason in found if reason not in analysis.reasons]
    made = sorted(file for name in _TABLES for file in trace.path.glob(f"{name}*.parquet"))
    files = {name: entry for name, entry in trace.manifest.files.items() if not name.startswith(tuple(_TABLES))}
    for file in made:
        files[file.name] = {"sha256": sha256_of_file(file), "size": file.stat().st_size}
    reasons, clocks = [*analysis.reasons, *derived], _clocks(trace, analysis)
    return replace(trace.manifest, quality=quality, quality_reasons=reasons, files=files, clocks=clocks)


def _clocks(trace: Trace, analysis: Analysis) -> dict[str, dict[str, Any]]:
    """The fits that were recorded, and those that synchronising found for one source each."""
    recorded = {name: fit for name, fit in trace.manifest.clocks.items() if TIE not in name}
    found = [
        tie_of(seen.source, seen.clock.found.fit)
        for seen in analysis.seen
        if seen.source is not None and seen.clock is not None and seen.clock.found is not None
    ]
    return {**recorded, **{fit.clock: fit.to_json() for fit in found}}


def _store(path: Path, name: str, table: pa.Table) -> None:
    """Write a table into the run, atomically; one that is there already stays beside it, once."""
    file = path / f"{name}.parquet"
    table = table.replace_schema_metadata({METHOD_KEY: str(METHOD_VERSION)})
    if file.exists():
        old = _read(file)
        method = _method_of(old.schema)
        kept = path.glob(f"{name}.method-{method}*.parquet")
        if not any(sha256_of_file(other) == sha256_of_file(file) for other in kept):
            shutil.copyfile(file, _beside(path, f"{name}.method-{method}"))
        if method == str(METHOD_VERSION) and old.equals(table):
            return
    temporary = file.with_name(file.name + TEMPORARY)
    pq.write_table(table, temporary, compression="zstd")
    rename_durably(temporary, file)


def _read(file: Path) -> pa.Table:
    with pq.ParquetFile(file) as opened:
        return opened.read()


def _method_of(schema: pa.Schema) -> str:
    """The version of the method that made a table; "unknown" where it does not say, or says nothing fit for a name."""
    said = (schema.metadata or {}).get(METHOD_KEY, b"").decode("ascii", "replace")
    return said if said.isdigit() and len(said) < 10 else "unknown"


def _beside(path: Path, stem: str) -> Path:
    """A name that is not taken: results.method-1.parquet, then results.method-1.2.parquet."""
    number = 1
    while (file := path / f"{stem}{'' if number == 1 else f'.{number}'}.parquet").exists():
        number += 1
    return file


def _put_unreadable_away(path: Path) -> None:
    """Rename tables of ours that cannot be read or lack a column: nothing depends on them, and they are made again."""
    for name in _TABLES:
        file = path / f"{name}.parquet"
        if file.exists() and not _is_whole(file, name):
            with writing(file, path):
                file.rename(_beside(path, f"{name}.unreadable"))


def _is_whole(file: Path, name: str) -> bool:
    try:
        table = open_table(file)
        complete = table.schema is not None and all(table.schema.names.count(c) == 1 for c in _TABLES[name].names)
        return complete and read_rows({name: table}, name) is not None
    except UsageError:
        return False


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    try:
        lock = lock_run(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be opened for writing: {error.strerror or error}") from error
    try:
        yield
    finally:
        os.close(lock)

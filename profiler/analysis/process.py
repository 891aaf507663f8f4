"""The step from a recorded run to its tables: `edgewatt process RUN`."""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from edgewatt.profiler.analysis.budgets import budget_rows
from edgewatt.profiler.analysis.detected import undecided_gauge, with_findings
from edgewatt.profiler.analysis.repeats import measured_repeats
from edgewatt.profiler.analysis.results import Analysis, repeat_rows, result_rows, table_of
from edgewatt.profiler.analysis.seen import Seen, seen_by
from edgewatt.profiler.analysis.synchronised import TIE, source_clock, tie_of
from edgewatt.profiler.channel import EnergySource
from edgewatt.profiler.clockfit import ClockFit
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.identity import sha256_of_file
from edgewatt.profiler.operator_energy.in_run import FILE_NAME as OPERATOR_REPORT
from edgewatt.profiler.operator_energy.table import OperatorEnergy, operator_energy
from edgewatt.profiler.quality.reason import GOOD, MARKED, VOID
from edgewatt.profiler.quality.table import FOUND, quality_of
from edgewatt.profiler.storage.durable import TEMPORARY, lock_run, rename_durably, replace_file, writing
from edgewatt.profiler.storage.integrity import refuse_edited
from edgewatt.profiler.storage.manifest import FILE_NAME, Manifest, read_manifest, write_manifest
from edgewatt.profiler.storage.recover import recover
from edgewatt.profiler.storage.run_tables import read_rows
from edgewatt.profiler.storage.streams import open_table
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.tables import BUDGET, REPEATS, RESULTS, SCHEMA_KEY, SCHEMA_VERSION
from edgewatt.profiler.units import Quantity

# Counts up when the same trace gives other numbers: a change of formula, never one of code.
METHOD_VERSION: Final = 2
METHOD_KEY: Final = b"edgewatt.method"

# Before the name of a file that somebody changed and somebody accepted: its new sum would hide that.
EDITED: Final = "edited"

_TABLES: Final[Mapping[str, pa.Schema]] = {"repeats": REPEATS, "results": RESULTS, "budget": BUDGET}
# Made of the run, and made again: whoever changes these changes nothing that was recorded.
_MADE: Final = (*_TABLES, "operators", OPERATOR_REPORT)
# The endings of columns from which no joules can be formed, whatever else a reason says.
_NOT_OF_ENERGY: Final = tuple(
    q.value for q in Quantity if q not in {Quantity.POWER, Quantity.ENERGY, Quantity.CURRENT, Quantity.VOLTAGE}
)
# Of a configuration in the manifest: at which frequencies its repeats ran (pins.py).
SHARES: Final = "frequency_shares"
# A condition that could not be set (running/prepare.py) stands in the same list.
_NOT_AN_INSTRUMENT: Final = "not_set:"
_WHY_LIMIT: Final = 1000


def process(path: str | Path, *, accept_edits: bool = False) -> Trace:
    """The run in the folder `path` with its repeats and results made (again) from what was recorded.

    A run that was not closed is closed first. The tables that were there stay beside the new ones under the number
    of their method. A run without measured windows has no tables. Raises UsageError if it is no run, damaged, being
    recorded at this moment or cannot be written, or if what was recorded was changed by hand since, unless edits are
    accepted, which is a reason in every row from then on; NotMeasuredError if a clock was never compared with the
    host's.
    """
    path = Path(path)
    read_manifest(path / FILE_NAME)
    _put_unreadable_away(path)
    trace = recover(path)
    edited = [name for name in trace.verify() if not name.startswith(_MADE)]
    if not accept_edits:
        refuse_edited(path, edited)
    analysis = analyse(trace, edited)
    rows_of = {"repeats": repeat_rows, "results": result_rows, "budget": budget_rows}
    tables = {name: table_of(rows_of[name](analysis), schema, str(path)) for name, schema in _TABLES.items()}
    operators = operator_energy(trace, analysis)
    tables |= operators.tables
    with _locked(path), writing(path, path):
        if analysis.repeats:
            for name, table in tables.items():
                _store(path, name, table)
        if operators.report is not None:
            replace_file(path / OPERATOR_REPORT, operators.report)
        manifest = _judged(trace, analysis, tables, operators, edited)
        if manifest != trace.manifest:
            write_manifest(path, manifest)
    return Trace.open(path)


def analyse(trace: Trace, edited: Sequence[str] = ()) -> Analysis:
    """The repeats of a trace and what each of its energy sources saw of them; `edited` are files to say that of."""
    repeats = with_findings(trace, measured_repeats(trace))
    manifest = trace.manifest
    changed = [f"{EDITED}:{name}" for name in edited]
    reasons = dict.fromkeys(r for r in (*manifest.quality_reasons, *changed) if not r.startswith(FOUND))
    sources = trace.sources if repeats else []
    seen = [seen_by(trace, source, repeats) for source in sources] or [Seen.nothing(len(repeats), _why_none(trace))]
    undecided = undecided_gauge(trace)
    seen = [replace(one, reasons=(*one.reasons, *undecided)) for one in seen]
    return Analysis(manifest, tuple(reasons), repeats, seen)


def _why_none(trace: Trace) -> str:
    """Why no joules can be formed, from what the instruments said; in one line."""
    unavailable = trace.manifest.unavailable
    said = [f"{u['what']}: {u['reason']}" for u in unavailable if _is_of_energy(str(u["what"]))]
    return "; ".join(said)[:_WHY_LIMIT] or "no instrument was recorded from which joules can be formed"


def _is_of_energy(what: str) -> bool:
    return not what.endswith(_NOT_OF_ENERGY) and not what.startswith(_NOT_AN_INSTRUMENT)


def _judged(
    trace: Trace,
    analysis: Analysis,
    tables: Mapping[str, pa.Table],
    operators: OperatorEnergy,
    edited: Sequence[str],
) -> Manifest:
    """The manifest with the quality of the results, what was found against them, and the sums of their files."""
    rows = tables["results"].select(["quality", "quality_reasons"]).to_pylist()
    found = dict.fromkeys((*(reason for row in rows for reason in row["quality_reasons"]), *operators.reasons))
    qualities = {row["quality"] for row in rows}
    worst = MARKED if qualities - {GOOD} else quality_of(analysis.reasons)
    quality = VOID if qualities == {VOID} else worst
    derived = [f"{FOUND}{reason}" for reason in found if reason not in analysis.reasons]
    made = sorted(file for name in tables for file in trace.path.glob(f"{name}*.parquet"))
    made += [trace.path / OPERATOR_REPORT] if operators.report is not None else []
    files = {name: entry for name, entry in trace.manifest.files.items() if not name.startswith(tuple(tables))}
    made += [trace.path / name for name in edited if name in files]
    for file in made:
        files.pop(name := file.relative_to(trace.path).as_posix(), None)
        if file.is_file():
            files[name] = {"sha256": sha256_of_file(file), "size": file.stat().st_size}
    reasons, clocks = [*analysis.reasons, *derived], _clocks(trace, analysis)
    configs = _with_frequencies(trace.manifest, analysis)
    return replace(
        trace.manifest, quality=quality, quality_reasons=reasons, files=files, clocks=clocks, configs=configs
    )


def _with_frequencies(manifest: Manifest, analysis: Analysis) -> dict[str, dict[str, Any]]:
    """The configurations, each with the share of its repeats' time at each frequency, by repeat and cluster."""
    configs = {identity: dict(config) for identity, config in manifest.configs.items()}
    for config in configs.values():
        config.pop(SHARES, None)
    for repeat in analysis.repeats:
        if repeat.config_id in configs and repeat.ran.shares:
            configs[repeat.config_id].setdefault(SHARES, {})[str(repeat.repeat)] = repeat.ran.to_json()
    return configs


def _clocks(trace: Trace, analysis: Analysis) -> dict[str, dict[str, Any]]:
    """The fits that were recorded, and those that synchronising found for one source each.

    A run of loads has no repeats that would have looked for them; what is not as it should be is looked for again.
    """
    recorded = {name: fit for name, fit in trace.manifest.clocks.items() if TIE not in name}
    found = [
        tie_of(seen.source, seen.clock.found.fit)
        for seen in analysis.seen
        if seen.source is not None and seen.clock is not None and seen.clock.found is not None
    ]
    if not analysis.repeats:
        found += [fit for source in trace.sources if (fit := _tie(trace, source)) is not None]
    return {**recorded, **{fit.clock: fit.to_json() for fit in found}}


def _tie(trace: Trace, source: EnergySource) -> ClockFit | None:
    """What the trains say of a source, None where there are none, or something is wrong with them."""
    try:
        clock = source_clock(trace, source)
    except UsageError:
        return None
    return None if clock is None or clock.found is None or clock.reasons else tie_of(source, clock.found.fit)


def _store(path: Path, name: str, table: pa.Table) -> None:
    """Write a table into the run, atomically; one that is there already stays beside it, once."""
    file = path / f"{name}.parquet"
    table = table.replace_schema_metadata({METHOD_KEY: str(METHOD_VERSION), SCHEMA_KEY: str(SCHEMA_VERSION)})
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

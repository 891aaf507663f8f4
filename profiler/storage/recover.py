"""Closing a run that nobody closed: after a crash, a kill or a power failure."""

import os
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.compact import compact_run
from edgewatt.profiler.storage.durable import lock_run, writing
from edgewatt.profiler.storage.layout import RECORDED_TABLES, STREAMS
from edgewatt.profiler.storage.manifest import FILE_NAME, Manifest, read_manifest, write_manifest
from edgewatt.profiler.storage.samples import stream_schema
from edgewatt.profiler.storage.streams import ARROWS
from edgewatt.profiler.storage.trace import Trace

NOT_CLOSED = "not_closed"


def recover(path: str | Path) -> Trace:
    """The run in the folder `path`, closed now if it was not: status "recovered", and "not_closed" as a reason.

    Everything that had reached the disk is kept. Does nothing to a closed run; may be killed and called again.
    Raises UsageError if the run is being recorded at this moment, damaged, or if the disk has no room.
    """
    path = Path(path)
    if read_manifest(path / FILE_NAME).status == "recording":
        try:
            lock = lock_run(path)
        except OSError as error:
            raise UsageError(f"{path} was not closed, and closing it needs to write there: {error.strerror}") from error
        try:
            _close(Trace.open(path))
        finally:
            os.close(lock)
    return Trace.open(path)


def _close(trace: Trace) -> None:
    """Close it, unless somebody else did before it was ours."""
    if trace.manifest.status != "recording":
        return
    path, manifest = trace.path, _with_findings(trace)
    with writing(path / FILE_NAME, path):
        write_manifest(path, manifest)  # what a recovery that is killed would no longer find
    files = compact_run(path, _schemas(trace))
    with writing(path / FILE_NAME, path):
        write_manifest(path, replace(manifest, status="recovered", files=files))


def _with_findings(trace: Trace) -> Manifest:
    """The manifest with the channels that only their files name, and with what was cut as a reason."""
    known, streams = trace.manifest, trace.stored_streams
    found = {
        name: {column: channel.to_json() for column, channel in stream.channels.items()}
        for name, stream in streams.items()
    }
    tables = {name: stream.table for name, stream in streams.items()} | dict(trace.stored_tables)
    cut = [f"cut:{name}" for name, table in tables.items() if table is not None and table.cut]
    return replace(
        known,
        channels={name: {**known.channels.get(name, {}), **columns} for name, columns in found.items()},
        quality_reasons=list(dict.fromkeys([*known.quality_reasons, NOT_CLOSED, *cut])),
    )


def _schemas(trace: Trace) -> dict[Path, pa.Schema]:
    """What stands in for the schema of a file that was cut before its own; it has no rows then."""
    schemas = {trace.path / f"{name}{ARROWS}": schema for name, schema in RECORDED_TABLES.items()}
    for name, stream in trace.stored_streams.items():
        channels = list(stream.channels.values())
        schemas[trace.path / STREAMS / f"{name}{ARROWS}"] = stream_schema(channels, stream.clock)
    return schemas

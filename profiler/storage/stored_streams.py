"""The streams of a run as they lie in its folder, matched with what `run.json` says of them."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from edgewatt.profiler.channel import Channel
from edgewatt.profiler.clock import HOST_CLOCK
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.checked import TEXT_LIMIT, channel_from_file, shown
from edgewatt.profiler.storage.durable import TEMPORARY
from edgewatt.profiler.storage.layout import STREAMS, is_file_name
from edgewatt.profiler.storage.manifest import Manifest, loads_plainly
from edgewatt.profiler.storage.samples import CHANNEL_KEY, CLOCK_KEY, TIME
from edgewatt.profiler.storage.series import StoredStream
from edgewatt.profiler.storage.streams import ARROWS, PARQUET, StoredTable, find_table, open_table, said_of_cut

_TYPES: Final = {"gauge": (pa.float32(), pa.float64()), "counter": (pa.int64(),)}


def open_streams(run: Path, manifest: Manifest) -> tuple[dict[str, StoredStream], list[str]]:
    """The streams by name, and what there is to say about them. Raises UsageError for one that is damaged."""
    notices: list[str] = []
    found = {file.stem for file in _stream_files(run, notices)}
    streams = {}
    for name in sorted(found | set(manifest.channels)):
        known = {column: channel_from_file(data, column) for column, data in manifest.channels.get(name, {}).items()}
        path = find_table(run / STREAMS, name) if is_file_name(name) else None
        if path is None:
            notices.append(f"{STREAMS}/{name} is missing: run.json names it")
            streams[name] = StoredStream(name, known, HOST_CLOCK, None)
        else:
            table = open_table(path)
            if table.cut:
                notices.append(said_of_cut(table, path.name))
            channels = known if table.schema is None else _matched(table.path, table.schema, known, notices)
            streams[name] = StoredStream(name, channels, _clock(table, manifest), table)
    _check_unique(streams)
    return streams, notices


def _stream_files(run: Path, notices: list[str]) -> Iterator[Path]:
    folder = run / STREAMS
    for file in sorted(folder.iterdir()) if folder.is_dir() else ():
        if file.suffix in {ARROWS, PARQUET} and is_file_name(file.name):
            yield file
        elif file.suffix != TEMPORARY:
            notices.append(f"{STREAMS}/{shown(file.name)} is no stream and was not read")


def _matched(path: Path, schema: pa.Schema, known: Mapping[str, Channel], notices: list[str]) -> dict[str, Channel]:
    """The columns that can be read, each with its channel; `run.json` has the last word."""
    twice = [name for name, count in Counter(schema.names).items() if count > 1]
    if twice or schema.names.count(TIME) != 1:
        raise UsageError(f"{path}: expected one column {TIME} and no column twice, found {shown(schema.names)}")
    channels = {}
    for field in schema:
        if field.name == TIME:
            continue
        named, described = known.get(field.name), _described(field)
        if (channel := named or described) is None:
            notices.append(f"{path.name}: column {shown(field.name)} is unknown and was not read")
            continue
        if named is None:
            notices.append(f"{path.name}: column {field.name} is not in run.json; taken as the file describes it")
        elif described is not None and described != named:
            notices.append(f"{path.name}: column {field.name} is described differently in run.json, which was believed")
        if field.type not in _TYPES[channel.kind]:
            expected = " or ".join(str(kind) for kind in _TYPES[channel.kind])
            raise UsageError(f"{path}: {channel.kind} {field.name} is {field.type}, expected {expected}")
        channels[field.name] = channel
    missing = [name for name in known if name not in channels]
    notices += [f"{path.name}: column {shown(name)} is missing: run.json names it" for name in missing]
    return channels


def _described(field: pa.Field) -> Channel | None:
    """The channel as the column itself describes it; None where it does not."""
    content: Any = (field.metadata or {}).get(CHANNEL_KEY)
    try:
        channel = None if content is None else channel_from_file(loads_plainly(content), field.name)
    except ValueError:
        return None
    return channel if channel is not None and channel.column == field.name else None


def _clock(table: StoredTable, manifest: Manifest) -> str:
    if table.schema is None:
        return HOST_CLOCK
    content: bytes = (table.schema.field(TIME).metadata or {}).get(CLOCK_KEY, b"")
    name = content.decode(errors="replace")
    if name and len(name) <= TEXT_LIMIT:
        return name
    if set(manifest.clocks) <= {HOST_CLOCK}:
        return HOST_CLOCK
    raise UsageError(
        f"{table.path}: does not say which clock stamped it, expected one of {', '.join(manifest.clocks)} as 'clock' "
        f"in the metadata of {TIME}; restore the file as it was recorded"
    )


def _check_unique(streams: Mapping[str, StoredStream]) -> None:
    owner: dict[str, str] = {}
    for name, stream in streams.items():
        for column in stream.channels:
            if column in owner:
                both = f"streams {owner[column]} and {name}"
                raise UsageError(f"{both} both hold {column}, expected it in one of them; move one file away")
            owner[column] = name

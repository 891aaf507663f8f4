"""`run.json`: what a run says of itself. Replaced atomically, so that a reader sees the old one or the new one."""

import hashlib
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import Enum
from pathlib import Path, PurePath, PurePosixPath
from typing import Any

import numpy as np

from edgewatt.profiler.channel import Channel
from edgewatt.profiler.errors import EdgewattError, UsageError
from edgewatt.profiler.storage.checked import (
    FLAG,
    OBJECT,
    TEXT,
    TEXT_LIMIT,
    WHOLE,
    Rule,
    channel_from_file,
    checked,
    fit_from_file,
    list_of,
    nullable,
    object_of,
    one_of,
    shown,
    source_from_file,
)
from edgewatt.profiler.storage.durable import replace_file
from edgewatt.profiler.storage.packing.magic import is_packed
from edgewatt.profiler.tables import SCHEMA_VERSION

FILE_NAME = "run.json"
STATUSES = ("recording", "complete", "interrupted", "recovered")
DEPTH_LIMIT = 32  # objects within objects; ours have 5
SIZE_LIMIT_B = 64 << 20  # a thousand configurations with all their facts take under 4 MB


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What `run.json` holds. Plain JSON values throughout.

    `created` is ISO 8601 in UTC; `channels` is stream -> column -> channel; `clocks` is clock -> fit; `configs` is
    config_id -> what was executed; `files` is path -> sha256 and size, of what was recorded; `digest` is the SHA-256
    of the rest as it was last written.
    """

    simulated: bool
    created: str
    command: list[str]
    versions: dict[str, Any]
    device: dict[str, Any]
    meter: dict[str, Any] | None = None
    conditions: dict[str, Any] = field(default_factory=dict)
    schema: int = SCHEMA_VERSION
    status: str = "recording"
    channels: dict[str, dict[str, Any]] = field(default_factory=dict)
    unavailable: list[dict[str, Any]] = field(default_factory=list)
    clocks: dict[str, dict[str, Any]] = field(default_factory=dict)
    quality: str | None = None
    quality_reasons: list[str] = field(default_factory=list)
    sources: list[dict[str, Any]] = field(default_factory=list)
    configs: dict[str, dict[str, Any]] = field(default_factory=dict)
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    digest: str | None = None


_SCHEMA = Rule("a whole number from 1", lambda value: WHOLE.holds(value) and value >= 1)
_UNAVAILABLE = {"what": TEXT, "reason": TEXT, "fix": TEXT}
_FILE = {
    "sha256": Rule("64 hex digits", lambda value: isinstance(value, str) and len(value) == 64),
    "size": Rule("a size in bytes", lambda value: WHOLE.holds(value) and value >= 0),
}
_REQUIRED = {
    "schema": _SCHEMA,
    "status": one_of(*STATUSES),
    "simulated": FLAG,
    "created": TEXT,
    "command": list_of(Rule("a text", lambda value: isinstance(value, str))),
    "versions": OBJECT,
    "device": OBJECT,
    "meter": nullable(OBJECT),
    "conditions": OBJECT,
    "channels": object_of(OBJECT),
    "unavailable": list_of(OBJECT),
    "clocks": object_of(OBJECT),
    "quality": nullable(TEXT),
    "quality_reasons": list_of(TEXT),
}
_OURS = {
    "sources": list_of(OBJECT),
    "configs": object_of(OBJECT),
    "files": object_of(OBJECT),
    "digest": nullable(TEXT),
}


def read_manifest(path: Path) -> Manifest:
    """The manifest of the run in folder `path` (or of the file `path` itself). Raises UsageError if it is none."""
    file = _file_of(path)
    data = _read_json(file)
    if isinstance(data, dict) and _SCHEMA.holds(data.get("schema")) and data["schema"] > SCHEMA_VERSION:
        raise UsageError(
            f"{file}: schema is {data['schema']}, newer than {SCHEMA_VERSION}, the newest that this edgewatt reads; "
            "update edgewatt"
        )
    try:
        manifest = Manifest(**checked(data, FILE_NAME, _REQUIRED, _OURS))
        _check_inside(manifest)
    except ValueError as error:
        raise UsageError(f"{file}: {error}. Restore the file as it was recorded, or record again") from None
    return manifest


def write_manifest(path: Path, manifest: Manifest) -> Manifest:
    """Put `manifest` into the run in folder `path`, atomically; returns it with its digest.

    Raises OSError, and EdgewattError for a manifest that `read_manifest` would refuse.
    """
    data = to_json(manifest)
    try:
        _check_inside(Manifest(**checked(data, FILE_NAME, _REQUIRED, _OURS)))
    except ValueError as error:
        raise EdgewattError(f"a run cannot say of itself: {error}") from None
    data["digest"] = digest_of(data)
    replace_file(_file_of(path), json.dumps(data, indent=1).encode() + b"\n")
    return Manifest(**data)


def _file_of(path: Path) -> Path:
    return path / FILE_NAME if os.path.isdir(path) else path  # noqa: PTH112  (unlike Path.is_dir, never raises)


def to_json(manifest: Manifest) -> dict[str, Any]:
    """The manifest as plain JSON, its reasons no longer than a reader accepts. Raises EdgewattError as `plain` does."""
    data = _as_dict(manifest)
    data = {key: plain(data[key], key) for key in (*_REQUIRED, *_OURS)}
    data["quality_reasons"] = [reason[:TEXT_LIMIT] for reason in data["quality_reasons"]]
    data["unavailable"] = [{key: str(text)[:TEXT_LIMIT] for key, text in of.items()} for of in data["unavailable"]]
    return data


def described_channels(collector: str, channels: Sequence[Channel]) -> dict[str, dict[str, Any]]:
    """What `Manifest.channels` holds of a stream: column -> channel. Raises EdgewattError if a channel cannot be."""
    described = {channel.column: plain(channel.to_json(), channel.column) for channel in channels}
    try:
        for column, data in described.items():
            channel_from_file(data, column)
    except ValueError as error:
        raise EdgewattError(f"collector {collector} describes a channel that cannot be: {error}") from None
    return described


def digest_of(data: Mapping[str, Any]) -> str:
    """Hex SHA-256 of the canonical JSON of a manifest without its digest."""
    rest = {key: value for key, value in data.items() if key != "digest"}
    canonical = json.dumps(rest, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def is_edited(manifest: Manifest) -> bool:
    """True if the manifest is not what its digest was made of."""
    return manifest.digest is not None and manifest.digest != digest_of(_as_dict(manifest))


def _as_dict(manifest: Manifest) -> dict[str, Any]:
    return {entry.name: getattr(manifest, entry.name) for entry in fields(manifest)}


def plain(value: Any, where: str) -> Any:
    """`value` as plain JSON: tuples as lists, numpy's numbers as Python's, NaN as null (not measured).

    Raises EdgewattError, naming `where`, for a value that JSON has no form for.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Enum):
        return plain(value.value, where)
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(element, f"{where}.{key}") for key, element in value.items()}
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, bytes | bytearray):
        return [plain(element, where) for element in (value if isinstance(value, Sequence) else sorted(value))]
    raise EdgewattError(f"{where}: a {type(value).__name__} cannot be stored in a run, expected plain JSON values")


def loads_plainly(text: str | bytes) -> Any:
    """The JSON in `text`. Raises ValueError for anything else, NaN and nesting deeper than DEPTH_LIMIT included."""
    try:
        data = json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError(f"nested deeper than {DEPTH_LIMIT} levels") from None
    level = [data]
    for _ in range(DEPTH_LIMIT):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return data
    raise ValueError(f"nested deeper than {DEPTH_LIMIT} levels")


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _inside(value: Any) -> Sequence[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else ()


def _read_json(file: Path) -> Any:
    try:
        with file.open("rb") as opened:
            content = opened.read(SIZE_LIMIT_B + 1)
    except (FileNotFoundError, NotADirectoryError):
        if is_packed(file.parent):
            raise UsageError(
                f"{file.parent} is a packed run, which stays as it is: `unzip {file.parent} -d FOLDER`, and name the "
                "folder of the run in it"
            ) from None
        raise UsageError(
            f"{file.parent} is no run: expected a folder with {FILE_NAME}, as `edgewatt profile -o` makes"
        ) from None
    except (OSError, ValueError) as error:
        raise UsageError(f"{file}: cannot be read: {error}") from None
    if len(content) > SIZE_LIMIT_B:
        raise UsageError(f"{file}: larger than {SIZE_LIMIT_B >> 20} MiB, expected the {FILE_NAME} of a run")
    try:
        return loads_plainly(content)
    except ValueError as error:
        raise UsageError(f"{file}: no valid JSON ({error}); restore the file as it was recorded") from None


def _check_inside(manifest: Manifest) -> None:
    for stream, columns in manifest.channels.items():
        for column, channel in columns.items():
            where = f"channels: {shown(stream)}: {shown(column)}"
            if (named := channel_from_file(channel, where).column) != column:
                raise ValueError(f"{where} describes {shown(named)}, expected {shown(column)}")
    for source in manifest.sources:
        source_from_file(source, "sources")
    for clock, fit in manifest.clocks.items():
        if (of := fit_from_file(fit, f"clocks: {shown(clock)}").clock) != clock:
            raise ValueError(f"clocks: {shown(clock)} holds the fit of {shown(of)}, expected {shown(clock)}")
    for missing in manifest.unavailable:
        checked(missing, "unavailable", _UNAVAILABLE)
    for name, entry in manifest.files.items():
        checked(entry, f"files: {shown(name)}", _FILE)
        parts = PurePosixPath(name).parts
        if not parts or ".." in parts or name.startswith("/") or "\0" in name:
            raise ValueError(f"files: {shown(name)}, expected a path inside the run")

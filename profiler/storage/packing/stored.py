"""The files of a run as they are packed: the manifest, tables and texts with what gives somebody away replaced."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from edgewatt.profiler.identity import CONFIG_KEYS, config_id
from edgewatt.profiler.storage.manifest import Manifest, loads_plainly, to_json
from edgewatt.profiler.storage.packing.redactor import KEYED, Redactor
from edgewatt.profiler.storage.streams import ROW_GROUP_ROWS, batches, open_table

# What a version looks like an address; `files` are made again.
_LEFT_AS_IT_IS: Final = frozenset({"versions", "files", "digest", "runtime_version", "model_sha256", "input_sha256"})
# What follows these words of a command gives somebody away.
_OPTIONS: Final[Mapping[str, str]] = {"--session": "session"}
# Columns of tables that hold JSON.
_JSON: Final = frozenset({"attributes"})


def learn_manifest(manifest: Manifest, redactor: Redactor) -> None:
    """Know what the manifest gives away, and by which id each configuration goes once its device's is replaced."""
    data = to_json(manifest)
    # First what devices are called, so that each goes by one stand-in, also where its serial is found by its form.
    meters = [of for of in (manifest.meter or {}).values() if isinstance(of, dict)]
    for of in (manifest.device, *meters, *manifest.configs.values()):
        if of.get("device_id"):
            redactor.known(str(of["device_id"]), "device")
    redactor.learn_from({key: value for key, value in data.items() if key not in _LEFT_AS_IT_IS})
    for before, facts in manifest.configs.items():
        if all(key in facts for key in CONFIG_KEYS):
            device_id = redactor.token(str(facts["device_id"]), "device")
            redactor.known(before, "config", config_id({**redactor.in_json(facts), "device_id": device_id}))
    redactor.counts.clear()


def redacted_manifest(manifest: Manifest, redactor: Redactor, where: str) -> Manifest:
    """The manifest without what gives somebody away; its files are not yet those that are packed."""
    data = to_json(manifest)
    command = [
        redactor.stand_in(word, KEYED[_OPTIONS[before]], where) if before in _OPTIONS else word
        for before, word in zip(["", *data["command"]], data["command"], strict=False)
    ]
    kept = {key: data[key] for key in _LEFT_AS_IT_IS if key in data}
    rest = {key: value for key, value in data.items() if key not in kept} | {"command": command}
    return Manifest(**{**redactor.in_json(rest, where=where), **kept})


def learn_table(path: Path, redactor: Redactor) -> None:
    """Know what the texts of a table, and what is said of its columns, give away."""
    stored = open_table(path)
    if stored.schema is None:
        return
    for text in _said(stored.schema):
        redactor.learn(text)
    texts = [field.name for field in stored.schema if not _is_number(field.type)]
    for batch in batches(stored, texts) if texts else ():
        for name in texts:
            for value in set(_texts(batch.column(name).to_pylist())):
                redactor.learn_from(value, name)


def redacted_table(path: Path, output: Path, redactor: Redactor, where: str) -> None:
    """Write the table at `path` to `output`, its texts, column names and metadata without what gives somebody away."""
    stored = open_table(path)
    if stored.schema is None:
        return
    schema = pa.schema(
        [_redacted_field(field, redactor, where) for field in stored.schema],
        metadata=_redacted_metadata(stored.schema.metadata, redactor, where),
    )
    texts = [field.name for field in schema if not _is_number(field.type)]
    numbers = {field.name: _encoding(field.type) for field in schema if field.name not in texts}
    with pq.ParquetWriter(
        output,
        schema,
        compression="zstd",
        use_dictionary=texts or False,
        column_encoding={name: encoding for name, encoding in numbers.items() if encoding is not None} or None,
        write_page_checksum=True,
    ) as writer:
        for batch in batches(stored):
            columns = [
                _redacted_column(batch.column(k), field.name, redactor, where) for k, field in enumerate(stored.schema)
            ]
            writer.write_batch(pa.record_batch(columns, schema=schema), row_group_size=ROW_GROUP_ROWS)


def _redacted_field(field: pa.Field, redactor: Redactor, where: str) -> pa.Field:
    metadata = _redacted_metadata(field.metadata, redactor, where)
    return pa.field(redactor.text(field.name, where), field.type, field.nullable, metadata)


def _redacted_metadata(
    metadata: Mapping[bytes, bytes] | None, redactor: Redactor, where: str
) -> dict[bytes, bytes] | None:
    if metadata is None:
        return None
    clean = _cleaner(redactor, where)
    return {_bytes(clean(_text(key), "")): _bytes(clean(_text(value), "")) for key, value in metadata.items()}


def _redacted_column(column: pa.Array, name: str, redactor: Redactor, where: str) -> pa.Array:
    if _is_number(column.type):
        return column
    clean = _cleaner(redactor, where)
    known: dict[str, str] = {}

    def put(value: Any) -> Any:
        if isinstance(value, list):
            return [put(element) for element in value]
        if isinstance(value, dict):
            return {key: put(element) for key, element in value.items()}
        if isinstance(value, bytes):
            return _bytes(put(_text(value)))
        if not isinstance(value, str):
            return value
        if value not in known:
            known[value] = clean(value, name)
        return known[value]

    return pa.array([put(value) for value in column.to_pylist()], column.type)


def _cleaner(redactor: Redactor, where: str) -> Callable[[str, str], str]:
    def clean(text: str, name: str) -> str:
        if name in _LEFT_AS_IT_IS:
            return text
        if name in KEYED:
            return redactor.stand_in(text, KEYED[name], where)
        if name in _JSON or text[:1] in "{[":
            try:
                return json.dumps(redactor.in_json(loads_plainly(text), where=where))
            except ValueError:
                pass
        return redactor.text(text, where)

    return clean


def _said(schema: pa.Schema) -> Iterator[str]:
    for metadata in (schema.metadata, *(field.metadata for field in schema)):
        yield from (_text(part) for item in (metadata or {}).items() for part in item)
    yield from schema.names


def _texts(values: list[Any]) -> Iterator[str]:
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, bytes):
            yield _text(value)
        elif isinstance(value, list | dict):
            yield from _texts(list(value.values() if isinstance(value, dict) else value))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_primitive(kind) or pa.types.is_null(kind))


def _encoding(kind: pa.DataType) -> str | None:
    if pa.types.is_integer(kind):
        return "DELTA_BINARY_PACKED"
    return "BYTE_STREAM_SPLIT" if pa.types.is_floating(kind) else None


def _text(content: bytes) -> str:
    return content.decode(errors="surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogateescape")

"""Calibrations that papers publish, as TOML: every row with the place in the paper, and how sure it is that it says so.

name = "autoscale"
title = "what people call the testbed"
source = "Kim & Wu, AutoScale, MICRO 2020, arXiv 2005.02544"

[devices.mi8pro]                    # optional: rows without a device_id are of every device of the file
name = "Xiaomi Mi 8 Pro"
soc = "Snapdragon 845"

[[power]]                           # a table of a calibration, its columns in SI with their unit in the name
device_id = "mi8pro"
unit = "cpu"
busy_w = 5.5
tag = "remembered"                  # confirmed, second-hand, remembered or assumed
place = "table of devices"

`basis` of a row is `published`, of an assumed one `assumed`; its tag stays in `source`.
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from edgewatt.profiler.calibration.calibration import Calibration, table_of
from edgewatt.profiler.calibration.head import CalibratedDevice, Head
from edgewatt.profiler.calibration.refusing import refuse_impossible
from edgewatt.profiler.calibration.tables import TABLES
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.checked import NUMBER, OBJECT, TEXT, Rule, checked, list_of, object_of, one_of, shown

FOLDER: Final = Path(__file__).parent / "published"
SIZE_LIMIT: Final = 1 << 20
TAGS: Final = ("confirmed", "second-hand", "remembered", "assumed")

_SAID: Final = Rule("a text that says where", lambda value: TEXT.holds(value) and bool(value.strip()))
_DAY: Final = re.compile(r"[0-9]{4}-[01][0-9]-[0-3][0-9]")
_DATE: Final = Rule("a date such as 2026-11-26", lambda v: isinstance(v, str) and _DAY.fullmatch(v) is not None)
_HEAD: Final = {"name": TEXT, "title": _SAID, "source": _SAID, "date": _DATE}
_ROW: Final = {"tag": one_of(*TAGS), "place": _SAID}
_FOREIGN: Final = re.compile(
    r"(.*)_(mw|uw|kw|mj|uj|kwh|wh|ms|us|ns|khz|mhz|ghz|kb|mb|gb|mbps|kbps|pct|percent)", re.ASCII
)
_FACTORS: Final[Mapping[str, tuple[str, str]]] = {
    "mw": ("w", "divide by 1e3"), "uw": ("w", "divide by 1e6"), "kw": ("w", "multiply by 1e3"),
    "mj": ("j", "divide by 1e3"), "uj": ("j", "divide by 1e6"),
    "wh": ("j", "multiply by 3600"), "kwh": ("j", "multiply by 3.6e6"),
    "ms": ("s", "divide by 1e3"), "us": ("s", "divide by 1e6"), "ns": ("s", "divide by 1e9"),
    "khz": ("hz", "multiply by 1e3"), "mhz": ("hz", "multiply by 1e6"), "ghz": ("hz", "multiply by 1e9"),
    "kb": ("b", "multiply by 1e3"), "mb": ("b", "multiply by 1e6"), "gb": ("b", "multiply by 1e9"),
    "mbps": ("b_per_s", "multiply by 125e3"), "kbps": ("b_per_s", "multiply by 125"),
    "pct": ("ratio", "divide by 100"), "percent": ("ratio", "divide by 100"),
}  # fmt: skip


def published_names() -> list[str]:
    """The published calibrations that edgewatt ships."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def published(name_or_path: str | Path) -> Calibration:
    """The published calibration of this name, or that in this .toml file. Raises UsageError."""
    path = Path(name_or_path)
    if path.suffix != ".toml":
        if str(name_or_path) not in published_names():
            known = ", ".join(published_names())
            raise UsageError(f"published calibration {str(name_or_path)!r}: neither a .toml file nor one of {known}")
        path = FOLDER / f"{name_or_path}.toml"
    try:
        with path.open("rb") as file:
            raw = file.read(SIZE_LIMIT + 1)
    except (OSError, ValueError) as error:
        raise UsageError(f"published calibration {path}: cannot be read ({error})") from None
    return parse(raw, str(path))


def parse(raw: bytes, file: str) -> Calibration:
    """The published calibration in `raw`; `file` is what errors call it. Raises UsageError: row, seen, expected."""
    where = f"published calibration {file}"
    if len(raw) > SIZE_LIMIT:
        raise UsageError(f"{where}: over {SIZE_LIMIT} bytes; expected a small TOML file")
    try:
        data = tomllib.loads(raw.decode())
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{where}: not TOML ({str(error) or type(error).__name__})") from None
    try:
        calibration = _calibration(data)
    except ValueError as error:
        raise UsageError(f"{where}: {error}") from None
    for name, table in calibration.tables.items():
        refuse_impossible(f"{where}: {name}", name, table)
    return calibration


def _calibration(data: dict[str, Any]) -> Calibration:
    tables = {"devices": object_of(OBJECT), **{_key(name): list_of(OBJECT) for name in TABLES}}
    checked(data, "the file", _HEAD, tables)
    devices = {key: _device(key, of) for key, of in data.get("devices", {}).items()}
    rows = {name: data[_key(name)] for name in TABLES if _key(name) in data}
    head = Head(
        created=data["date"],
        versions={"published": data["name"]},
        devices=devices,
        notes=(data["title"], f"published: {data['source']}"),
    )
    return Calibration(head, {name: _table(name, of, data["source"], devices) for name, of in rows.items()})


def _key(name: str) -> str:
    """`devices` says which there are, so that the table of that name is `fleet`."""
    return "fleet" if name == "devices" else name


def _device(key: str, of: Any) -> CalibratedDevice:
    checked(of, f"devices.{key}", {"name": TEXT}, {"soc": TEXT})
    return CalibratedDevice(of["name"], of.get("soc", ""))


def _table(name: str, rows: list[dict[str, Any]], source: str, devices: Mapping[str, Any]) -> pa.Table:
    made = [_row(name, number, row, source, devices) for number, row in enumerate(rows, 1)]
    return table_of(name, made)


def _row(name: str, number: int, row: Mapping[str, Any], source: str, devices: Mapping[str, Any]) -> dict[str, Any]:
    where = f"{_key(name)}, row {number}"
    schema = TABLES[name]
    values = {key: value for key, value in row.items() if key not in _ROW}
    checked({key: row[key] for key in _ROW if key in row}, where, _ROW)
    for column, value in values.items():
        if column not in schema.names or column in ("basis", "source"):
            raise ValueError(f"{where}: {_unknown(name, column)}")
        kind = schema.field(column).type
        if not (TEXT if pa.types.is_string(kind) else NUMBER).holds(value):
            raise ValueError(
                f"{where}: {column} is {shown(value)}, expected a {'text' if kind == 'string' else 'number'}"
            )
        if pa.types.is_integer(kind) and not (isinstance(value, int) and abs(value) < 2 ** (kind.bit_width - 1)):
            raise ValueError(f"{where}: {column} is {shown(value)}, expected a whole number of {kind.bit_width} bits")
    device_id = values.get("device_id")
    if device_id is not None and device_id not in devices:
        raise ValueError(f"{where}: device_id is {shown(device_id)}, expected one of {', '.join(devices) or 'none'}")
    basis = "assumed" if row["tag"] == "assumed" else "published"
    return {**values, "basis": basis, "source": f"{source}, {row['place']}: {row['tag']}"}


def _unknown(name: str, column: str) -> str:
    """What to do about a column that the table has not; above all about its unit."""
    if hit := _FOREIGN.fullmatch(column):
        unit, factor = _FACTORS[hit[2]]
        return f"{shown(column)} is in another unit: rename it to {hit[1]}_{unit} and {factor}"
    if with_unit := [known for known in TABLES[name].names if known.rpartition("_")[0] == column]:
        return f"{shown(column)} has no unit; expected {with_unit[0]}, in the unit at its end"
    return f"{shown(column)} is no column of {name}; expected one of {', '.join(TABLES[name].names)}"

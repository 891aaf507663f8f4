"""What a calibration says of itself: of which devices, by which meters, from which runs, and what a person told it."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Final

from edgewatt.profiler.calibration.tables import SCHEMA_VERSION
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.checked import FLAG, NUMBER, OBJECT, TEXT, WHOLE, Rule, checked, list_of, object_of
from edgewatt.profiler.storage.toml_text import key_text, value_text

FILE_NAME: Final = "calibration.toml"


@dataclass(frozen=True, slots=True)
class CalibratedDevice:
    """A device by what people call it; `soc` is blank where nobody knows. Its id is the key that it stands under."""

    name: str
    soc: str = ""
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class UsedMeter:
    """An energy source as runs name it, where it measures, and what it may be wrong by.

    `gain_ratio` is the standard uncertainty of its gain, None where nobody states it; `basis` who states it.
    """

    source: str
    boundary: str
    gain_ratio: float | None = None
    basis: str = ""


@dataclass(frozen=True, slots=True)
class UsedRun:
    """A run that something was fitted from: `digest` as in its manifest, the `step` of the suite that made it."""

    digest: str
    step: str
    session: str
    device_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Given:
    """A number that a person gave: for which `column` (`models.qos_s`) and for what (`mobilenet_v2:int8`)."""

    column: str
    of: str
    value: float | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """`created` is ISO 8601 in UTC; `notes` are what could not be told apart, or was left out, each a sentence."""

    created: str
    versions: Mapping[str, str] = field(default_factory=dict)
    devices: Mapping[str, CalibratedDevice] = field(default_factory=dict)
    meters: tuple[UsedMeter, ...] = ()
    runs: tuple[UsedRun, ...] = ()
    inputs: tuple[Given, ...] = ()
    notes: tuple[str, ...] = ()
    schema: int = SCHEMA_VERSION

    @property
    def simulated(self) -> bool:
        """True if any of its devices is."""
        return any(device.simulated for device in self.devices.values())


def head_now(**fields: Any) -> Head:
    """A head made at this moment by this version of edgewatt."""
    created = datetime.now(UTC).isoformat(timespec="seconds")
    return Head(created=created, versions={"edgewatt": version("edgewatt")}, **fields)


_SCHEMA: Final = Rule("a whole number from 1", lambda value: WHOLE.holds(value) and value >= 1)
_DEVICE: Final = {"name": TEXT, "soc": TEXT, "simulated": FLAG}
_METER: Final = {"source": TEXT, "boundary": TEXT, "basis": TEXT}
_GAIN: Final = Rule("a share from 0 to 1", lambda value: NUMBER.holds(value) and 0 <= value <= 1)
_RUN: Final = dict.fromkeys(("digest", "step", "session", "device_id", "name"), TEXT)
_VALUE: Final = Rule("a number or a text", lambda value: NUMBER.holds(value) or TEXT.holds(value))
_GIVEN: Final = {"column": TEXT, "of": TEXT, "value": _VALUE}
_LISTS: Final = {"meters": list_of(OBJECT), "runs": list_of(OBJECT), "inputs": list_of(OBJECT), "notes": list_of(TEXT)}
_HEAD: Final = {"schema": _SCHEMA, "created": TEXT}
_MORE: Final = {"versions": object_of(TEXT), "devices": object_of(OBJECT), **_LISTS}


def head_text(head: Head) -> str:
    """The head as TOML."""
    return "\n".join(_lines(head)) + "\n"


def _lines(head: Head) -> Iterator[str]:
    yield f"schema = {head.schema}"
    yield f"created = {value_text(head.created)}"
    yield f"notes = {value_text(list(head.notes))}"
    yield from _table("[versions]", head.versions)
    for device_id, device in head.devices.items():
        yield from _table(f"[devices.{key_text(device_id)}]", asdict(device))
    for name, entries in (("meters", head.meters), ("runs", head.runs), ("inputs", head.inputs)):
        for entry in entries:
            yield from _table(f"[[{name}]]", asdict(entry))


def _table(title: str, values: Mapping[str, Any]) -> Iterator[str]:
    yield from ("", title)
    yield from (f"{key_text(key)} = {value_text(value)}" for key, value in values.items() if value is not None)


def head_from(raw: bytes, file: str) -> Head:
    """The head in `raw`; `file` is what errors call it. Raises UsageError: file, key, seen, expected."""
    try:
        data = tomllib.loads(raw.decode())
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{file}: not TOML ({str(error) or type(error).__name__})") from None
    if _SCHEMA.holds(data.get("schema")) and data["schema"] > SCHEMA_VERSION:
        raise UsageError(
            f"{file}: schema is {data['schema']}, newer than {SCHEMA_VERSION}, the newest that this edgewatt reads; "
            "update edgewatt"
        )
    try:
        return _head(checked(data, "the file", _HEAD, _MORE))
    except ValueError as error:
        raise UsageError(f"{file}: {error}. Restore the file, or calibrate again") from None


def _head(data: dict[str, Any]) -> Head:
    devices = data.get("devices", {})
    return Head(
        schema=data["schema"],
        created=data["created"],
        versions=data.get("versions", {}),
        devices={key: CalibratedDevice(**checked(of, f"devices.{key}", _DEVICE)) for key, of in devices.items()},
        meters=tuple(
            UsedMeter(**checked(of, "meters", _METER, {"gain_ratio": _GAIN})) for of in data.get("meters", ())
        ),
        runs=tuple(UsedRun(**checked(of, "runs", _RUN)) for of in data.get("runs", ())),
        inputs=tuple(Given(**checked(of, "inputs", _GIVEN)) for of in data.get("inputs", ())),
        notes=tuple(data.get("notes", ())),
    )

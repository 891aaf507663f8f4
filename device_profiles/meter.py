"""Meters described in TOML: what they measure, and how one generic collector reads it.

name = "my_meter"                   # also the name of its stream and the beginning of its channels
kind = "meter"
title = "what people call it"
source = "where all this is known from"
boundary = "wall"                   # only where it can be nowhere else; otherwise the user says boundary=...
period_s = 1.0                      # how often it has a new value; left out: nobody knows
window_s = 1.0                      # over which time it averages; left out: nobody knows

[line]                              # a stream of lines: see LINE below
[scpi]                              # or questions over VISA: see SCPI
[recording]                         # or a file: see RECORDING

[channels.main.power]               # also voltage, current, temperature; power, or voltage x current, gives joules
field = 4                           # which field of a row or an answer, counted from 1
unit = "W"                          # UNITS
scale = 0.1                         # the unit times this: here tenths of a watt
low = 0                             # what lies outside is not believed
high = 4000
invalid = ["-1"]                    # what the meter says when it measured nothing
accuracy = { gain_rel = 0.015, offset = 0.3, basis = "data sheet, page 2" }     # standard uncertainties, SI

In place of `field` a line may have `after = "Watts"` (the field after that word) or `named = "P"` (the column that a
header line calls so, as in a recording); an answer of SCPI may have `query = "MEAS:VOLT?"` beside it.
"""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_args

from edgewatt.device_profiles.loader import FOLDER, SIZE_LIMIT
from edgewatt.profiler.channel import LABEL_LIMIT, Accuracy, Boundary, channel_name
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.checked import FLAG, NUMBER, OBJECT, TEXT, Rule, checked, list_of, object_of, one_of
from edgewatt.profiler.units import Quantity

METERS: Final = FOLDER / "meters"

# Each quantity with its units, and what no meter of this kind of work exceeds (assumed, generously).
UNITS: Final[Mapping[str, tuple[Quantity, Mapping[str, float], float, float]]] = {
    "power": (Quantity.POWER, {"W": 1.0, "kW": 1e3, "mW": 1e-3, "uW": 1e-6}, -1e5, 1e5),
    "voltage": (Quantity.VOLTAGE, {"V": 1.0, "mV": 1e-3, "uV": 1e-6}, -1e4, 1e4),
    "current": (Quantity.CURRENT, {"A": 1.0, "mA": 1e-3, "uA": 1e-6, "nA": 1e-9}, -1e4, 1e4),
    "temperature": (Quantity.TEMPERATURE, {"C": 1.0, "mC": 1e-3}, -100.0, 200.0),
}
TIME_UNITS: Final[Mapping[str, int]] = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1000, "ns": 1}
ISO: Final = "iso"


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= LABEL_LIMIT // 2 and value != "" and channel_name(value) == value


def _is_positive(value: Any) -> bool:
    return NUMBER.holds(value) and 0 < value <= 1e6


_NAME: Final = Rule(f"a name of a-z 0-9 _ + -, of at most {LABEL_LIMIT // 2} characters", _is_name)
_POSITIVE: Final = Rule("a number above 0", _is_positive)
_FIELD: Final = Rule("a whole number from 1 to 1000", lambda v: type(v) is int and 1 <= v <= 1000)
_FACTOR: Final = Rule("a number that is not 0", lambda v: NUMBER.holds(v) and v != 0)
_WORD: Final = Rule("a text of 1 to 64 characters", lambda v: isinstance(v, str) and 0 < len(v) <= 64)
_COMMANDS: Final = list_of(Rule("a text of at most 1000 characters", lambda v: isinstance(v, str) and len(v) <= 1000))
_GAIN: Final = Rule("a number from 0 on", lambda v: NUMBER.holds(v) and v >= 0)
_WRAP: Final = Rule("a whole number above 1", lambda v: type(v) is int and 1 < v <= 2**63)

LINE: Final[Mapping[str, Rule]] = {
    "baud": Rule("a whole number from 50 to 12000000", lambda v: type(v) is int and 50 <= v <= 12_000_000),
    "separator": _WORD,  # " " is any run of blanks
    "prefix": _WORD,  # a row begins with it; other lines are chatter
    "end": _WORD,  # taken off the end of a row
    "fields": _FIELD,  # how many fields a row has, exactly
    "start": _COMMANDS,  # sent when it is opened, and again when it came back
    "stop": _COMMANDS,
    "ending": Rule("a text of at most 4 characters", lambda v: isinstance(v, str) and len(v) <= 4),  # of a command
    "silence_s": _POSITIVE,  # after so long without a row there is a gap
    "whole_first": FLAG,  # the first line is whole: the meter speaks only when it is spoken to
    "time": OBJECT,  # the meter's own time, as { field = 1, unit = "us", wraps_n = 4294967296 }
}
SCPI: Final[Mapping[str, Rule]] = {
    "identify": _WORD,  # what *IDN? answers, with * for anything
    "query": _WORD,  # one answer for every channel that has no query of its own
    "separator": _WORD,
    "start": _COMMANDS,
    "stop": _COMMANDS,
    "read_s": _POSITIVE,  # how often it is asked
    "timeout_s": _POSITIVE,
    "termination": Rule("a text of at most 4 characters", lambda v: isinstance(v, str) and len(v) <= 4),
    "baud": Rule("a whole number from 50 to 12000000", lambda v: type(v) is int and 50 <= v <= 12_000_000),
}
RECORDING: Final[Mapping[str, Rule]] = {
    "time": OBJECT,  # as { named = "Time (ms)", unit = "ms" }; unit "iso" is 2026-11-26T10:00:00Z
    "wall_clock": FLAG,  # times are of the wall clock, from 1970 on, not from when the recording began
}
KINDS: Final[Mapping[str, Mapping[str, Rule]]] = {"line": LINE, "scpi": SCPI, "recording": RECORDING}
_WHERE: Final = {"field": _FIELD, "after": _WORD, "named": _WORD}
_COLUMN: Final = {
    **_WHERE,
    "query": _WORD,
    "scale": _FACTOR,
    "low": NUMBER,
    "high": NUMBER,
    "invalid": list_of(_WORD),
    "resolution": _POSITIVE,
    "accuracy": OBJECT,
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands: the field counted from 1, the one after a word, or the one that a header calls so."""

    field: int | None = None
    after: str | None = None
    named: str | None = None


@dataclass(frozen=True, slots=True)
class OwnTime:
    """A meter's own time: where it stands, how many ns its unit has (0: ISO 8601), at which count it starts again."""

    place: Place
    unit_ns: int
    wraps_n: int | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """One quantity of one channel: what stands at `place` (in the answer to `query`) times `factor` is SI."""

    channel: str
    quantity: Quantity
    place: Place
    factor: float
    low: float
    high: float
    query: str | None = None
    invalid: tuple[str, ...] = ()
    resolution: float | None = None
    accuracy: Accuracy | None = None


@dataclass(frozen=True, slots=True)
class Meter:
    """A meter as its TOML describes it; `settings` are those of the table `way` (line, scpi or recording)."""

    name: str
    title: str
    source: str
    way: str
    settings: Mapping[str, Any]
    columns: tuple[Column, ...]
    time: OwnTime | None = None
    boundary: Boundary | None = None
    period_s: float | None = None
    window_s: float | None = None


def meter_names(way: str | None = None) -> list[str]:
    """The meters that edgewatt ships, all or those that are read in one way."""
    found = sorted(path.stem for path in METERS.glob("*.toml"))
    return [name for name in found if way is None or load_meter(name).way == way]


def load_meter(name_or_path: str) -> Meter:
    """The meter that edgewatt ships under this name, or the one in this .toml file. Raises UsageError."""
    path = Path(name_or_path)
    if path.suffix != ".toml":
        known = meter_names()
        if name_or_path not in known:
            raise UsageError(f"meter {name_or_path!r}: neither a .toml file nor one of {', '.join(known)}")
        path = METERS / f"{name_or_path}.toml"
    try:
        with path.open("rb") as file:
            raw = file.read(SIZE_LIMIT + 1)
    except (OSError, ValueError) as error:
        raise UsageError(f"meter {path}: cannot be read ({error})") from None
    return parse_meter(raw, str(path))


def parse_meter(raw: bytes, file: str) -> Meter:
    """The meter in `raw`; `file` is what errors call it. Raises UsageError: file, key, seen, expected."""
    if len(raw) > SIZE_LIMIT:
        raise UsageError(f"meter {file}: over {SIZE_LIMIT} bytes; expected a small TOML file")
    try:
        data = tomllib.loads(raw.decode())
    except (ValueError, RecursionError) as error:
        raise UsageError(f"meter {file}: not TOML ({str(error) or type(error).__name__})") from None
    return meter_from(data, file)


def meter_from(data: dict[str, Any], file: str) -> Meter:
    """The meter that `data` describes; `file` is what errors call it. Raises UsageError: file, key, seen, expected."""
    try:
        return _meter(data)
    except ValueError as error:
        raise UsageError(f"meter {file}: {error}") from None


def _meter(data: dict[str, Any]) -> Meter:
    required = {
        "name": _NAME,
        "kind": one_of("meter"),
        "title": TEXT,
        "source": Rule("a text that says where this is known from", lambda v: TEXT.holds(v) and v.strip()),
        "channels": object_of(object_of(OBJECT)),
    }
    optional = {"boundary": one_of(*get_args(Boundary)), "period_s": _POSITIVE, "window_s": _GAIN}
    checked(data, "the file", required, {**optional, **dict.fromkeys(KINDS, OBJECT)})
    ways = [way for way in KINDS if way in data]
    if len(ways) != 1:
        raise ValueError(f"the file has {' and '.join(ways) or 'none'} of the tables {', '.join(KINDS)}, expected one")
    (way,) = ways
    settings = checked(data[way], way, {}, KINDS[way])
    columns = tuple(
        _column(way, settings, channel, word, table)
        for channel, words in data["channels"].items()
        for word, table in words.items()
    )
    if not columns:
        raise ValueError("channels is empty, expected at least one, such as [channels.main.power]")
    return Meter(
        name=data["name"],
        title=data["title"],
        source=data["source"],
        way=way,
        settings={key: value for key, value in settings.items() if key != "time"},
        columns=columns,
        time=own_time(settings["time"], f"{way}.time", way) if "time" in settings else None,
        boundary=data.get("boundary"),
        period_s=data.get("period_s"),
        window_s=data.get("window_s"),
    )


def _column(way: str, settings: Mapping[str, Any], channel: str, word: str, table: dict[str, Any]) -> Column:
    if not _NAME.holds(channel):
        raise ValueError(f"channels.{channel!r}: expected {_NAME.expected}")
    if word not in UNITS:
        raise ValueError(f"channels.{channel}.{word!r} is unknown, expected one of {', '.join(UNITS)}")
    where = f"channels.{channel}.{word}"
    quantity, units, low, high = UNITS[word]
    checked(table, where, {"unit": one_of(*units)}, _COLUMN)
    factor = units[table["unit"]] * table.get("scale", 1)
    if not math.isfinite(factor) or factor == 0:
        raise ValueError(f"{where}: scale makes a factor of {factor}, expected a finite one that is not 0")
    if way == "scpi" and "query" not in table and "query" not in settings:
        raise ValueError(f"{where}: key 'query' is missing, and scpi has none for all")
    column = Column(
        channel=channel,
        quantity=quantity,
        place=_place(table, where, way),
        factor=factor,
        low=float(table.get("low", low)),
        high=float(table.get("high", high)),
        query=table.get("query", settings.get("query")) if way == "scpi" else None,
        invalid=tuple(table.get("invalid", ())),
        resolution=table.get("resolution"),
        accuracy=_accuracy(table.get("accuracy"), where),
    )
    if column.low >= column.high:
        raise ValueError(f"{where}: low is {column.low:g} and high {column.high:g}, expected low below high")
    return column


def _accuracy(table: dict[str, Any] | None, where: str) -> Accuracy | None:
    if table is None:
        return None
    checked(table, f"{where}.accuracy", {"gain_rel": _GAIN, "offset": _GAIN, "basis": _WORD})
    return Accuracy(float(table["gain_rel"]), float(table["offset"]), table["basis"])


def _place(table: Mapping[str, Any], where: str, way: str) -> Place:
    allowed = {"line": ("field", "after", "named"), "scpi": ("field",), "recording": ("named",)}[way]
    given = [key for key in _WHERE if key in table]
    if not given and way == "scpi":
        return Place(field=1)
    if len(given) != 1 or given[0] not in allowed:
        raise ValueError(f"{where} has {' and '.join(given) or 'no place'}, expected one of {', '.join(allowed)}")
    return Place(**{given[0]: table[given[0]]})


def own_time(table: Mapping[str, Any], where: str, way: str) -> OwnTime:
    """The time column that `table` describes. Raises ValueError naming the key that is wrong."""
    units = (*TIME_UNITS, ISO) if way == "recording" else tuple(TIME_UNITS)
    data = checked(dict(table), where, {"unit": one_of(*units)}, {**_WHERE, "wraps_n": _WRAP})
    return OwnTime(_place(data, where, way), TIME_UNITS.get(data["unit"], 0), data.get("wraps_n"))

"""A baseline read again: repeats of every configuration, the conditions they hold under, and what may become worse."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from edgewatt.profiler.checking.baseline_text import IDENTITY, OF_SESSION, OF_SOURCE, SCHEMA, baseline_text
from edgewatt.profiler.checking.tolerances import DEFAULTS, given, tolerances_of
from edgewatt.profiler.comparing.plain_table import QUANTITIES, completed
from edgewatt.profiler.comparing.side import ENERGY
from edgewatt.profiler.comparing.tables import Repeats
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.checked import NUMBER, OBJECT, TEXT, WHOLE, Rule, checked, list_of, object_of, shown
from edgewatt.profiler.storage.durable import replace_file
from edgewatt.profiler.tables import REPEATS

SIZE_LIMIT_B: Final = 64 << 20

_VALUE: Final = Rule("a number, or nan where a repeat has none", lambda v: isinstance(v, float) or WHOLE.holds(v))
_VALUES: Final = list_of(_VALUE)
_SCALAR: Final = Rule("a text or a number", lambda v: TEXT.holds(v) or NUMBER.holds(v))
_TOLERANCE: Final = object_of(Rule("a share such as 0.05", lambda v: NUMBER.holds(v) and 0 <= v < 10))
_WHOLE_FILE: Final = {"schema": WHOLE, "configuration": list_of(OBJECT)}
_REST_OF_FILE: Final = {
    "edgewatt": TEXT,
    "simulated": Rule("true or false", lambda v: isinstance(v, bool)),
    "tolerance": _TOLERANCE,
    "conditions": OBJECT,
}
_CONFIGURATION: Final = {"measured": list_of(OBJECT)}
_REST_OF_CONFIGURATION: Final = {**dict.fromkeys(IDENTITY, _SCALAR), "tolerance": _TOLERANCE, "note": TEXT}
_MEASURED: Final = {"repeat": list_of(WHOLE)}
_REST_OF_MEASURED: Final = {
    **dict.fromkeys(OF_SESSION, TEXT),
    "quality_reasons": list_of(TEXT),
    "latency_s": _VALUES,
    "memory_peak_b": _VALUES,
    "energy": list_of(OBJECT),
}
_REST_OF_ENERGY: Final = {**dict.fromkeys(OF_SOURCE, TEXT), ENERGY: _VALUES}


@dataclass(frozen=True, slots=True, eq=False)
class Baseline:
    """Repeats as any other table has them, `tolerances` of all rows, and `by_hand`: what people wrote, by config_id."""

    repeats: Repeats
    tolerances: Mapping[str, float] = field(default_factory=lambda: dict(DEFAULTS))
    by_hand: Mapping[str | None, Mapping[str, Any]] = field(default_factory=dict)


def is_baseline(path: Path) -> bool:
    """True for a file that is called as one is: `*.toml`."""
    return path.suffix.lower() == ".toml" and not path.is_dir()


def read_baseline(path: Path) -> Baseline:
    """The baseline in a TOML file. Raises UsageError: file, key, what was seen, what was expected."""
    try:
        with path.open("rb") as file:
            raw = file.read(SIZE_LIMIT_B + 1)
        return _parsed(raw, path)
    except OSError as error:
        raise UsageError(
            f"baseline {path}: cannot be read ({error.strerror or error}); `edgewatt check RUN --save FILE` writes one"
        ) from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"baseline {path}: {str(error) or type(error).__name__}") from None


def only_of(baseline: Baseline, new: Repeats) -> Baseline:
    """The baseline of those configurations alone that `new` has, where both name them by config_id."""
    repeats = baseline.repeats
    if not all("config_id" in side.known for side in (repeats, new)):
        return baseline
    mine = pc.is_in(repeats.table["config_id"], pc.unique(new.table["config_id"]))
    return replace(baseline, repeats=replace(repeats, table=repeats.table.filter(mine)))


def save_baseline(repeats: Repeats, path: Path, tolerances: Mapping[str, float] | None = None) -> None:
    """Write it; what people wrote into one that is there stays, `tolerances` apart if given. Raises UsageError."""
    old = read_baseline(path) if path.exists() else None
    kept = {} if old is None else old.by_hand
    allowed = tolerances or (DEFAULTS if old is None else old.tolerances)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, baseline_text(repeats, allowed, kept).encode())
    except OSError as error:
        raise UsageError(f"baseline {path}: cannot be written ({error.strerror or error})") from None


def _parsed(raw: bytes, path: Path) -> Baseline:
    if len(raw) > SIZE_LIMIT_B:
        raise ValueError(f"over {SIZE_LIMIT_B >> 20} MiB, expected a reviewed TOML file")
    data = tomllib.loads(raw.decode())
    schema = data.get("schema")
    if isinstance(schema, int) and schema > SCHEMA:
        raise ValueError(f"schema {schema} is newer than this edgewatt reads ({SCHEMA}); update edgewatt")
    whole = checked(data, "the file", _WHOLE_FILE, _REST_OF_FILE)
    if schema != SCHEMA:
        raise ValueError(f"schema is {shown(schema)}, expected {SCHEMA}")
    rows: list[dict[str, Any]] = []
    by_hand: dict[str | None, Mapping[str, Any]] = {}
    for number, one in enumerate(whole["configuration"], 1):
        where = f"configuration {number}"
        of_one = checked(one, where, _CONFIGURATION, _REST_OF_CONFIGURATION)
        by_hand[of_one.get("config_id")] = {
            key: given(of_one[key]) if key == "tolerance" else of_one[key]
            for key in ("tolerance", "note")
            if key in of_one
        }
        identity = {key: of_one.get(key) for key in IDENTITY}
        rows += [{**identity, "simulated": whole.get("simulated"), **row} for row in _repeats(of_one, where)]
    if not rows:
        raise ValueError("it holds no repeats, so that there is nothing to check against")
    known = [name for name in REPEATS.names if any(row.get(name) is not None for row in rows)]
    table = pa.table({name: _column(rows, name) for name in known})
    repeats = Repeats(str(path), completed(table), frozenset(known), whole.get("conditions"))
    return Baseline(repeats, tolerances_of(whole.get("tolerance")), by_hand)


def _repeats(configuration: Mapping[str, Any], where: str) -> Iterator[dict[str, Any]]:
    for number, one in enumerate(configuration["measured"], 1):
        here = f"{where}, measured {number}"
        measured = checked(one, here, _MEASURED, _REST_OF_MEASURED)
        repeats = measured["repeat"]
        shared = {key: measured.get(key) for key in (*OF_SESSION, "quality_reasons")}
        columns = {q: _of_length(measured.get(q), len(repeats), f"{here}: {q}") for q in QUANTITIES if q != ENERGY}
        for of_source in measured.get("energy") or [{}]:
            energy = checked(of_source, f"{here}, energy", {}, _REST_OF_ENERGY)
            joules = _of_length(energy.get(ENERGY), len(repeats), f"{here}: {ENERGY}")
            for place, repeat in enumerate(repeats):
                values = {name: column[place] for name, column in columns.items()}
                source = {key: energy.get(key) for key in OF_SOURCE}
                yield {**shared, **source, "repeat": repeat, **values, ENERGY: joules[place]}


def _of_length(values: list[float] | None, expected: int, where: str) -> list[float | None]:
    if values is None:
        return [None] * expected
    if len(values) != expected:
        raise ValueError(f"{where} has {len(values)} values for {expected} repeats")
    return [None if value != value else value for value in values]  # noqa: PLR0124  (nan)


def _column(rows: list[dict[str, Any]], name: str) -> pa.Array:
    try:
        return pa.array([row.get(name) for row in rows], REPEATS.field(name).type)
    except (pa.ArrowException, OverflowError, TypeError, ValueError) as error:
        raise ValueError(f"{name} does not fit its column ({error})") from None

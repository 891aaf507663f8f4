"""Figures that somebody published: a CSV or TOML of them, each with its unit in the name of its column."""

import math
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from edgewatt.profiler.calibration.calibration import Calibration
from edgewatt.profiler.comparing.columns import listed
from edgewatt.profiler.comparing.table_files import read_table_file
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.checked import shown

FIGURES: Final = "figures"
SIZE_LIMIT_B: Final = 8 << 20
_SECONDS: Final = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
_JOULES: Final = {"j": 1.0, "mj": 1e-3, "uj": 1e-6, "kj": 1e3, "wh": 3600.0, "mwh": 3.6}
# By quantity: its unit here, and what others of the same kind are in it. All are of one call, or of one training step.
UNITS: Final[Mapping[str, tuple[str, Mapping[str, float]]]] = {
    "latency": ("s", _SECONDS),
    "step": ("s", _SECONDS),
    "energy": ("J", _JOULES),
    "power": ("W", {"w": 1.0, "mw": 1e-3, "uw": 1e-6}),
}
# What a figure depends on, and a table may say.
CONDITIONS: Final = (
    *("device", "soc", "target", "precision", "threads", "batch", "frequency_hz"),
    *("runtime", "runtime_version", "energy_boundary", "year"),
)
_TEXTS: Final = ("model", "source", *CONDITIONS)
# What begins like a figure and is none.
_WORDS: Final = ("energy_source", "latency_stat", "power_mode")


@dataclass(frozen=True, slots=True)
class Figure:
    """One published number, in SI. `said` are the conditions that its table names; `source` where it stands."""

    model: str
    quantity: str
    value: float
    said: Mapping[str, str] = field(default_factory=dict)
    source: str = ""
    basis: str = "published"


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of a table, and what in it was not used."""

    name: str
    figures: Sequence[Figure]
    notices: tuple[str, ...] = ()


def figures_in(path: str | Path) -> Figures:
    """The figures of a CSV, Parquet or JSON table, or of a TOML with [[figures]] and what holds for all above them.

    Raises UsageError for a table without a model, without figures, and for a figure without a unit, by name.
    """
    path = Path(path)
    if path.suffix.lower() == ".toml":
        rows, names = _of_toml(path)
    else:
        rows, names = _of_table(path)
    columns = {name: unit for name in names if (unit := _quantity(path, name)) is not None}
    if "model" not in names:
        raise UsageError(f"{path}: has no column model; seen are {listed(names)}")
    if not columns:
        raise UsageError(
            f"{path}: has no figures: expected a column such as latency_ms or energy_j; seen are {listed(names)}"
        )
    figures = [found for number, row in enumerate(rows, 1) for found in _figures(path, number, row, columns)]
    unused = [name for name in names if name not in _TEXTS and name not in columns]
    return Figures(str(path), figures, (f"{path}: columns not used: {listed(unused)}",) if unused else ())


def figures_of(calibration: Calibration, name: str) -> Figures:
    """What a calibration says of networks: latency, time of a step and energy."""
    figures = []
    for table, quantity, column in (("inference", "latency", "latency_s"), ("training_step", "step", "step_s")):
        for row in calibration.table(table).to_pylist():
            device = calibration.head.devices.get(row["device_id"])
            facts = {
                **row,
                "device": device.name if device else row["device_id"],
                "soc": (device.soc or None) if device else None,
            }
            said = {key: _text(facts[key]) for key in CONDITIONS if facts.get(key) is not None}
            for of, value in ((quantity, row[column]), ("energy", row["energy_j"])):
                if value and row["model"]:
                    figures.append(Figure(row["model"], of, value, said, row["source"] or "", row["basis"]))
    others = [
        f"{table} ({of.num_rows})"
        for table, of in calibration.tables.items()
        if table not in ("inference", "training_step")
    ]
    notices = (f"{name}: rows that are of no network are not compared: {', '.join(others)}",) if others else ()
    return Figures(name, figures, notices)


def _of_table(path: Path) -> tuple[list[dict[str, Any]], list[str]]:
    names = [name.strip() for name in read_table_file(path, ()).names]
    file = read_table_file(path, names)
    columns = {name: file.column(name, pa.string()).to_pylist() for name in names}
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)], names


def _of_toml(path: Path) -> tuple[list[dict[str, Any]], list[str]]:
    try:
        with path.open("rb") as opened:
            raw = opened.read(SIZE_LIMIT_B)
        data = tomllib.loads(raw.decode())
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{path}: no readable TOML ({shown(str(error) or type(error).__name__)})") from None
    rows = data.pop(FIGURES, None)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UsageError(f"{path}: has no [[{FIGURES}]]; seen are {listed(list(data))}")
    made = [{**data, **row} for row in rows]
    return made, list(dict.fromkeys(key for row in made for key in row))


def _quantity(path: Path, name: str) -> tuple[str, float] | None:
    """The quantity and the factor of a column; None of one that is no figure. Raises UsageError without a unit."""
    quantity, _, unit = name.partition("_")
    if quantity.lower() not in UNITS or name in _TEXTS or name in _WORDS:
        return None
    quantity = quantity.lower()
    known = UNITS[quantity][1]
    # mJ and MJ are not the same.
    factor = None if unit.startswith("M") else known.get(unit.lower())
    if factor is None:
        raise UsageError(
            f"{path}: column {shown(name)} {'is in no unit that is known' if unit else 'has no unit'}; expected one of "
            f"{', '.join(f'{quantity}_{of}' for of in known)}. What it is in is not guessed: rename it"
        )
    return quantity, factor


def _figures(
    path: Path, number: int, row: Mapping[str, Any], columns: Mapping[str, tuple[str, float]]
) -> Iterable[Figure]:
    said = {key: _text(row[key]) for key in CONDITIONS if row.get(key) not in (None, "")}
    for name, (quantity, factor) in columns.items():
        if row.get(name) in (None, ""):
            continue
        if not row.get("model"):
            raise UsageError(f"{path}: row {number} has a {name} and no model")
        value = _number(row[name])
        if value is None:
            raise UsageError(f"{path}: row {number}, {name} is {shown(row[name])}, expected a number above 0")
        yield Figure(_text(row["model"]), quantity, value * factor, said, _text(row.get("source") or ""))


def _number(value: Any) -> float | None:
    try:
        number = float(value) if not isinstance(value, bool) else math.nan
    except (TypeError, ValueError, OverflowError):
        return None
    return number if 0 < number < math.inf else None


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)

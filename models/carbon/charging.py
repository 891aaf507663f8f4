"""When a phone was charged: its battery hands out later what the grid was like then."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike

from edgewatt.models.carbon.grid import Array, Grid, utc
from edgewatt.models.carbon.grid_rows import numbers, times_s
from edgewatt.models.carbon.units import factor
from edgewatt.profiler.calibration.calibration import read_calibration
from edgewatt.profiler.comparing.columns import TableFile, listed
from edgewatt.profiler.comparing.table_files import read_table_file
from edgewatt.profiler.errors import UsageError

_DAY_S: Final = 86400.0
# The battery of no phone or tablet: 200 Wh. Above it, joules were taken for another unit (assumed).
_BATTERY_J: Final = 200 * 3600.0
# The name of the column -> its unit.
_ENERGIES: Final[Mapping[str, str]] = {"energy_in_j": "J", "energy_in_mwh": "mWh", "energy_in_wh": "Wh"}
_TIMES: Final = ("ts_start_utc", "ts_end_utc")
_LEVELS: Final = ("level_from_ratio", "level_to_ratio")


@dataclass(frozen=True, slots=True)
class Session:
    """One charge: from when until when (s since 1970, UTC), what the battery gained, and the share of it that is full.

    `gained_ratio` is None where the level was not told. `is_simulated`: of a virtual phone.
    """

    t0_s: float
    t1_s: float
    energy_in_j: float
    gained_ratio: float | None = None
    is_simulated: bool = False


@dataclass(frozen=True, slots=True)
class Habit:
    """A phone that charges every day between two hours of its local clock, which is `utc_offset_h` ahead of UTC.

    An `end_h` that is not after `start_h` is on the next day: 23 to 7.
    """

    start_h: float
    end_h: float
    utc_offset_h: float

    def intensity(self, grid: Grid, zone: str, t_s: ArrayLike) -> Array:
        """kg/J of the last charge that had ended at each time: its mean, shaped as `t_s`. Raises UsageError."""
        if not (0 <= self.start_h <= 24 and 0 <= self.end_h <= 24 and abs(self.utc_offset_h) <= 14):
            raise UsageError(
                f"charging from {self.start_h} to {self.end_h} h, {self.utc_offset_h} h ahead of UTC: no day"
            )
        length_s = ((self.end_h - self.start_h) % 24 or 24) * 3600
        into_day_s = (self.end_h - self.utc_offset_h) * 3600
        end_s = np.floor((np.asarray(t_s, np.float64) - into_day_s) / _DAY_S) * _DAY_S + into_day_s
        return grid.mean(zone, end_s - length_s, end_s)


def charged_intensity(grid: Grid, zone: str, sessions: Sequence[Session], at_s: float | None = None) -> float:
    """kg/J of what is in the battery at a time: the mean over the latest charges, by the energy that each brought.

    The latest are those that had ended, back to where their levels add up to one full battery; all of them where no
    level was told, or without a time. Within a charge the power is taken as constant. Raises UsageError.
    """
    ended = [one for one in sessions if at_s is None or one.t1_s <= at_s]
    if not ended:
        when = "" if at_s is None else f" before {utc(at_s)}"
        raise UsageError(f"no charge ended{when}: the log has {len(sessions)}; what is in the battery is not known")
    used = _of_one_battery(ended) if at_s is not None else [(one, one.energy_in_j) for one in ended]
    energies = np.array([energy for _, energy in used])
    if not energies.sum() > 0:
        raise UsageError("the charges of the log brought no energy")
    means = grid.mean(zone, [one.t0_s for one, _ in used], [one.t1_s for one, _ in used])
    return float(np.sum(means * energies) / energies.sum())


def _of_one_battery(ended: Sequence[Session]) -> list[tuple[Session, float]]:
    """The latest charges with the energy of each that is still there, the oldest in part."""
    found, room = [], 1.0
    for one in sorted(ended, key=lambda one: one.t1_s, reverse=True):
        share = 1.0 if one.gained_ratio is None or one.gained_ratio <= room else room / one.gained_ratio
        found.append((one, one.energy_in_j * share))
        room -= one.gained_ratio or 0.0
        if room <= 0:
            break
    return found


def read_charges(path: str | Path) -> list[Session]:
    """The charges of a calibration, or of a CSV with ts_start_utc, ts_end_utc and energy_in_j, _mwh or _wh.

    Raises UsageError for a file without charges, with two energies, or with charges that cannot be.
    """
    path = Path(path)
    sessions = _of_calibration(path) if path.is_dir() or path.suffix.lower() == ".zip" else _of_table(path)
    if not sessions:
        raise UsageError(f"{path}: no charge with its time and energy; the `interactive` suite asks a phone for them")
    ordered = sorted(sessions, key=lambda one: one.t0_s)
    for before, after in pairwise(ordered):
        if after.t0_s < before.t1_s:
            raise UsageError(f"{path}: charges overlap: one until {utc(before.t1_s)}, one from {utc(after.t0_s)}")
    return [_possible(path, one) for one in ordered]


def _of_calibration(path: Path) -> list[Session]:
    rows = read_calibration(path).table("charge").to_pylist()
    if len(devices := {row["device_id"] for row in rows}) > 1:
        raise UsageError(f"{path}: charges of {len(devices)} phones; a battery has those of one")
    return [_session(row) for row in rows if None not in (row["t0_s"], row["t1_s"], row["energy_in_j"])]


def _session(row: Mapping[str, Any]) -> Session:
    start, end = (row[level] for level in _LEVELS)
    gained = None if start is None or end is None else max(end - start, 0.0)
    return Session(row["t0_s"], row["t1_s"], row["energy_in_j"], gained, row["basis"] == "simulated")


def _of_table(path: Path) -> list[Session]:
    names = read_table_file(path, ()).names
    energies = [name for name in _ENERGIES if name in names]
    if len(energies) != 1 or not set(_TIMES) <= set(names):
        raise UsageError(
            f"{path}: has {listed(names)}; expected {', '.join(_TIMES)} and one of {', '.join(_ENERGIES)}, whose name "
            "says its unit"
        )
    levels = [name for name in _LEVELS if name in names]
    table = read_table_file(path, [*_TIMES, energies[0], *levels])
    t0_s, t1_s = (times_s(table, name, is_utc=True) for name in _TIMES)
    energy_j = numbers(table, energies[0]) * factor(_ENERGIES[energies[0]])
    gained = _gained(table) if len(levels) == len(_LEVELS) else [None] * table.rows
    rows = zip(t0_s.tolist(), t1_s.tolist(), energy_j.tolist(), gained, strict=True)
    return [Session(*row) for row in rows if not np.isnan(row[2])]


def _gained(table: TableFile) -> list[float | None]:
    start, end = (table.column(name, pa.float64()).to_pylist() for name in _LEVELS)
    return [None if a is None or b is None else max(b - a, 0.0) for a, b in zip(start, end, strict=True)]


def _possible(path: Path, one: Session) -> Session:
    where = f"{path}: the charge of {utc(one.t0_s)}"
    if not one.t0_s < one.t1_s:
        raise UsageError(f"{where} ends at {utc(one.t1_s)}, before it begins")
    if not 0 <= one.energy_in_j <= _BATTERY_J:
        raise UsageError(
            f"{where} brought {one.energy_in_j:g} J ({one.energy_in_j / 3600:g} Wh): no battery of a phone takes that. "
            "Is its unit another one (J, mWh, Wh)?"
        )
    if one.gained_ratio is not None and one.gained_ratio > 1:
        raise UsageError(f"{where} gained {one.gained_ratio:g} of a battery; a level is 0 to 1")
    return one

"""A grid from a user's file of hourly intensities: what it does not say has to be told, and nothing is guessed."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from edgewatt.models.carbon.constants import constant
from edgewatt.models.carbon.grid import KINDS, SCOPES, Grid, Label
from edgewatt.models.carbon.grid_columns import SIGNALS, UNIT_WORDS, Columns, columns_of, plain_name
from edgewatt.models.carbon.grid_rows import gap_notes, intensities, numbers, steps_of, times_s
from edgewatt.models.carbon.units import INTENSITIES
from edgewatt.profiler.comparing.columns import TableFile, listed
from edgewatt.profiler.comparing.table_files import read_table_file
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.checked import shown

_ZONES_LIMIT: Final = 1000


def read_grid(
    path: str | Path,
    *,
    zone: str | None = None,
    unit: str | None = None,
    kind: str | None = None,
    scope: str | None = None,
) -> Grid:
    """The zones of a CSV, Parquet or JSON file, in UTC; `zone` is whose it is where it has no column of zones.

    `unit` (of INTENSITIES), `kind` and `scope` say what the file does not; what both say must agree. An empty value is
    a gap. Raises UsageError for all that is not one certain intensity for one certain time.
    """
    path = Path(path)
    columns = columns_of(path, read_table_file(path, ()).names, kind=kind, scope=scope)
    table = read_table_file(path, columns.wanted)
    if not table.rows:
        raise UsageError(f"{path}: has a header and no rows")
    label = _label(table, columns, kind, scope)
    t_s = times_s(table, columns.time, is_utc=columns.is_utc)
    values = intensities(table, columns.value, _unit(table, columns, unit), label.scope)
    step_s = None if columns.step is None else numbers(table, columns.step)
    owners = _owners(table, columns, zone)
    by_zone = {}
    for name in dict.fromkeys(owners.tolist()):
        mine = owners == name
        by_zone[name] = steps_of(path, name, t_s[mine], values[mine], None if step_s is None else step_s[mine])
    notes = [note for name, steps in by_zone.items() for note in gap_notes(name, steps)]
    return Grid(replace(label, notes=(*label.notes, *notes)), by_zone, {name.casefold(): name for name in by_zone})


def _label(table: TableFile, columns: Columns, kind: str | None, scope: str | None) -> Label:
    signal = _only(table, columns.signal)
    if signal is not None and signal not in SIGNALS:
        raise UsageError(f"{table.path}: signal_type {shown(signal)}: expected {' or '.join(SIGNALS)}")
    kinds = {"--kind": kind, "its column": _only(table, columns.kind), "its values' name": columns.told.kind}
    kinds["its signal_type"] = None if signal is None else SIGNALS[signal]
    scopes = {"--scope": scope, "its column": _only(table, columns.scope), "its values' name": columns.told.scope}
    spread = constant("grid", "spread", "hour", "spread")
    return Label(
        kind=_agreed(table.path, "kind", kinds, KINDS),
        scope=_agreed(table.path, "scope", scopes, SCOPES),
        source=f"{table.path.name}: {_several(table, columns.source) or 'does not say its source'}",
        licence=_several(table, columns.licence) or "not told: the file's owner knows",
        spread_ratio=spread.value,
        spread_source=f"{spread.tag}: {spread.source}",
        notes=_estimated(table, columns.estimated),
    )


def _unit(table: TableFile, columns: Columns, asked: str | None) -> str:
    """The unit of the values. Raises UsageError if nobody says it, or if they say different ones."""
    stored = _only(table, columns.unit)
    word = None if stored is None else UNIT_WORDS.get(plain_name(stored))
    if stored is not None and word is None:
        raise UsageError(f"{table.path}: unit {shown(stored)}: expected one of {', '.join(INTENSITIES)}")
    units = {"--intensity-unit": asked, "its column": word, "its values' name": columns.told.unit}
    return _agreed(table.path, "intensity-unit", units, INTENSITIES)


def _agreed(path: Path, what: str, said: dict[str, str | None], known: Collection[str]) -> str:
    """What all say who say anything. Raises UsageError if nobody does, if they differ, or if it is no known word."""
    found = {who: value for who, value in said.items() if value is not None}
    if not found:
        raise UsageError(f"{path}: does not say its {what}, and nothing is guessed: --{what} {' or '.join(known)}")
    if len(set(found.values())) > 1:
        differ = ", ".join(f"{who} says {value}" for who, value in found.items())
        raise UsageError(f"{path}: {what} of its intensities: {differ}; only one can be right")
    value = next(iter(found.values()))
    if value not in known:
        raise UsageError(f"{path}: {what} {shown(value)}: expected {' or '.join(known)}")
    return value


def _owners(table: TableFile, columns: Columns, zone: str | None) -> NDArray[Any]:
    """The zone of each row."""
    if columns.zone is None:
        if zone is None:
            raise UsageError(f"{table.path}: has no column of zones; --zone says whose intensity it is")
        return np.full(table.rows, zone, object)
    names = np.array([name and name.strip() for name in table.column(columns.zone, pa.string()).to_pylist()], object)
    if not all(names):
        raise UsageError(
            f"{table.path}: column {columns.zone!r}, row {[bool(n) for n in names].index(False) + 1} is empty"
        )
    if len(set(names)) > _ZONES_LIMIT:
        raise UsageError(
            f"{table.path}: {len(set(names))} zones, more than {_ZONES_LIMIT}: is {columns.zone!r} a zone?"
        )
    return names


def _distinct(table: TableFile, name: str | None) -> list[str]:
    if name is None:
        return []
    return [value for value in pc.unique(table.column(name, pa.string())).to_pylist() if value is not None]


def _only(table: TableFile, name: str | None) -> str | None:
    """The one value of a column. Raises UsageError if it has several: they do not belong into one grid."""
    values = _distinct(table, name)
    if len(values) > 1:
        raise UsageError(
            f"{table.path}: column {name!r} has {listed(values)}: the two are never mixed; keep the rows of one of them"
        )
    return values[0] if values else None


def _several(table: TableFile, name: str | None) -> str:
    return listed(_distinct(table, name)[:3])


def _estimated(table: TableFile, name: str | None) -> tuple[str, ...]:
    if name is None:
        return ()
    said = [(value or "").strip().casefold() for value in table.column(name, pa.string()).to_pylist()]
    estimated = sum(value in ("true", "1", "yes") for value in said)
    return (f"{estimated} of {len(said)} rows are estimated, says {name!r}",) if estimated else ()

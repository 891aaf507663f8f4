"""Whether two sets of rows were measured under the same conditions, and if not, which differs."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from edgewatt.profiler.analysis.conditions import comparability
from edgewatt.profiler.comparing.matching import Cell, against
from edgewatt.profiler.comparing.side import ENERGY, Side
from edgewatt.profiler.errors import UsageError

HASH: Final = "conditions_sha256"
BOUNDARY: Final = "energy_boundary"
# What decides for every quantity, and what for one.
_ALWAYS: Final = ("device_id", "target_used", "simulated")
_OF_QUANTITY: Final[Mapping[str, tuple[str, ...]]] = {"latency_s": ("latency_stat",), ENERGY: (BOUNDARY,)}
_METER: Final = "meter"  # null where a side does not say; a run without one says "none"
_BEGUN: Final = "temperature_start_c"

_BothRows = tuple[NDArray[np.int64], NDArray[np.int64]]

WATCHED: Final = (*_ALWAYS, "latency_stat", BOUNDARY, HASH)


@dataclass(frozen=True, slots=True)
class Difference:
    """A condition that is not the same on both sides, with what each side says of it."""

    key: str
    old: Any
    new: Any

    @property
    def can_be_allowed(self) -> bool:
        """False for the boundary of energy, whatever the user accepts."""
        return self.key != BOUNDARY

    def __str__(self) -> str:
        return f"{self.key} ({against(self.old, self.new)})"


def refuse_impossible(allow: Collection[str]) -> None:
    """Raise UsageError if `allow` holds what cannot be allowed: joules of two boundaries are different quantities."""
    if BOUNDARY in allow or "boundary" in allow:
        raise UsageError(
            "the boundary cannot be allowed to differ: joules behind a battery and joules at the wall are different "
            "quantities, and no ratio says anything of the program"
        )


def differences(old: Side, new: Side, cell: Cell) -> list[Difference]:
    """What differs between the rows of both sides in a way that matters for their quantity.

    A side that says nothing (null) differs from nothing. Columns that the rows are matched on do not count.
    """
    rows = (
        old.measured(cell.key, cell.quantity, cell.old_source),
        new.measured(cell.key, cell.quantity, cell.new_source),
    )
    deciding = [name for name in (*_ALWAYS, *_OF_QUANTITY.get(cell.quantity, ())) if name not in old.columns]
    found = [Difference(name, *both) for name in deciding if (both := _differing(old, new, rows, name)) is not None]
    hashes = _differing(old, new, rows, HASH)
    return found if hashes is None else [*found, *_of_conditions(old, new, rows, Difference(HASH, *hashes))]


def _of_conditions(old: Side, new: Side, rows: _BothRows, hashes: Difference) -> list[Difference]:
    """The conditions behind two hashes, key by key where both runs tell them; else that the hashes differ."""
    if old.repeats.conditions is None or new.repeats.conditions is None:
        return [hashes]
    a, b = (_told(side, of_side) for side, of_side in zip((old, new), rows, strict=True))
    differing = [Difference(key, a[key], b[key]) for key in a if a[key] != b[key]]
    known = [one for one in differing if one.old is not None and one.new is not None]
    told_once = [one for one in differing if one not in known and one.key != _METER]
    # The hash of a row holds the boundary of its energy and the meter too: these decide for energy, where the boundary
    # is a column of its own, and not for the latency beside it.
    if _differing(old, new, rows, BOUNDARY) is not None:
        return [one for one in known if one.key != _METER] or told_once
    return known or told_once or [hashes]


def _told(side: Side, rows: NDArray[np.int64]) -> dict[str, Any]:
    """What decides of a run's conditions; the temperature is that of the first repeat, as in the rows' hash."""
    begun = side.repeats.table[_BEGUN].take(pa.array(rows)).drop_null().to_pylist()
    return comparability({**(side.repeats.conditions or {}), **({_BEGUN: begun[0]} if begun else {})})


def _differing(old: Side, new: Side, rows: _BothRows, name: str) -> tuple[Any, Any] | None:
    """What each side says in a column, if both say something and not the same."""
    a, b = (
        [value for value in side.coded[name].distinct(of_side) if value is not None]
        for side, of_side in zip((old, new), rows, strict=True)
    )
    return (_one(a), _one(b)) if a and b and set(a) != set(b) else None


def _one(values: list[Any]) -> Any:
    """The value, or all of them where a side has several itself."""
    return values[0] if len(values) == 1 else values

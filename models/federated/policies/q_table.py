"""Tables of Q(S, A) of many devices, in which only what was touched takes room; the update of AutoFL's algorithm 1.

Q(S, A) <- Q(S, A) + gamma [R + mu max Q(S', .) - Q(S, A)]      gamma: learning rate, mu: discount (its names)
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.federated.round import Flags, Floats, Ints

Values = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Where values are: `whole`, the number of a global state; tables and local states, (M,) each."""

    whole: int
    table: Ints
    local: Ints

    def at(self, of: Ints | Flags) -> "Place":
        """Some of the places."""
        return Place(self.whole, self.table[of], self.local[of])


@dataclass(slots=True, eq=False)
class QTable:
    """T tables of `states_n` local states and A actions each, for as many global states as are met.

    `first` (T, A): random values with which every state of a table begins (one row for all of its states: the paper
    only says random), -inf for an action that a table does not have. A state gets a row of its own when it is taught.
    In memory: T x (A + states_n) numbers of 4 bytes for one global state, and A for each touched state; 100,000 tables
    of 96 states and 30 actions take 50 MB where a dense one takes 1.2 GB.
    """

    first: Values
    states_n: int
    slots: dict[int, NDArray[np.int32]] = field(default_factory=dict)
    rows: Values = field(init=False)
    rows_n: int = 0
    _best: Values = field(init=False)
    _action: NDArray[np.int32] = field(init=False)
    _first_best: Values = field(init=False)
    _first_action: NDArray[np.int32] = field(init=False)

    def __post_init__(self) -> None:
        actions_n = self.first.shape[1]
        self.rows = np.empty((0, actions_n), dtype=np.float32)
        self._best, self._action = np.empty(0, dtype=np.float32), np.empty(0, dtype=np.int32)
        self._first_action = self.first.argmax(axis=1).astype(np.int32)
        self._first_best = self.first.max(axis=1)

    def values(self, place: Place) -> Values:
        """Q of all actions, (M, A)."""
        slot = self._slot(place)
        found = self.first[place.table]
        found[slot >= 0] = self.rows[slot[slot >= 0]]
        return found

    def best(self, place: Place) -> tuple[Values, Ints]:
        """The highest Q and its action, (M,) each."""
        slot = self._slot(place)
        value, action = self._first_best[place.table], self._first_action[place.table]
        met = np.flatnonzero(slot >= 0)
        value[met], action[met] = self._best[slot[met]], self._action[slot[met]]
        return value, action.astype(np.int64)

    def teach(self, place: Place, action: Ints, target: Floats, rate: float) -> None:
        """Move Q(S, A) to its target, R + mu max Q(S', .), by the learning rate; (M,) each.

        Where several share a cell it moves once, to the mean of their targets: their order says nothing. A target that
        is not finite teaches nothing.
        """
        good = np.isfinite(target)
        place, action, target = place.at(good), action[good], target[good]
        rows = self._touch(place)
        width = self.first.shape[1]
        cells, which = np.unique(rows * width + action, return_inverse=True)
        means = np.bincount(which, target) / np.bincount(which)
        flat = self.rows.reshape(-1)
        flat[cells] += rate * (means - flat[cells])
        changed = np.unique(rows)
        self._action[changed] = self.rows[changed].argmax(axis=1)
        self._best[changed] = self.rows[changed].max(axis=1)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """All that it knows: the first values, and the touched rows with where they are."""
        places = [
            np.column_stack((np.full(len(rows), whole), *np.nonzero(of >= 0), rows))
            for whole, of in self.slots.items()
            for rows in (of[of >= 0],)
        ]
        where = np.concatenate(places) if places else np.empty((0, 4), dtype=np.int64)
        return {"first": self.first, "rows": self.rows[: self.rows_n].copy(), "where": where.astype(np.int64)}

    def _slot(self, place: Place) -> NDArray[np.int32]:
        """The row of each place, -1 where it was never taught."""
        if place.whole not in self.slots:
            return np.full(len(place.table), -1, dtype=np.int32)
        return self.slots[place.whole][place.table, place.local]

    def _touch(self, place: Place) -> Ints:
        """The row of each place, made where there was none."""
        if place.whole not in self.slots:
            self.slots[place.whole] = np.full((len(self.first), self.states_n), -1, dtype=np.int32)
        slots = self.slots[place.whole]
        fresh = slots[place.table, place.local] < 0
        new = np.unique(place.table[fresh] * self.states_n + place.local[fresh])
        table, local = np.divmod(new, self.states_n)
        slots[table, local] = self.rows_n + np.arange(len(new))
        self._grow(self.rows_n + len(new))
        self.rows[self.rows_n : self.rows_n + len(new)] = self.first[table]
        self.rows_n += len(new)
        return slots[place.table, place.local].astype(np.int64)

    def _grow(self, rows_n: int) -> None:
        if rows_n > len(self.rows):
            more = max(rows_n, 2 * len(self.rows)) - len(self.rows)
            self.rows = np.concatenate((self.rows, np.empty((more, self.rows.shape[1]), dtype=np.float32)))
            self._best = np.concatenate((self._best, np.empty(more, dtype=np.float32)))
            self._action = np.concatenate((self._action, np.empty(more, dtype=np.int32)))


def random_table(allowed: Flags, states_n: int, spread: float, rng: np.random.Generator) -> QTable:
    """Tables of normal values around 0 with this deviation; `allowed` (T, A): the actions that each table has."""
    first = rng.standard_normal(allowed.shape, dtype=np.float32) * np.float32(spread)
    return QTable(np.where(allowed, first, np.float32(-np.inf)), states_n)


def table_from(arrays: Mapping[str, NDArray[Any]], states_n: int) -> QTable:
    """The tables that `to_arrays` gave."""
    table = QTable(np.asarray(arrays["first"], dtype=np.float32), states_n)
    rows = np.array(arrays["rows"], dtype=np.float32)
    where = np.asarray(arrays["where"], dtype=np.int64)
    for whole in np.unique(where[:, 0]).tolist():
        _, of, local, row = where[where[:, 0] == whole].T
        table.slots[whole] = np.full((len(table.first), states_n), -1, dtype=np.int32)
        table.slots[whole][of, local] = row
    table.rows, table.rows_n = rows, len(rows)
    table._best, table._action = rows.max(axis=1, initial=-np.inf), rows.argmax(axis=1).astype(np.int32)  # noqa: SLF001
    return table

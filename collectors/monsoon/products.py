"""What is stored of the rows: every one of them, or blocks of them that keep the energy exact."""

from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np

from edgewatt.collectors.monsoon.rows import Stretch

PHONE_VOLTAGE: Final = "phone.voltage_v"
CURRENT, VOLTAGE, POWER = "current_a", "voltage_v", "power_w"


class Product(Protocol):
    """Turns rows into what is stored of them. `slots` long is each, and it is stamped at its end if that is not 1."""

    slots: int

    def take(self, rows: Stretch) -> Stretch | None:
        """What is stored of them, `first` counted in units of `slots`; None if nothing is whole yet."""
        ...


class EveryRow:
    """Each row as it was measured."""

    slots = 1

    def take(self, rows: Stretch) -> Stretch:
        """The rows."""
        return rows


class Blocks:
    """Means over `slots` slots: of current and voltage, and of their product.

    Power is the mean of the products, not the product of the means, so that the joules are those of every row. A block
    of which a slot is missing is not stored: the hole that took it is recorded, and nothing is scaled up.
    """

    def __init__(self, slots: int, powers: Sequence[str]) -> None:
        self.slots, self._powers = slots, powers
        self._rest: Stretch | None = None

    def take(self, rows: Stretch) -> Stretch | None:
        """The blocks that became whole."""
        if self._rest is not None and self._rest.end == rows.first:
            rest = self._rest.columns
            rows = Stretch(
                self._rest.first,
                {name: np.concatenate((rest[name], values)) for name, values in rows.columns.items()},
            )
        first, end = -(-rows.first // self.slots), rows.end // self.slots
        if end <= first:
            self._rest = rows
            return None
        self._rest = _cut(rows, end * self.slots, rows.end)
        return self._means(_cut(rows, first * self.slots, end * self.slots), first)

    def _means(self, rows: Stretch, first: int) -> Stretch:
        shaped = {name: values.astype(np.float64).reshape(-1, self.slots) for name, values in rows.columns.items()}
        products = {f"{of}.{POWER}": shaped[f"{of}.{CURRENT}"] * shaped[f"{of}.{VOLTAGE}"] for of in self._powers}
        means = {name: values.mean(axis=1).astype(np.float32) for name, values in {**shaped, **products}.items()}
        return Stretch(first, means)


def _cut(rows: Stretch, begin: int, end: int) -> Stretch:
    of = slice(begin - rows.first, end - rows.first)
    return Stretch(begin, {name: values[of] for name, values in rows.columns.items()})

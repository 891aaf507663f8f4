"""What a network takes above what the tables say of its processors, learnt from other networks.

A loop stays in the caches of its core. A network reads its weights from memory, and executes other instructions: it
takes more, by so many watts whatever executes it, and by so many per busy core of a cluster or per share of an
accelerator's time. So much is fitted to networks that were measured; one that was not differs from them as they do from
each other.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.calibrating.least_squares import Fit, solve
from edgewatt.profiler.calibrating.observations import Observation
from edgewatt.profiler.calibrating.power import PowerFit
from edgewatt.profiler.calibrating.values import together

Row = NDArray[np.float64]
Amounts = Callable[[Observation], Row]


@dataclass(frozen=True, slots=True)
class Way:
    """How one network was executed: by how much of what, and its watts above the tables with their uncertainty."""

    model: object
    row: Row
    above_w: float
    u_w: float


@dataclass(frozen=True, slots=True, eq=False)
class Above:
    """Watts above the tables per unit of each amount in `columns`, as `models_n` networks told it."""

    fit: Fit
    columns: NDArray[np.intp]
    models_n: int

    def of(self, row: Row) -> tuple[float, float, float]:
        """Watts of a network that is none of them, with standard uncertainty and df.

        The uncertainty is infinite where a single network told it, which says nothing of how others differ.
        """
        value, u, df = self.fit.of(row[self.columns])
        spare = len(self.fit.residuals) - len(self.columns)
        if self.models_n < 2 or spare < 1:
            return value, math.inf, 1.0
        differ = max(float(np.mean(self.fit.variances)), float(np.sum(self.fit.residuals**2)) / spare)
        u, df = together([(u, df), (math.sqrt(differ), min(self.models_n - 1.0, spare))])
        return value, u, df


def ways_of(found: PowerFit, networks: Sequence[Observation], amounts: Amounts) -> list[Way]:
    """Each way in which networks were executed and measured, the mean of its repeats."""
    looks: dict[tuple[object, ...], list[tuple[Row, float, float]]] = {}
    for one in networks:
        power, predicted, row = one.power_of(found.source), found.predict(one.ran, one.temperature_c), amounts(one)
        if power is None or isinstance(predicted, str) or not row.any():
            continue
        way = one.config.get("model"), one.stretch.window.config_id, one.stretch.repeat.ran.frequency_hz
        looks.setdefault(way, []).append((row, power.power_w - predicted[0], power.u_w))
    return [
        Way(
            model,
            np.mean([row for row, _, _ in of], axis=0),
            float(np.mean([above_w for _, above_w, _ in of])),
            float(np.mean([u_w for _, _, u_w in of])),
        )
        for (model, *_), of in looks.items()
    ]


def above_of(ways: Sequence[Way]) -> Above | None:
    """What these networks take above the tables; None of none.

    By its first amount alone where there are not twice as many ways as amounts to tell apart.
    """
    if not ways:
        return None
    x = np.asarray([way.row for way in ways])
    columns = np.flatnonzero(x.any(axis=0))
    if len(ways) < 2 * len(columns):
        columns = columns[:1]
    y, u = (np.asarray(of) for of in ([way.above_w for way in ways], [way.u_w for way in ways]))
    return Above(solve(x[:, columns], y, u), columns, len({way.model for way in ways}))

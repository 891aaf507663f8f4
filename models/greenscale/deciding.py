"""Schedulers that know all but noise: of all places and hours that are in time, the one of least of something."""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.greenscale.world import PLACES, Costs

Reals = NDArray[np.float64]
Choice = NDArray[np.intp]
CARBON, ENERGY, LATENCY = "least carbon", "least energy", "least latency"
PHONE_ENERGY: Final = "least energy of the phone"
# After ACT: D of delay, E of energy, C of embodied carbon.
OBJECTIVES: Final[Mapping[str, Callable[[Costs], Reals]]] = {
    CARBON: lambda of: of.kg,
    ENERGY: lambda of: of.energy_j,
    LATENCY: lambda of: of.latency_s,
    PHONE_ENERGY: lambda of: of.phone_j,
    "least EDP": lambda of: of.energy_j * of.latency_s,
    "least CDP": lambda of: of.embodied_kg.sum(axis=-1) * of.latency_s,
    "least CEP": lambda of: of.embodied_kg.sum(axis=-1) * of.energy_j,
}
ALWAYS: Final = {f"only {place}": k for k, place in enumerate(PLACES)}


def best(of: Costs, objective: str) -> Choice:
    """[n] places x slots, flat: the first of the least in time; where nothing is in time, the fastest."""
    n = len(of.latency_s)
    value = np.where(of.in_time, OBJECTIVES[objective](of), np.inf).reshape(n, -1)
    none = ~of.in_time.reshape(n, -1).any(axis=1)
    return np.asarray(np.where(none, of.latency_s.reshape(n, -1).argmin(axis=1), value.argmin(axis=1)), np.intp)


def always(of: Costs, place: int) -> Choice:
    """[n] the same place, at once."""
    n, _, slots_n = of.latency_s.shape
    return np.full(n, place * slots_n, np.intp)


def taken(of: Reals, choice: Choice) -> Reals:
    """What the choices took: `of` [n, 3, slots, ...] -> [n, ...]."""
    n, places_n, slots_n = of.shape[:3]
    flat = of.reshape(n, places_n * slots_n, *of.shape[3:])
    return np.asarray(flat[np.arange(n), choice])

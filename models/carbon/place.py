"""Where work is done and what carries it there: what each emits to run, and a share of what building it emitted."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from edgewatt.models.carbon.grid import Array
from edgewatt.models.carbon.interval import Interval, total
from edgewatt.models.carbon.operational import operational_kg
from edgewatt.profiler.errors import UsageError

PLACES: Final = ("phone", "access", "edge", "core", "cloud")
# A phone by its life-cycle assessment instead of by its parts.
SHIPPED: Final = (*PLACES, "phone-lca")


@dataclass(frozen=True, slots=True)
class Basis:
    """How sure something is: confirmed, second-hand, remembered or assumed; and where it is from."""

    tag: str
    source: str


@dataclass(frozen=True, slots=True)
class Part:
    """What making one part emitted, in kg of CO2e, its packages included; `how` says by which equation or table."""

    name: str
    kg: Interval
    how: str
    basis: Basis


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A phone, a network or a data centre, of which one user has a share.

    `supply`: joules from the grid for each joule that it consumes (its PUE, or 1 / the efficiency of its charger).
    `use_ratio`: how much of its lifetime it is used; `shared_by`: how many users it serves at once. `power_w` and
    `energy_j_per_b` are None where nobody told them; `missing` is what the parts leave out. `bases` are of the numbers
    beside the parts, by name.
    """

    name: str
    note: str
    parts: tuple[Part, ...]
    lifetime_s: Interval
    use_ratio: Interval
    shared_by: Interval
    supply: Interval
    bases: tuple[tuple[str, Basis], ...]
    missing: str = ""
    power_w: Interval | None = None
    energy_j_per_b: Interval | None = None

    @property
    def embodied(self) -> Interval:
        """All of its parts, in kg of CO2e."""
        return total(part.kg for part in self.parts)

    @property
    def embodied_per_s(self) -> Interval:
        """kg/s of one user, while it uses the place: E / (lifetime x use x users), after ACT's T/LT x E_CF.

        Division by the use: Wu et al., Sustainable AI. By the users: as remembered of GreenScale.
        """
        return self.embodied.over(self.lifetime_s * self.use_ratio * self.shared_by)

    @property
    def embodied_kg_per_s(self) -> float:
        """`embodied_per_s`, without its interval."""
        return self.embodied_per_s.value

    def embodied_kg(self, seconds: ArrayLike) -> Array:
        """The share of so many seconds of use by one user, in kg. Raises UsageError for negative seconds."""
        used = np.asarray(seconds, np.float64)
        if not np.all(used >= 0):
            raise UsageError(f"{self.name}: embodied carbon of a negative time")
        return np.asarray(used * self.embodied_kg_per_s, np.float64)

    def operational_kg(self, energy_j: ArrayLike, intensity_kg_per_j: ArrayLike) -> Array:
        """Kg of what the place consumes, drawn through its own supply; arrays are broadcast. Raises UsageError."""
        return operational_kg(energy_j, intensity_kg_per_j, self.supply.value)

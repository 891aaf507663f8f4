"""What is emitted to run: energy x intensity, with what is lost between the grid and where the joules were taken."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from edgewatt.models.carbon.constants import tables_of
from edgewatt.models.carbon.grid import Array
from edgewatt.models.carbon.interval import ONE, Interval
from edgewatt.profiler.errors import UsageError

# Where the joules of a run were taken -> through what they came from the grid.
ON_BATTERY: Final = frozenset({"battery_bypass", "battery_series", "gauge"})
NOT_COUNTED: Final[Mapping[str, str]] = {
    "wall": "",
    "board": "the loss of the board's own supply is not counted (--pue or --charger says it)",
    "rail": "what is lost before the rail is not counted (--pue or --charger says it)",
    "usb_inline": "the loss of the charger at the wall is not counted (--charger says it)",
}


def operational_kg(energy_j: ArrayLike, intensity_kg_per_j: ArrayLike, supply_ratio: ArrayLike = 1.0) -> Array:
    """What so much energy emits, in kg of CO2e: energy x intensity x joules from the grid per joule consumed.

    The last is a PUE, or 1 / the efficiency of a charger. ACT's OP_CF = CI_use * Energy. Arrays are broadcast. Raises
    UsageError for what is negative.
    """
    energy, intensity, supply = (np.asarray(x, np.float64) for x in (energy_j, intensity_kg_per_j, supply_ratio))
    if not (np.all(energy >= 0) and np.all(intensity >= 0) and np.all(supply >= 1)):
        raise UsageError("operational carbon of a negative energy or intensity, or of a supply that gains energy")
    return np.asarray(energy * intensity * supply, np.float64)


def charger() -> Interval:
    """The efficiency of a phone's charging from the wall to the battery, of supply.toml."""
    of = tables_of("supply")["charger_efficiency"]
    return Interval(of["value"].value, of["low"].value, of["high"].value)


def supply_of_charger(efficiency: Interval) -> Interval:
    """Joules from the grid per joule out of the battery. Raises UsageError for an efficiency that is none."""
    if not 0 < efficiency.low <= efficiency.high <= 1:
        raise UsageError(
            f"a charger's efficiency of {efficiency.low:g} to {efficiency.high:g}: expected above 0, at most 1"
        )
    return ONE.over(efficiency)


def supply_of_pue(pue: Interval) -> Interval:
    """Joules from the grid per joule of a machine. Raises UsageError for a PUE that is none."""
    if not 1 <= pue.low <= pue.high <= 10:
        raise UsageError(f"a PUE of {pue.low:g} to {pue.high:g}: expected 1 (nothing lost) to 10")
    return pue

"""Foreign units and what one of them is in SI: stated once, looked up by name, never guessed."""

from collections.abc import Mapping
from typing import Final

from edgewatt.profiler.errors import UsageError

J_PER_KWH: Final = 3.6e6
# Exact: the international avoirdupois pound of 1959.
KG_PER_LB: Final = 0.45359237
G_PER_KWH: Final = 1e-3 / J_PER_KWH
LB_PER_MWH: Final = KG_PER_LB / (1e3 * J_PER_KWH)
_S_PER_YEAR: Final = 365.25 * 86400

# unit -> (what one of it is in SI, the SI unit). A GB is 10^9 bytes, as makers of memory and ACT count.
UNITS: Final[Mapping[str, tuple[float, str]]] = {
    "g/kWh": (G_PER_KWH, "kg/J"),
    "kg/kWh": (1.0 / J_PER_KWH, "kg/J"),
    "lb/MWh": (LB_PER_MWH, "kg/J"),
    "kg/MWh": (1e-3 / J_PER_KWH, "kg/J"),
    "t/MWh": (1.0 / J_PER_KWH, "kg/J"),
    "J": (1.0, "J"),
    "Wh": (3600.0, "J"),
    "mWh": (3.6, "J"),
    "kWh": (J_PER_KWH, "J"),
    "g": (1e-3, "kg"),
    "kg": (1.0, "kg"),
    "lb": (KG_PER_LB, "kg"),
    "kWh/cm2": (J_PER_KWH / 1e-4, "J/m2"),
    "g/cm2": (1e-3 / 1e-4, "kg/m2"),
    "kg/cm2": (1 / 1e-4, "kg/m2"),
    "kg/m2": (1.0, "kg/m2"),
    "g/GB": (1e-3 / 1e9, "kg/B"),
    "kWh/GB": (J_PER_KWH / 1e9, "J/B"),
    "g/package": (1e-3, "kg/package"),
    "MJ/kg": (1e6, "J/kg"),
    "kg/kg": (1.0, "kg/kg"),
    "1/cm2": (1e4, "1/m2"),
    "h": (3600.0, "s"),
    "years": (_S_PER_YEAR, "s"),
    "mm2": (1e-6, "m2"),
    "cm2": (1e-4, "m2"),
    "GB": (1e9, "B"),
    "W": (1.0, "W"),
    "ratio": (1.0, "ratio"),
}
INTENSITIES: Final = tuple(unit for unit, (_, si) in UNITS.items() if si == "kg/J")


def in_si(value: float, unit: str) -> float:
    """`value` of a unit of UNITS in SI. Raises UsageError for a unit that nobody knows."""
    return value * factor(unit)


def factor(unit: str) -> float:
    """What one of `unit` is in SI. Raises UsageError for a unit that nobody knows."""
    if unit not in UNITS:
        raise UsageError(f"unit {unit!r}: expected one of {', '.join(UNITS)}")
    return UNITS[unit][0]

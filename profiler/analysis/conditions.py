"""Which conditions decide whether two measurements can be compared, and the hash that says it in one column."""

import math
from collections.abc import Mapping
from typing import Any, Final

from edgewatt.profiler.identity import sha256_of_json
from edgewatt.profiler.storage.checked import NUMBER

# measurement.md, Comparing, and facts/safe-regression-energy-tables.md, C6. What changes from minute to minute
# (load, exact temperatures, time) is left out: it belongs to the spread.
COMPARABILITY_KEYS: Final = (
    "os_build",
    "governor",
    "frequency_min_hz",
    "frequency_max_hz",
    "turbo",
    "cpuset",
    "power_supply",
    "charging",
    "nvpmodel",
    "jetson_clocks",
    "screen",
    "brightness",
    "airplane_mode",
    "wifi",
    "idle_state",
    "input_sha256",
    "meter",
    "boundary",
    "target_used",
)

# Temperatures at the start count as the same within a class of so many degrees.
TEMPERATURE_CLASS_C: Final = 5.0
_TEMPERATURES: Final = ("temperature_start_c", "temperature_c")


def comparability(conditions: Mapping[str, Any]) -> dict[str, Any]:
    """Of all conditions those that have to be equal, plain JSON; null where one is not known.

    `temperature_class` is the lower end, in degrees Celsius, of the class in which `temperature_start_c` lies (or,
    without one, `temperature_c`).
    """
    kept = {key: conditions.get(key) for key in COMPARABILITY_KEYS}
    return {**kept, "temperature_class": _temperature_class(conditions)}


def conditions_sha256(conditions: Mapping[str, Any]) -> str:
    """Hex SHA-256 of the sorted JSON of `comparability(conditions)`."""
    return sha256_of_json(comparability(conditions))


def _temperature_class(conditions: Mapping[str, Any]) -> float | None:
    known = (conditions.get(key) for key in _TEMPERATURES)
    start_c = next((value for value in known if NUMBER.holds(value)), None)
    return None if start_c is None else math.floor(start_c / TEMPERATURE_CLASS_C) * TEMPERATURE_CLASS_C

"""The closed set of quantities, one SI unit each, and how a value is written for people."""

import math
from enum import Enum


class Quantity(Enum):
    """What a channel measures. The value is the ending of its column, `<quantity>_<unit>`.

    Add a member when a device measures something new; never a second unit for the same quantity.
    """

    POWER = "power_w"
    ENERGY = "energy_j"
    VOLTAGE = "voltage_v"
    CURRENT = "current_a"
    CHARGE = "charge_coulomb"
    TEMPERATURE = "temperature_c"
    FREQUENCY = "frequency_hz"
    LOAD = "load_ratio"
    MEMORY = "memory_b"
    DURATION = "duration_s"
    RSSI = "rssi_dbm"
    STATE = "state_code"
    COUNT = "count_n"

    @property
    def unit(self) -> str:
        """The unit's short name as it stands at the end of the column, such as `w`."""
        return self.value.rpartition("_")[2]


_WITH_COMMAS = 10_000
_LONG_S = ((365.25 * 86400, "years"), (86400.0, "days"), (3600.0, "hours"))
_PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"))


def scale_for(value: float, unit: str = "") -> tuple[float, str]:
    """The factor and the SI prefix in which people read a value of this size: nobody reads kiloseconds."""
    magnitude = min(abs(value), 1.0) if unit == "s" else abs(value)
    for factor, prefix in _PREFIXES:
        if magnitude >= factor:
            return factor, prefix
    return (1.0, "") if magnitude == 0 else _PREFIXES[-1]


def format_si(value: float | None, unit: str, *, digits: int = 3) -> str:
    """`value` with an SI prefix and `digits` significant digits; "not measured" for None or NaN.

    >>> format_si(0.01242, "s")
    '12.4 ms'
    """
    if value is None or math.isnan(value):
        return "not measured"
    factor, prefix = scale_for(_rounded(value, digits), unit)
    return f"{_significant(value / factor, digits)} {prefix}{unit}"


def format_duration(seconds: float) -> str:
    """As `format_si`, and in plain words too where it is an hour or longer.

    >>> format_duration(0.0031), format_duration(1795643655.0)
    ('3.10 ms', '1,795,643,655 s (56.9 years)')
    """
    found = next((f" ({_significant(seconds / s, 3)} {word})" for s, word in _LONG_S if abs(seconds) >= s), "")
    return f"{format_si(seconds, 's')}{found}"


def format_interval(value: float, low: float, high: float, unit: str, *, digits: int = 3) -> tuple[str, str]:
    """A value and its interval in the value's own prefix: `("12.4 ms", "[12.2, 12.6]")`."""
    factor, prefix = scale_for(_rounded(value, digits), unit)
    shown = [_significant(x / factor, digits) for x in (value, low, high)]
    return f"{shown[0]} {prefix}{unit}", f"[{shown[1]}, {shown[2]}]"


def _significant(value: float, digits: int) -> str:
    if not math.isfinite(value):
        return str(value)
    rounded = _rounded(value, digits)
    whole = 1 if rounded == 0 else math.floor(math.log10(abs(rounded))) + 1
    return f"{value:{',' if abs(value) >= _WITH_COMMAS else ''}.{max(digits - whole, 0)}f}"


def _rounded(value: float, digits: int) -> float:
    """0.9996 is 1.00 in three digits, and has the prefix and the decimals of that."""
    return float(f"{value:.{digits - 1}e}")

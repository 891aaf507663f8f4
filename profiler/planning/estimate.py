"""What a plan will take, before anything is measured: how long, and how much of the battery."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from edgewatt.profiler.storage.checked import NUMBER

# What is around a repeat: a fresh process that loads the model and its runtime (assumed).
AROUND_S: Final = 2.0
# What a phone or board draws with all that works (assumed: most phones draw 3 to 6 W then, and few can for long).
ASSUMED_W: Final = 5.0
# Below this share of its charge a phone saves power by itself: AOSP config_lowBatteryWarningLevel is 15 (documented).
RESERVE: Final = 0.15
# A charge counter that says less or more than any phone's or tablet's battery holds counts something else (assumed).
_AH: Final = (0.2, 20.0)
# The same of the energy of a battery of a laptop or board (assumed).
_WH: Final = (1.0, 1000.0)
_S_PER_H: Final = 3600.0

Basis = Literal["stated", "seen", "assumed"]


@dataclass(frozen=True, slots=True)
class Timing:
    """How long the parts of a plan take, in seconds: a repeat as a rule and at most, and what is before and after."""

    repeat_s: float
    repeat_most_s: float
    around_s: float
    around_most_s: float

    def expected_s(self, repeats: int) -> float:
        """As a rule: half of each warm-up, and no waiting for anything to cool."""
        return repeats * self.repeat_s + self.around_s

    def most_s(self, repeats: int) -> float:
        """At most, as far as every limit is given by the plan."""
        return repeats * self.repeat_most_s + self.around_most_s


@dataclass(frozen=True, slots=True)
class Power:
    """The mean power that is reckoned with, and whether somebody stated it, it was seen, or is assumed."""

    watts: float
    basis: Basis
    said: str


@dataclass(frozen=True, slots=True)
class Battery:
    """What is in a battery, in mWh, and of how much; None where the device does not tell."""

    left_mwh: float | None
    full_mwh: float | None
    why_unknown: str = ""


@dataclass(frozen=True, slots=True)
class Need:
    """What a plan needs of a battery. `fits` is None where nobody can know, or where no battery is needed."""

    mwh: float
    share: float | None
    fits: bool | None
    power: Power
    battery: Battery | None


def battery_of(facts: Mapping[str, Any]) -> Battery | None:
    """The battery in the conditions of a device; None where none feeds it: it has none, or hangs on a supply.

    Its energy is what it says itself (a laptop's), else its charge at the voltage that it has now; the full one of the
    latter follows from the level.
    """
    supply, level = _number(facts, "power_supply", str), _number(facts, "battery_level_ratio")
    left_wh, full_wh = _number(facts, "battery_left_wh"), _number(facts, "battery_full_wh")
    if supply is None and level is None and left_wh is None:
        return None
    is_on_supply = supply not in {None, "battery"}
    if is_on_supply and (facts.get("charging") is not False or (level is None and left_wh is None)):
        return None
    if left_wh is not None and full_wh is not None:
        if not (_WH[0] <= full_wh <= _WH[1] and 0 <= left_wh <= 2 * full_wh):
            return Battery(None, None, f"its battery says that it holds {left_wh:.3g} of {full_wh:.3g} Wh")
        return Battery(left_wh * 1000, full_wh * 1000)
    return _of_charge(_number(facts, "battery_charge_ah"), _number(facts, "battery_voltage_v"), level)


def _of_charge(charge_ah: float | None, voltage_v: float | None, level: float | None) -> Battery:
    if charge_ah is None or voltage_v is None or not level:
        known = {"charge": charge_ah, "voltage": voltage_v, "level": level or None}
        missing = [name for name, value in known.items() if value is None]
        return Battery(None, None, f"the device does not tell the {' and the '.join(missing)} of its battery")
    full_ah = charge_ah / level
    if not _AH[0] <= full_ah <= _AH[1]:
        return Battery(None, None, f"its charge counter would make a battery of {full_ah:.3g} Ah of it")
    left_mwh = charge_ah * voltage_v * 1000
    return Battery(left_mwh, left_mwh / level)


def need_of(seconds: float, power: Power, battery: Battery | None) -> Need:
    """What so many seconds need, and whether that leaves the reserve in the battery."""
    mwh = power.watts * seconds / _S_PER_H * 1000
    if battery is None or battery.left_mwh is None or battery.full_mwh is None:
        return Need(mwh, None, None, power, battery)
    fits = mwh <= battery.left_mwh - RESERVE * battery.full_mwh
    return Need(mwh, mwh / battery.full_mwh, fits, power, battery)


def _number(facts: Mapping[str, Any], key: str, kind: type | None = None) -> Any:
    value = facts.get(key)
    if kind is not None:
        return value if isinstance(value, kind) else None
    return value if NUMBER.holds(value) else None

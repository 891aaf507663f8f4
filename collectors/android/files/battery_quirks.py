"""What a battery gauge means: its unit and its sign, which differ between phones of one maker.

The kernel's Documentation/ABI/testing/sysfs-class-power asks for microampere, and Android's BatteryManager for positive
into the battery; phones give milliampere and either sign (android-tflite facts, section 3). What the profile does not
say is learnt from the phone itself, and what neither says is not measured.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from edgewatt.collectors.android.files.look import decimal, whole

# BatteryManager.BATTERY_STATUS_*, by the words of the kernel's sysfs-class-power.
STATUS: Final = {"unknown": 1, "charging": 2, "discharging": 3, "not charging": 4, "full": 5}
DISCHARGING: Final = 3

UNITS: Final = {"uA": 1e-6, "mA": 1e-3}
# Raw sign while the phone drains its battery, by the profile's battery_current_positive.
SIGNS: Final = {"discharging": 1, "charging": -1}

# No phone's battery gives or takes more (assumed: the fastest chargers sold by 2025 stay below it).
HIGHEST_A: Final = 20.0
# No phone draws more from its battery (assumed); between this and HIGHEST_A the unit of a raw number is not decided.
HIGHEST_DRAW_A: Final = 10.0
# A phone that is awake to be asked draws more (assumed): a smaller reading decides neither unit nor sign.
CLEAR_A: Final = 0.02
# One or two cells in series, with room for both ends (assumed).
VOLTAGE_V: Final = (2.0, 20.0)
# More than any phone's battery holds in mAh; as uAh, 20 mAh, at which a phone has long switched off (assumed).
MICRO_FROM: Final = 20_000
# An arbitrary start far above any battery, in uAh: a stored counter is not negative and rises.
FULL_UAH: Final = 1_000_000_000
TEMPERATURE_C: Final = (-40.0, 150.0)


@dataclass(slots=True)
class Gauge:
    """From raw readings to amperes OUT of the battery: positive while the phone drains it.

    `scale` (ampere per raw unit) and `sign` (raw sign while draining) are None until a reading decides them. `status`
    is that of the row being read: without one that says so, a reading is not known to be consumption. `gain` and
    `zero_a` were found against a meter: what is read is gain x current + zero. With `is_measured` unit and sign were
    found by a load that moved it (`calibrate sensor`), and no single reading overrules that.
    """

    scale: float | None = None
    sign: int | None = None
    unit_rule: str = "undecided"
    sign_rule: str = "undecided"
    status: int | None = None
    gain: float = 1.0
    zero_a: float = 0.0
    is_measured: bool = False

    def see(self, raw: int, status: int | None) -> None:
        """Learn from one reading what is not decided yet."""
        size = abs(raw)
        if self.scale is None and size * UNITS["mA"] >= HIGHEST_A:
            self.scale, self.unit_rule = UNITS["uA"], f"uA by size: {raw} mA would be above {HIGHEST_A:g} A"
        if status != DISCHARGING:
            return
        if self.scale is None and _is_milliampere(size):
            self.scale, self.unit_rule = UNITS["mA"], f"mA by size: {raw} uA would be under {CLEAR_A:g} A, awake"
        if self.sign is None and self.scale is not None and size * self.scale >= CLEAR_A:
            self.sign = 1 if raw > 0 else -1
            self.sign_rule = f"read {'positive' if raw > 0 else 'negative'} while discharging"

    def current_a(self, text: str) -> float | None:
        """Amperes out of the battery; None while the phone does not drain it, and for what no phone can draw.

        It uses up `status`, so that a row without one has no current.
        """
        raw, status, self.status = whole(text), self.status, None
        if not raw:
            return None
        self.see(raw, status)
        if status != DISCHARGING or self.scale is None or self.sign is None:
            return None
        value_a = (raw * self.scale * self.sign - self.zero_a) / self.gain
        return value_a if abs(value_a) <= HIGHEST_A else None

    def see_status(self, text: str) -> int | None:
        """The status of this row, 1 to 5; None if it says none."""
        self.status = parse_status(text)
        return self.status


def gauge_of(
    unit: str | None, positive: str | None, readings: Iterable[tuple[int, int | None]], *, is_measured: bool = False
) -> Gauge:
    """A gauge with the profile's `unit` and `positive` (None: not said), and what (raw, status) readings tell.

    The phone overrules its profile where the profile cannot be true: a current beyond HIGHEST_A, less than CLEAR_A at
    every look at a battery that is being drained, where milliampere would fit, or one that flows into such a battery.
    The rules say so. With `is_measured` the profile's words come from a load of known shape, and stand.
    """
    if is_measured and unit is not None and positive is not None:
        rules = (f"{unit} as measured by a load", f"positive is {positive} as measured by a load")
        return Gauge(UNITS[unit], SIGNS[positive], *rules, is_measured=True)
    looks = list(readings)
    said = UNITS.get(unit or "")
    if said is not None and any(abs(raw) * said >= HIGHEST_A for raw, _ in looks):
        said = None
    drained = [abs(raw) for raw, status in looks if raw and status == DISCHARGING]
    if said == UNITS["uA"] and drained and all(_is_milliampere(size) for size in drained):
        said = None
    seen = Gauge() if said is None else Gauge(scale=said, unit_rule=f"{unit} by the profile")
    for raw, status in looks:
        seen.see(raw, status)
    if unit is not None and said is None:
        seen.unit_rule += f", against the profile's {unit}"
    expected = SIGNS.get(positive or "")
    if expected is not None and seen.sign is None:
        seen.sign, seen.sign_rule = expected, f"positive is {positive} by the profile"
    elif expected is not None and seen.sign != expected:
        seen.sign_rule += f", against the profile's positive is {positive}"
    elif expected is not None:
        seen.sign_rule += f", as the profile says (positive is {positive})"
    return seen


def _is_milliampere(size: int) -> bool:
    """Whether an awake phone that draws this has to mean mA: as uA it would be less than CLEAR_A."""
    return CLEAR_A <= size * UNITS["mA"] <= HIGHEST_DRAW_A


def parse_status(text: str) -> int | None:
    """The code of a status, by its word."""
    return STATUS.get(text.strip().lower())


def parse_voltage(text: str) -> float | None:
    """Volt, from microvolt, millivolt or volt: which, its size tells, as VOLTAGE_V leaves no other."""
    raw = decimal(text)
    for scale in (1e-6, 1e-3, 1.0):
        if raw is not None and VOLTAGE_V[0] <= raw * scale <= VOLTAGE_V[1]:
            return raw * scale
    return None


def parse_temperature(text: str) -> float | None:
    """Celsius from tenths (sysfs-class-power)."""
    raw = whole(text)
    value_c = None if raw is None else raw / 10
    return value_c if value_c is not None and TEMPERATURE_C[0] < value_c < TEMPERATURE_C[1] else None


def parse_level(text: str) -> float | None:
    """State of charge in per cent."""
    raw = whole(text)
    return float(raw) if raw is not None and 0 <= raw <= 100 else None


def is_microampere_hours(text: str) -> bool:
    """True of a charge counter that can only be in microampere hours: as mAh it would be MICRO_FROM or more."""
    raw = whole(text)
    return raw is not None and abs(raw) >= MICRO_FROM


def parse_drawn(text: str) -> int | None:
    """What is missing from FULL_UAH in a charge counter: it rises with what is drawn. 0 is a gauge without one."""
    raw = whole(text)
    return FULL_UAH - raw if raw and abs(raw) < FULL_UAH else None

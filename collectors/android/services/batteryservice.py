"""`dumpsys battery`, where the gauge's own files are denied: what BatteryManager holds, and Samsung's `current now`.

Units by the Android API: level of `scale`, millivolt, tenths of a degree, microampere-hours; status 1 unknown,
2 charging, 3 discharging, 4 not charging, 5 full. Makers differ in the unit of the voltage and of the current, so
those go by magnitude; the sign of the current goes by the status. Positive is out of the battery.
`dumpsys battery unplug` or `set` leaves a line "UPDATES STOPPED": then everything here is made up.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from edgewatt.collectors.android.files.nodes import Service, Values
from edgewatt.collectors.android.services.asking import Candidate, Offer, lines, number, shown
from edgewatt.profiler.channel import Boundary, Channel, EnergySource, Unavailable
from edgewatt.profiler.units import Quantity

COMMAND: Final = "dumpsys battery"
# Assumed: the service learns of a new current once in 1 to 10 s.
PERIOD_S: Final = 2.0
NAME: Final = "svc_battery"

CHARGING, DISCHARGING, FULL = 2, 3, 5
# BatteryManager.BATTERY_PLUGGED_*, added up.
PLUGS: Final = {"ac powered": 1, "usb powered": 2, "wireless powered": 4, "dock powered": 8}
# No phone draws 10 A from its battery or, awake, less than 10 mA: a larger number is microampere, any other
# milliampere (assumed; a Galaxy prints -125, others -427943).
MILLIAMPERE_LIMIT: Final = 10_000
_VOLTS: Final = ((1e5, 1e-6), (1e2, 1e-3), (0.0, 1.0))
LOW_V: Final = 1.0
HIGH_V: Final = 20.0
HIGH_A: Final = 10.0
LOW_C: Final = -40.0
HIGH_C: Final = 150.0
# Less than 20 mAh is no phone's charge: 0 stands for "not known", and small numbers for another unit.
LOW_UAH: Final = 20_000
HIGH_UAH: Final = 100_000_000
COULOMB_PER_UAH: Final = 3.6e-3

_FAKED: Final = "UPDATES STOPPED"

SOURCE: Final = EnergySource("services/battery", ((f"{NAME}.voltage_v", f"{NAME}.current_a"),), "gauge")


@dataclass(slots=True)
class Unit:
    """What `current now` is counted in: once a number was too large for milliampere, microampere for good."""

    scale: float = 1e-3

    def amperes(self, raw: float) -> float | None:
        """The magnitude of the current; None for 0, which a gauge that tells nothing prints, and beyond HIGH_A."""
        if abs(raw) > MILLIAMPERE_LIMIT:
            self.scale = 1e-6
        value_a = abs(raw) * self.scale
        return value_a if 0 < value_a <= HIGH_A else None


@dataclass(frozen=True, slots=True)
class Battery:
    """One answer in SI, None for what it does not say; all None while the state is faked."""

    faked: bool = False
    voltage_v: float | None = None
    temperature_c: float | None = None
    level_percent: float | None = None
    status: int | None = None
    plugged: int | None = None
    charge_coulomb: float | None = None
    raw_current: float | None = None

    @property
    def is_discharging(self) -> bool:
        """True if nothing but the battery feeds the phone, as far as the service knows."""
        return self.status == DISCHARGING or (self.plugged == 0 and self.status not in (CHARGING, FULL))


def battery(text: str) -> Battery:
    """What the service says."""
    if _FAKED in text:
        return Battery(faked=True)
    said = _said(text)
    return Battery(
        voltage_v=_volts(said),
        temperature_c=_temperature(said),
        level_percent=_percent(said),
        status=_status(said),
        plugged=_plugged(said),
        charge_coulomb=_charge(said),
        raw_current=_value(said, "current now"),
    )


def offer(command: str, text: str) -> Offer | str:
    """A channel per fact that this phone tells, and the joules of voltage x current where it tells both."""
    first, unit = battery(text), Unit()
    if first.faked:
        return "UPDATES STOPPED: its values are set by hand, so none is measured; `dumpsys battery reset` frees them"
    has_current = first.raw_current is not None and unit.amperes(first.raw_current) is not None
    told = [
        fact
        for fact in FACTS
        if (has_current if fact.quantity is Quantity.CURRENT else fact.of(first, unit) is not None)
    ]
    if not told:
        return f"no voltage, level or temperature in it; it reads {shown(text)}"

    def parse(answer: str) -> Values:
        now = battery(answer)
        return [fact.of(now, unit) for fact in told]

    channels = tuple(
        Channel(f.name, f.quantity, source=command, resolution=f.resolution, boundary=f.boundary) for f in told
    )
    service = Service(command, channels, parse, PERIOD_S, "battery")
    if reason := _no_energy(first, has_current=has_current):
        return Offer(service, unavailable=(Unavailable(SOURCE.name, f"{command}: {reason}"),))
    return Offer(service, (SOURCE,))


BATTERY: Final = Candidate("battery service", (COMMAND,), offer)


@dataclass(frozen=True, slots=True)
class _Fact:
    name: str
    quantity: Quantity
    of: Callable[[Battery, Unit], float | None]
    resolution: float | None = None
    boundary: Boundary | None = None


def _current(now: Battery, unit: Unit) -> float | None:
    """Only while the battery alone feeds the phone: a charging current says nothing of what the phone draws."""
    value_a = None if now.raw_current is None else unit.amperes(now.raw_current)
    return value_a if now.is_discharging else None


FACTS: Final = (
    _Fact(NAME, Quantity.VOLTAGE, lambda now, _: now.voltage_v, boundary="gauge"),
    _Fact(NAME, Quantity.CURRENT, _current, boundary="gauge"),
    _Fact(NAME, Quantity.TEMPERATURE, lambda now, _: now.temperature_c, resolution=0.1),
    _Fact(NAME, Quantity.CHARGE, lambda now, _: now.charge_coulomb),
    _Fact(f"{NAME}_level_percent", Quantity.COUNT, lambda now, _: now.level_percent),
    _Fact(f"{NAME}_status", Quantity.STATE, lambda now, _: now.status),
    _Fact(f"{NAME}_plugged", Quantity.STATE, lambda now, _: now.plugged),
    _Fact(f"{NAME}_raw_current", Quantity.COUNT, lambda now, _: now.raw_current),
)


def _no_energy(first: Battery, *, has_current: bool) -> str | None:
    if first.voltage_v is None or not has_current:
        return "it prints no current with a voltage (Samsung phones do)"
    if not first.is_discharging:
        return f"the battery does not feed the phone (status {first.status}, plugged {first.plugged})"
    return None


def _said(text: str) -> Mapping[str, str]:
    said: dict[str, str] = {}
    for line in lines(text):
        key, colon, value = line.partition(":")
        if colon:
            said.setdefault(key.strip().lower(), value.strip())
    return said


def _value(said: Mapping[str, str], key: str) -> float | None:
    return number(said.get(key, ""))


def _within(said: Mapping[str, str], key: str, low: float, high: float) -> float | None:
    value = _value(said, key)
    return value if value is not None and low <= value <= high else None


def _status(said: Mapping[str, str]) -> int | None:
    value = _within(said, "status", 1, 5)
    return None if value is None else int(value)


def _temperature(said: Mapping[str, str]) -> float | None:
    tenths = _within(said, "temperature", 10 * LOW_C, 10 * HIGH_C)
    return None if tenths is None else tenths / 10


def _volts(said: Mapping[str, str]) -> float | None:
    value = _value(said, "voltage")
    if value is None or value <= 0:
        return None
    scale = next(scale for above, scale in _VOLTS if value > above)
    return value * scale if LOW_V <= value * scale <= HIGH_V else None


def _percent(said: Mapping[str, str]) -> float | None:
    scale = _within(said, "scale", 1, 1e6) or 100.0
    level = _within(said, "level", 0, scale)
    return None if level is None else 100 * level / scale


def _plugged(said: Mapping[str, str]) -> int | None:
    flags = [(bit, said[key].lower()) for key, bit in PLUGS.items() if said.get(key, "").lower() in ("true", "false")]
    return sum(bit for bit, flag in flags if flag == "true") if flags else None


def _charge(said: Mapping[str, str]) -> float | None:
    micro = _within(said, "charge counter", LOW_UAH, HIGH_UAH)
    return None if micro is None else micro * COULOMB_PER_UAH

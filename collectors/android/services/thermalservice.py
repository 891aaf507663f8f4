"""`dumpsys thermalservice` (Android 10 and later): temperatures by the maker's own names, and how much is throttled.

Only the block "Current temperatures from HAL" is read: the cached one was seen at 37 degrees where 66.5 were true.
A sensor that is not there reads -99.9. `Thermal Status` is 0 (none) to 6 (shutdown), as PowerManager documents it.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from edgewatt.collectors.android.files.nodes import Service, Values
from edgewatt.collectors.android.services.asking import Candidate, Offer, number, shown
from edgewatt.collectors.generic.sysfs import unique_names
from edgewatt.profiler.channel import Channel, Unavailable
from edgewatt.profiler.units import Quantity

COMMAND: Final = "dumpsys thermalservice"
# Assumed: phones heat over seconds, and each question wakes the thermal HAL.
PERIOD_S: Final = 5.0
LOW_C: Final = -40.0
HIGH_C: Final = 150.0
SENSOR_LIMIT: Final = 64

# TemperatureType of the thermal HAL, by name (remembered). 6, 7 and 8 are limits of the battery's current, no
# temperatures.
_TYPES: Final = {"cpu": 0, "gpu": 1, "battery": 2, "skin": 3, "usb_port": 4, "power_amplifier": 5, "npu": 9}
_BATTERY_LIMITS: Final = (6, 7, 8)

_SENSOR: Final = re.compile(
    r"(?<![A-Za-z])Temperature\{mValue=([^{}=\n]{1,40}), mType=(-?[0-9]{1,4}), "
    r"mName=([^{}\n]{0,200}?), mStatus=-?[0-9]{1,4}\}"
)
_CURRENT: Final = re.compile(r"^[ \t]{0,40}Current temperatures from HAL", re.MULTILINE)
_OTHER: Final = re.compile(r"^[ \t]{0,40}(?:Cached temperatures|Current cooling|HAL |Temperature [a-z])", re.MULTILINE)
_STATUS: Final = re.compile(r"^[ \t]{0,40}Thermal Status: ([0-6])[ \t\r]{0,40}$", re.MULTILINE)
_NOT_READY: Final = re.compile(r"^[ \t]{0,40}HAL Ready: false\b", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Sensor:
    """One line of the block: `value_c` None where there is no sensor, or none that a phone could have."""

    name: str
    kind: int
    value_c: float | None


def sensors(text: str) -> list[Sensor]:
    """The temperatures that the HAL gives now, each name once."""
    found: dict[str, Sensor] = {}
    for value, kind, name in _lines(text):
        if name and name not in found and len(found) < SENSOR_LIMIT:
            found[name] = Sensor(name, int(kind), _degrees(value))
    shift = _shift(found.values())
    return [sensor for sensor in found.values() if sensor.kind - shift not in _BATTERY_LIMITS]


def status(text: str) -> int | None:
    """How severely the phone throttles: 0 none, 1 light, 2 moderate, 3 severe, 4 critical, 5 emergency, 6 shutdown."""
    found = _STATUS.search(text)
    return int(found[1]) if found else None


def offer(command: str, text: str) -> Offer | str:
    """A channel per sensor and one for the status, or why there is neither."""
    found = sensors(text)
    there = [sensor for sensor in found if sensor.value_c is not None]
    missing = [_absent(sensor) for sensor in found if sensor.value_c is None]
    throttled = status(text) is not None
    if not there and not throttled:
        return _why_none(text)
    if not there:
        missing.append(Unavailable("hal.temperature_c", f"{command}: {_why_none(text)}"))
    labels = unique_names((f"hal_{sensor.name}", "") for sensor in there)
    channels = [Channel(label, Quantity.TEMPERATURE, source=command) for label in labels]
    if throttled:
        channels.append(Channel("thermal_status", Quantity.STATE, source=command))
    names = [sensor.name for sensor in there]

    def parse(answer: str) -> Values:
        now = {sensor.name: sensor.value_c for sensor in sensors(answer)}
        return [*(now.get(name) for name in names), *([status(answer)] if throttled else [])]

    return Offer(Service(command, tuple(channels), parse, PERIOD_S, "thermal"), unavailable=tuple(missing))


THERMAL: Final = Candidate("thermalservice", (COMMAND,), offer)


def _lines(text: str) -> Iterator[Sequence[str]]:
    begin = _CURRENT.search(text)
    if begin is None:
        return
    end = _OTHER.search(text, begin.end())
    block = text[begin.end() : end.start() if end else len(text)]
    yield from (found.groups() for found in _SENSOR.finditer(block))


def _degrees(text: str) -> float | None:
    value_c = number(text)
    return value_c if value_c is not None and LOW_C <= value_c <= HIGH_C else None


def _shift(found: Iterable[Sensor]) -> int:
    """1 where the names say that the maker counts the types from 1, as a Samsung was seen to do, else 0."""
    known = [(sensor.kind, _TYPES.get(_bare(sensor.name))) for sensor in found]
    offsets = [kind - standard for kind, standard in known if standard is not None]
    return 1 if offsets.count(1) > offsets.count(0) else 0


def _bare(name: str) -> str:
    return name.lower().removeprefix("type_").rstrip("0123456789")


def _absent(sensor: Sensor) -> Unavailable:
    (label,) = unique_names([(f"hal_{sensor.name}", "")])
    return Unavailable(f"{label}.temperature_c", f"{COMMAND}: the HAL names it and gives no temperature for it")


def _why_none(text: str) -> str:
    if _NOT_READY.search(text):
        return "HAL Ready: false, so this phone's maker gives the service no sensors"
    if _CURRENT.search(text):
        return "its block of current temperatures is empty"
    return f"it has no block of current temperatures; it reads {shown(text)}"

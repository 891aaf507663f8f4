"""Every temperature that the kernel shows: hwmon chips and thermal zones.

Kernel Documentation/hwmon/sysfs-interface.rst (temp*_input) and Documentation/driver-api/thermal/sysfs-api.rst
(thermal_zone*/temp), both in millidegree Celsius. A hwmon chip that only repeats a thermal zone is left out.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edgewatt.collectors.generic.chips import find_chips
from edgewatt.collectors.generic.sysfs import (
    names_in,
    parse_int,
    read_bytes,
    read_int,
    read_text,
    unique_names,
    unreadable,
)
from edgewatt.collectors.host.places import Places
from edgewatt.collectors.host.surroundings import virtual_machine
from edgewatt.profiler.channel import Unavailable

# An LM75 is specified from -55 C on, and every processor shuts down well below 150 C (both remembered). Drivers answer
# exactly 0 or -256 C for a sensor that is not there or gated (-256 C: tegrastats on JetPack 5).
LOWEST_C: Final = -55.0
HIGHEST_C: Final = 150.0
# The sensors that sit in the processor, by the name of their driver or zone.
PROCESSOR: Final = ("coretemp", "k10temp", "zenpower", "x86_pkg_temp", "cpu", "soc", "tcpu")


@dataclass(frozen=True, slots=True)
class Sensor:
    """One temperature: its unique name and its file."""

    name: str
    path: Path

    def read(self) -> list[float | None]:
        """The temperature in Celsius; None where it is gated or cannot be true. Raises OSError."""
        return [plausible_c(read_int(self.path))]


def plausible_c(raw: int | None) -> float | None:
    """Millidegrees in Celsius; None where no sensor can have measured them."""
    value_c = None if raw is None else raw / 1000
    return value_c if value_c and LOWEST_C < value_c < HIGHEST_C else None


def find_sensors(places: Places) -> tuple[list[Sensor], list[Unavailable]]:
    """The sensors that answer or are gated at the moment, and why others do not count."""
    found = [*_of_chips(places), *_of_zones(places)]
    if not found:
        inside = virtual_machine(places) is not None
        fix = "run on the machine itself" if inside else "sudo modprobe coretemp  (AMD: k10temp)"
        return [], [Unavailable("temperature_c", f"no sensor under {places.hwmon} or {places.thermal}", fix)]
    names = unique_names((label, owner) for label, owner, _ in found)
    sensors, unavailable = [], []
    for name, (_, _, path) in zip(names, found, strict=True):
        reason = _why_not(name, path)
        if reason is None:
            sensors.append(Sensor(name, path))
        else:
            unavailable.append(reason)
    return sensors, unavailable


def processor_c(readings: dict[str, float]) -> float | None:
    """The hottest of the processor's sensors, of all sensors where none says that it is the processor's."""
    inside = [value for name, value in readings.items() if name.startswith(PROCESSOR)]
    return max(inside or readings.values(), default=None)


def _of_chips(places: Places) -> Iterator[tuple[str, str, Path]]:
    for chip in find_chips(places.hwmon):
        if chip.device.startswith("thermal_zone"):
            continue
        numbers = [hit[1] for name in chip.files if (hit := re.fullmatch(r"temp([0-9]{1,3})_input", name))]
        for number in sorted(numbers, key=int):
            label = chip.label(f"temp{number}") or f"temp{number}"
            yield f"{chip.name}_{label}", chip.device, chip.folder / f"temp{number}_input"


def _of_zones(places: Places) -> Iterator[tuple[str, str, Path]]:
    for name in names_in(places.thermal):
        if name.startswith("thermal_zone"):
            folder = places.thermal / name
            yield read_text(folder / "type", 256) or name, name, folder / "temp"


def _why_not(name: str, path: Path) -> Unavailable | None:
    what = f"{name}.temperature_c"
    try:
        raw = read_bytes(path)
    except BlockingIOError:
        return None
    except OSError as error:
        return unreadable(what, path, error)
    value = parse_int(raw)
    if plausible_c(value) is not None:
        return None
    seen = repr(raw[:40])[1:] if value is None else f"{value / 1000:g} C"
    return Unavailable(what, f"{path} reads {seen}: not plausible for a sensor that is there")

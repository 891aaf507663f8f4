"""A hwmon chip as a meter: `hwmon:powerz` is a POWER-Z in the USB cable, `hwmon:1-0040` an INA226 of one's own wiring.

Options: see chip_meter.py. The rails of the machine itself are in `host`.
"""

from dataclasses import replace
from typing import Final

from edgewatt.collectors.generic.chip_celsius import ChipCelsius
from edgewatt.collectors.generic.chip_meter import chip_root, chosen
from edgewatt.collectors.generic.chips import find_chips
from edgewatt.collectors.generic.hwmon import PERIOD_S, ROOT, Hwmon, survey
from edgewatt.collectors.generic.options import boundary_of
from edgewatt.device_profiles.loader import DeviceProfile, load
from edgewatt.profiler.channel import Boundary
from edgewatt.profiler.device import Device, DeviceUri, Family, Found
from edgewatt.profiler.holding import hold
from edgewatt.profiler.protocols import Collector

# Meters on a wire of their own, by their driver, and where that wire can only be.
INLINE: Final[dict[str, Boundary]] = {"powerz": "usb_inline"}


def _open(uri: DeviceUri) -> Device:
    """The chip that the URI names. Raises UsageError for a wrong URI, DeviceError without such a chip."""
    root = chip_root(uri, ROOT)
    meter = chosen(uri, root, find_chips(root))
    rails, _ = survey(root, meter.chip.key, meter.name)
    collectors: list[Collector] = []
    boundary: Boundary | None = None
    if rails or not ChipCelsius.is_on(meter.chip):
        boundary = boundary_of(uri, INLINE.get(meter.chip.name))
        profile, period_s = _wired(boundary), meter.period_s or PERIOD_S
        collectors.append(Hwmon(root, period_s=period_s, profile=profile, chip=meter.chip.key, name=meter.name))
    if ChipCelsius.is_on(meter.chip):
        collectors.append(ChipCelsius(meter.chip, meter.name))
    held = hold(f"chip {meter.chip.folder.resolve()}")
    return Device(
        uri=uri.text,
        name=f"{meter.chip.name} on hwmon",
        device_id=f"{meter.chip.name}@{meter.chip.key}",
        collectors=tuple(collectors),
        facts={"boundary": boundary},
        close=held.release,
    )


def _wired(boundary: Boundary) -> DeviceProfile:
    """Each rail stands for itself, and lies where the user says."""
    profile = load("linux_hwmon")
    return replace(profile, rails=tuple(replace(rail, boundary=boundary) for rail in profile.rails))


def _discover() -> list[Found]:
    """What is certainly a meter of its own; whether an INA2xx is one, only its owner knows."""
    chips = [chip for chip in find_chips(ROOT) if chip.name in INLINE]
    return [Found(f"hwmon:{chip.key}", f"{chip.name} ({INLINE[chip.name]})") for chip in chips]


FAMILY: Final = Family(usage="hwmon:CHIP?boundary=WHERE[&period=S]", open=_open, discover=_discover)

"""The channels of a meter, and the joules that can be formed from them."""

from collections.abc import Mapping
from typing import Any, Final

from edgewatt.collectors.monsoon.options import RATE_HZ, USB_BOUNDARY, Options
from edgewatt.collectors.monsoon.products import CURRENT, PHONE_VOLTAGE, POWER, VOLTAGE
from edgewatt.collectors.monsoon.wiring import Wiring
from edgewatt.device_profiles.loader import DeviceProfile
from edgewatt.profiler.channel import Accuracy, Boundary, Channel, EnergySource
from edgewatt.profiler.units import Quantity

NAME: Final = "monsoon"


def powers(options: Options, wiring: Wiring) -> tuple[str, ...]:
    """The channels of which both current and voltage are measured."""
    return tuple(name for name in options.channels if name in wiring.voltages)


def channels_of(options: Options, wiring: Wiring, profile: DeviceProfile) -> tuple[Channel, ...]:
    """What is stored, in the order of the columns; a mean over a block says so by its window."""
    period_s = options.block / RATE_HZ
    window_s = period_s if options.block > 1 else None
    status = wiring.status

    def channel(name: str, quantity: Quantity, accuracy: Accuracy | None = None) -> Channel:
        return Channel(
            name,
            quantity,
            source=f"{status.model} {status.serial} over {status.wire}{wiring.assumed.get(name, '')}",
            period_s=period_s,
            window_s=window_s,
            accuracy=accuracy,
            boundary=_boundary(name, options),
        )

    current, voltage = stated(profile, "current", "a"), stated(profile, "voltage", "v")
    found = []
    for name in options.channels:
        found.append(channel(name, Quantity.CURRENT, current))
        if name in powers(options, wiring):
            found.append(channel(name, Quantity.VOLTAGE, voltage))
    if options.lead_ohm is not None:
        found.append(channel(PHONE_VOLTAGE.partition(".")[0], Quantity.VOLTAGE))
    if options.block > 1:
        both = _product(current, voltage)
        found += [channel(name, Quantity.POWER, both) for name in powers(options, wiring)]
    return tuple(found)


def sources_of(options: Options, wiring: Wiring) -> tuple[EnergySource, ...]:
    """Joules at the meter's own terminals: current x voltage sample by sample, or the mean of that over a block."""
    found = []
    for name in powers(options, wiring):
        term = (f"{name}.{POWER}",) if options.block > 1 else (f"{name}.{VOLTAGE}", f"{name}.{CURRENT}")
        boundary = _boundary(name, options)
        if boundary is not None:
            found.append(EnergySource(f"{NAME}/{name}", (term,), boundary))
    return tuple(found)


def facts_of(options: Options, wiring: Wiring, profile: DeviceProfile) -> Mapping[str, Any]:
    """What of the meter and its wiring every number depends on."""
    status = wiring.status
    return {
        "model": status.model,
        "wire": status.wire,
        "serial": status.serial,
        "firmware": status.firmware,
        "protocol": status.protocol,
        "revision": status.revision,
        "output_v": status.output_v,
        "run_limit_a": status.run_limit_a,
        "sample_rate_hz": RATE_HZ,
        "row_rate_hz": RATE_HZ / options.block,
        "boundary": options.boundary,
        "lead_ohm": options.lead_ohm,
        "profile": profile.name,
        "usb_passthrough_asked": options.passthrough,
    }


def stated(profile: DeviceProfile, quantity: str, unit: str) -> Accuracy | None:
    """What a profile states of a quantity's gain and offset (standard uncertainties); None where it states no gain."""
    gain, offset = profile.facts.get(f"{quantity}_gain_ratio"), profile.facts.get(f"{quantity}_offset_{unit}")
    if gain is None or not isinstance(gain.value, int | float):
        return None
    off = offset.value if offset is not None and isinstance(offset.value, int | float) else 0.0
    return Accuracy(abs(float(gain.value)), abs(float(off)), gain.source)


def _product(current: Accuracy | None, voltage: Accuracy | None) -> Accuracy | None:
    """The gain of a product. Its zero point depends on the other factor, so it is left to the full rate."""
    if current is None or voltage is None or current.offset or voltage.offset:
        return None
    gain = (current.gain_rel**2 + voltage.gain_rel**2) ** 0.5
    return Accuracy(gain, 0.0, f"{current.basis}; {voltage.basis}")


def _boundary(name: str, options: Options) -> Boundary | None:
    """That of an aux channel beside the main one is not known: it is told for one of them."""
    if name == "usb":
        return USB_BOUNDARY
    return options.boundary if name == options.channels[0] else None

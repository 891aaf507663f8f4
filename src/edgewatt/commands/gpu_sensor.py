"""What `doctor -d nvml:0` says of a GPU's sensor: how often it is new, over what it averages, what asking costs."""

from typing import Final

from edgewatt.collectors.nvidia.finding import Sensor, find_sensor
from edgewatt.profiler.clock import HostClock
from edgewatt.profiler.device import parse_uri
from edgewatt.profiler.units import format_si

SCHEME: Final = "nvml"
# The calls of which a page would say something; all of them are in --json.
_SHOWN: Final = 4


def is_gpu(uri: str) -> bool:
    """True of a URI of the family whose sensor can be looked at."""
    return parse_uri(uri).scheme == SCHEME


def sensor_of(uri: str) -> Sensor:
    """Its sensor, from some seconds of watching, and of load where torch is installed. Raises DeviceError."""
    return find_sensor(parse_uri(uri).rest or "0", HostClock())


def as_text(sensor: Sensor) -> list[str]:
    """The lines that belong below those of the device."""
    period = f"new every {format_si(sensor.period_s, 's')}, {sensor.period_basis}"
    if sensor.period_low_s is not None and sensor.period_high_s is not None:
        low, high = format_si(sensor.period_low_s, "s"), format_si(sensor.period_high_s, "s")
        period += f" ({low} to {high} in nine of ten cases, {sensor.updates} seen)"
    window = f"averages over {format_si(sensor.window_s, 's')}, {sensor.window_basis}"
    if sensor.window is not None:
        window += f" [{format_si(sensor.window.low_s, 's')}, {format_si(sensor.window.high_s, 's')}] at 95 %"
    if sensor.share is not None:
        window += f"; it looks at {sensor.share:.0%} of the time"
    slowest = sorted(sensor.call_s.items(), key=lambda call: -call[1])[:_SHOWN]
    costs = ", ".join(f"{call.removeprefix('DeviceGet')} {format_si(seconds, 's')}" for call, seconds in slowest)
    lines = [f"  {'sensor':13}{period}", f"  {'':13}{window}", f"  {'a call takes':13}{costs}"]
    return [*lines, *(f"  {'noticed':13}{note}" for note in sensor.notes)]

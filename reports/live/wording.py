"""How what is seen live is said in words, the same on the terminal and on the page."""

import math
from collections.abc import Sequence
from typing import Final

from edgewatt.profiler.channel import WIDEST_FIRST
from edgewatt.profiler.units import Quantity, format_si
from edgewatt.profiler.watching.view import ClockView, DeviceView, LineView
from edgewatt.reports.escape import printable
from edgewatt.reports.wording import counted

SIMULATED: Final = "SIMULATED"
NAME_LIMIT: Final = 60
WHY_LIMIT: Final = 300
# The unit that people read, by the unit that stands at the end of a column.
_UNITS: Final = {"w": "W", "v": "V", "a": "A", "hz": "Hz", "b": "B"}
# What a frequency is held between is no frequency.
_LIMITS: Final = ("_min", "_max")
# Of channels that are not sources of energy, a first look takes so many of each.
_FEW: Final = {
    Quantity.POWER: 4,
    Quantity.TEMPERATURE: 1,
    Quantity.LOAD: 1,
    Quantity.FREQUENCY: 1,
    Quantity.VOLTAGE: 1,
    Quantity.CURRENT: 1,
}


def value_text(line: LineView) -> str:
    """`2.76 W`, `38.2 °C`, `12 %`; a dash for what is not measured now."""
    value, quantity = line.value, line.quantity
    if value is None or not math.isfinite(value):
        return "—"
    if quantity == Quantity.TEMPERATURE.value:
        return f"{value:.1f} °C"
    if quantity == Quantity.LOAD.value:
        return f"{100 * value:.0f} %"
    if quantity == Quantity.RSSI.value:
        return f"{value:.0f} dBm"
    return format_si(value, _UNITS.get(line.unit, line.unit))


def name_of(device: DeviceView, limit: int = NAME_LIMIT) -> str:
    """What the device is called, SIMULATED first where it is; safe on a terminal."""
    name = printable(device.name, limit)
    return f"{SIMULATED} {name}" if device.simulated else name


def state_text(device: DeviceView) -> str:
    """`connected 12 s`, or what is wrong and when it is tried again."""
    why = f": {printable(device.why, WHY_LIMIT)}" if device.why else ""
    if device.state == "waiting":
        when = "now" if device.retry_s is None else f"in {math.ceil(device.retry_s)} s"
        return f"LOST, tries again {when}{why}"
    if device.state == "silent":
        return f"NO SAMPLES{why}"
    if device.state == "connected" and device.connected_s is not None:
        return f"connected {device.connected_s:.0f} s"
    return f"{device.state}{why}"


def clock_text(clocks: Sequence[ClockView]) -> str:
    """`clock +0.2 ms off, within 4.7 ms`: the residual of the newest look, and the bound; "" for the host's own."""
    if not clocks:
        return ""
    worst = max(clocks, key=lambda clock: clock.bound_s)
    bound = format_si(worst.bound_s, "s", digits=2)
    if worst.residual_s is None:
        return f"clock within {bound}"
    sign = "+" if worst.residual_s >= 0 else "-"
    return f"clock {sign}{format_si(abs(worst.residual_s), 's', digits=2)} off, within {bound}"


def lost_text(device: DeviceView) -> str:
    """`lost 12 in 1 gap`; what nobody counted is said to be unknown."""
    unknown = any(stream.lost_unknown for stream in device.streams)
    count = f"at least {device.lost:,}" if unknown else f"{device.lost:,}"
    return f"lost {count}" if not device.gaps else f"lost {count} in {device.gaps:,} gap{'s' * (device.gaps != 1)}"


def rate_text(device: DeviceView) -> str:
    """`51.0 samples/s` of all its streams, over the last seconds."""
    rates = [stream.rate_hz for stream in device.streams if stream.rate_hz is not None]
    if rates:
        return f"{sum(rates):,.1f} samples/s"
    return counted(device.samples, "sample") if device.samples else "no samples yet"


def sources(device: DeviceView) -> list[LineView]:
    """Its energy sources; what says the most of the device first."""
    return sorted(
        (line for line in device.lines if line.is_source),
        key=lambda line: WIDEST_FIRST.index(line.boundary) if line.boundary in WIDEST_FIRST else len(WIDEST_FIRST),
    )


def first_look(device: DeviceView) -> list[LineView]:
    """The lines that matter most: every source, then the hottest, busiest, fastest, and some more."""
    found = sources(device)
    has_source = bool(found)
    by_quantity: dict[str, list[LineView]] = {}
    for line in device.lines:
        if not line.is_source:
            by_quantity.setdefault(line.quantity, []).append(line)
    for quantity, few in _FEW.items():
        if has_source and quantity in (Quantity.POWER, Quantity.VOLTAGE, Quantity.CURRENT):
            continue
        alike = by_quantity.get(quantity.value, ())
        found += sorted((line for line in alike if not line.name.endswith(_LIMITS)), key=_weight, reverse=True)[:few]
    return found


def _weight(line: LineView) -> tuple[bool, float]:
    """What comes first: of loads that of all processors, of frequencies a processor's, then the largest."""
    first = {Quantity.LOAD.value: line.name == "cpu", Quantity.FREQUENCY.value: line.name.startswith("cpu")}
    return first.get(line.quantity, False), -math.inf if line.value is None else line.value

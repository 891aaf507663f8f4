"""A device as one line of text: for a log, a pipe, or a terminal that is no terminal."""

import time
from typing import Final

from edgewatt.profiler.units import Quantity
from edgewatt.profiler.watching.view import DeviceView, View
from edgewatt.reports.live.wording import (
    SIMULATED,
    clock_text,
    first_look,
    lost_text,
    name_of,
    rate_text,
    sources,
    state_text,
    value_text,
)

_LINE_NAME: Final = 32


def text_lines(view: View) -> list[str]:
    """A line per device; SIMULATED is its first word where it is."""
    return [_line(view, device) for device in view.devices]


def _line(view: View, device: DeviceView) -> str:
    at = time.strftime("%H:%M:%S", time.localtime(view.unix_s))
    name = name_of(device, _LINE_NAME)
    head = f"{SIMULATED} {at}  {name.removeprefix(SIMULATED).strip()}" if device.simulated else f"{at}  {name}"
    if device.state not in ("connected", "silent"):
        return f"{head}  {state_text(device)}"
    parts = [
        state_text(device) if device.state == "silent" else _power(device),
        *(value_text(line) for line in first_look(device) if _is_said(line.quantity) and line.value is not None),
        rate_text(device),
        lost_text(device),
        clock_text(device.clocks),
    ]
    return "  ".join([head, *(part for part in parts if part)])


def _power(device: DeviceView) -> str:
    found = sources(device)
    if not found:
        return "energy not measured"
    return f"{value_text(found[0])} ({found[0].boundary})" if found[0].value is not None else "power not known yet"


def _is_said(quantity: str) -> bool:
    return quantity in (Quantity.TEMPERATURE.value, Quantity.LOAD.value, Quantity.FREQUENCY.value)

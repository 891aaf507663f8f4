"""Time as the phone's shell writes it: `$EPOCHREALTIME` of mksh in us, /proc/uptime in hundredths (proc(5))."""

from typing import Final

import numpy as np

from edgewatt.virtual_lab.clocks import UPTIME_NS, DeviceClocks, Instants

_US: Final = 1000
_ZERO: Final = ord("0")


def epochs(clocks: DeviceClocks, t_ns: Instants) -> list[str]:
    """EPOCHREALTIME at each instant."""
    return _decimals(clocks.realtime_ns(t_ns) // _US, 6)


def uptimes(clocks: DeviceClocks, t_ns: Instants) -> list[str]:
    """The first word of /proc/uptime at each instant."""
    return _decimals(clocks.boottime_ns(t_ns) // UPTIME_NS, 2)


def _decimals(number: Instants, places: int) -> list[str]:
    """Positive numbers in units of the last of so many decimal places; in bulk, as there are thousands of them."""
    width = len(str(number.max(initial=0)))
    is_even = len(str(number.min(initial=10**width))) >= width
    digits = np.empty((len(number), width + 1), np.uint8)
    for column in range(width, -1, -1):
        if column == width - places:
            digits[:, column] = ord(".")
            continue
        number, digit = np.divmod(number, 10)
        digits[:, column] = digit + _ZERO
    text = digits.tobytes().decode("ascii")
    texts = [text[at : at + width + 1] for at in range(0, len(text), width + 1)]
    return texts if is_even else [each.lstrip("0") for each in texts]

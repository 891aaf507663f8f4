"""Time as the phone's shell writes it: `$EPOCHREALTIME` of mksh in us, /proc/uptime in hundredths (proc(5))."""

from itertools import chain
from typing import Final

import numpy as np

from edgewatt.virtual_lab.clocks import UPTIME_NS, DeviceClocks, Instants

_US: Final = 1000


def epochs(clocks: DeviceClocks, t_ns: Instants) -> list[str]:
    """EPOCHREALTIME at each instant."""
    return _decimals(clocks.realtime_ns(t_ns) // _US, 6)


def uptimes(clocks: DeviceClocks, t_ns: Instants) -> list[str]:
    """The first word of /proc/uptime at each instant."""
    return _decimals(clocks.boottime_ns(t_ns) // UPTIME_NS, 2)


def _decimals(number: Instants, places: int) -> list[str]:
    """Positive numbers in units of the last of so many decimal places; in bulk, as there are thousands of them."""
    whole, rest = np.divmod(number, 10**places)
    parts = tuple(chain.from_iterable(zip(whole.tolist(), rest.tolist(), strict=True)))
    return (f"%d.%0{places}d\0" * len(number) % parts).split("\0")[:-1]

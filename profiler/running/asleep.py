"""Whether this machine slept while it recorded: growth of CLOCK_BOOTTIME over CLOCK_MONOTONIC (clock_gettime(2)).

The second one stands still while the machine is suspended, and is the clock of the host's windows, which a sleep is
therefore invisible in.
"""

import time
from collections.abc import Callable
from typing import Final

from edgewatt.profiler.clock import NS_PER_S, Clock
from edgewatt.profiler.window import Window

SUSPENDED: Final = "suspended/host"
REASON: Final = "host_suspended"
# Less than a suspension takes, more than the two clocks are apart where one of them is slewed. Assumed.
LEAST_NS: Final = 1_000_000

# What lies between the two clocks, at least and at most, in nanoseconds; None where the system does not tell.
Slept = Callable[[], tuple[int, int] | None]


def slept_ns() -> tuple[int, int] | None:
    """How long this machine has slept since it booted: between two looks at the one clock lies one at the other."""
    if not hasattr(time, "CLOCK_BOOTTIME"):
        return None
    before_ns = time.monotonic_ns()
    boottime_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    return boottime_ns - time.monotonic_ns(), boottime_ns - before_ns


class HostSleep:
    """Looked at again and again, it says between which looks the machine slept."""

    def __init__(self, clock: Clock, slept: Slept = slept_ns) -> None:
        self._clock, self._slept = clock, slept
        self._last_ns, self._known = clock.now_ns(), slept()

    def look(self) -> Window | None:
        """The window since the last look, if the machine slept in it; `slept_s` in its attributes is for how long."""
        now_ns, last_ns = self._clock.now_ns(), self._last_ns
        before, now = self._known, self._slept()
        self._last_ns, self._known = now_ns, now
        if before is None or now is None or now[0] - before[1] < LEAST_NS:
            return None
        attributes = {"slept_s": (now[0] - before[1]) / NS_PER_S}
        return Window(SUSPENDED, last_ns, now_ns, self._clock.name, attributes=attributes)

"""Time on the phone: what `$EPOCHREALTIME` and /proc/uptime say together.

EPOCHREALTIME (mksh) is CLOCK_REALTIME in microseconds, which the network or a user may step. The first field of
/proc/uptime is CLOCK_BOOTTIME, which nobody steps, with a resolution of 10 ms (proc(5)). Every line carries both: the
first gives the resolution, the second shows a step, which is then taken out. The result is the clock `phone.boottime`,
whose origin is off by up to 10 ms; a ClockFit to the host takes that up.
"""

import re
import threading
from bisect import bisect_right
from dataclasses import dataclass
from operator import attrgetter
from typing import Final

PHONE_CLOCK: Final = "phone.boottime"
# A shell word that prints the pair. `u` has to hold the line of /proc/uptime: `read -r u _ </proc/uptime`.
STAMP_SH: Final = "${EPOCHREALTIME:-} $u"

UPTIME_STEP_NS: Final = 10_000_000
# Between two lines the clocks differ by up to one step of uptime, and the phone may be scheduled away in between; NTP
# slews by at most 500 ppm (ntp_adjtime(2)).
STEP_NS: Final = 30_000_000
SLEW: Final = 1e-3
# More steps than that are no clock: the oldest are forgotten, so that a hostile phone fills no memory.
STRETCHES: Final = 1000

_EPOCH: Final = re.compile(rb"\s*([0-9]{9,11})[.,]([0-9]{6})\s*")
_UPTIME: Final = re.compile(rb"\s*([0-9]{1,9})\.([0-9]{2})\s*")
_SINCE: Final = attrgetter("since_ns")


def uptime_ns(uptime: bytes) -> int | None:
    """CLOCK_BOOTTIME as /proc/uptime has it; None if it is none."""
    up = _UPTIME.fullmatch(uptime)
    return None if up is None else int(up[1] + up[2]) * UPTIME_STEP_NS


@dataclass(slots=True)
class _Stretch:
    """From uptime `since_ns` on the wall clock is `ahead_ns` ahead; at `seen_ns` it was slewed by `slewed_ns` more."""

    since_ns: int
    ahead_ns: int
    seen_ns: int
    slewed_ns: int = 0
    lines: int = 1

    def holds(self, up_ns: int, apart_ns: int) -> bool:
        """True if a line so far apart can belong to it."""
        allowed_ns = STEP_NS + SLEW * abs(up_ns - self.seen_ns)
        return abs(apart_ns - self.ahead_ns - self.slewed_ns) <= allowed_ns


class PhoneStamps:
    """Turns pairs into int64 ns of `phone.boottime`. One per phone, shared by all that read its lines; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stretches: list[_Stretch] = []

    @property
    def steps(self) -> int:
        """How often the wall clock was set. A single line whose halves lie far apart (the phone stalled) is no step."""
        lasting = {stretch.ahead_ns for stretch in self._stretches if stretch.lines > 1}
        return max(len(lasting) - 1, 0)

    def to_ns(self, epoch: bytes, uptime: bytes) -> int | None:
        """The time of a line; None if it has no uptime. Without EPOCHREALTIME the resolution is 10 ms."""
        up_ns = uptime_ns(uptime)
        if up_ns is None:
            return None
        wall = _EPOCH.fullmatch(epoch)
        if wall is None:
            return up_ns
        wall_ns = int(wall[1] + wall[2]) * 1_000
        with self._lock:
            return wall_ns - self._ahead_ns(up_ns, wall_ns - up_ns)

    def _ahead_ns(self, up_ns: int, apart_ns: int) -> int:
        """How far the wall clock was ahead at `up_ns`, the two being `apart_ns` apart. Lines may come out of order."""
        at = bisect_right(self._stretches, up_ns, key=_SINCE)
        for stretch in self._stretches[max(at - 1, 0) : at + 1]:
            if not stretch.holds(up_ns, apart_ns):
                continue
            stretch.lines += 1
            stretch.since_ns = min(stretch.since_ns, up_ns)
            if up_ns >= stretch.seen_ns:
                # The wall clock may be slewed: what a step is measured against follows it, the mapping does not.
                stretch.seen_ns, stretch.slewed_ns = up_ns, apart_ns - stretch.ahead_ns
            return stretch.ahead_ns
        known = next((s for s in reversed(self._stretches) if s.holds(up_ns, apart_ns)), None)
        ahead_ns = apart_ns if known is None else known.ahead_ns
        if len(self._stretches) >= STRETCHES:
            del self._stretches[0]
            at = max(at - 1, 0)
        self._stretches.insert(at, _Stretch(up_ns, ahead_ns, up_ns, apart_ns - ahead_ns))
        return ahead_ns

"""When the rows of a stream were measured: by their arrival, or by the meter's own time placed by arrivals."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.clock import NS_PER_S

# How fast a meter's clock may run away from ours: two crystals, each within 100 ppm (assumed).
DRIFT_LIMIT: Final = 200e-6
# A row from so far in the future is none: the meter has started again, or its count has jumped (assumed).
AHEAD_NS: Final = NS_PER_S
# No buffer between a meter and us holds a row longer (assumed).
LATE_NS: Final = 30 * NS_PER_S


def spread(count: int, since_ns: int, arrived_ns: int, period_s: float | None) -> NDArray[np.int64]:
    """Stamps of `count` rows that came together at `arrived_ns`, the last then, int64 of shape [count].

    They were not measured together: they lie a period apart, or evenly where there is less room since `since_ns`.
    """
    room_ns = max(arrived_ns - since_ns, 0) / count
    step_ns = room_ns if period_s is None else min(period_s * NS_PER_S, room_ns)
    before_ns: NDArray[np.int64] = np.rint(np.arange(count - 1, -1, -1) * step_ns).astype(np.int64)
    return arrived_ns - before_ns


class OwnStamps:
    """The meter's own time on the host's clock: its intervals are the meter's, its offset that of the fastest arrival.

    A row cannot arrive before it was measured, so the least of (arrival - meter's time) is nearest to the truth; it is
    raised by DRIFT_LIMIT at most, to follow a meter that is slow. What is left of the offset is the shortest delay.
    """

    def __init__(self, wraps_ns: int | None) -> None:
        self._wraps_ns = wraps_ns
        self._read_ns: int | None = None
        self._own_ns = 0
        self._offset_ns = 0
        self._last_ns: int | None = None
        self.restarts = 0

    def place(self, read_ns: Sequence[int], arrived_ns: int) -> NDArray[np.int64]:
        """The stamps of rows that say `read_ns` and came at `arrived_ns`, int64 of shape [n]; they never go back."""
        owns: list[tuple[int, int]] = []
        offsets = [self._offset_ns]
        for value in read_ns:
            if not self._follow(value, arrived_ns):
                offsets.append(self._offset_ns)
            offsets[-1] = self._offset_ns
            owns.append((len(offsets) - 1, self._own_ns))
        stamps = np.array([min(own + offsets[epoch], arrived_ns) for epoch, own in owns], np.int64)
        if self._last_ns is not None and len(stamps):
            stamps = np.maximum(stamps, self._last_ns)
        stamps = np.maximum.accumulate(stamps)
        if len(stamps):
            self._last_ns = int(stamps[-1])
        return stamps

    def _follow(self, read_ns: int, arrived_ns: int) -> bool:
        """Move on to a row's time; False if the meter has begun anew."""
        step_ns = 0 if self._read_ns is None else read_ns - self._read_ns
        if step_ns < 0 and self._wraps_ns is not None:
            step_ns += self._wraps_ns
        began = self._read_ns is None
        self._read_ns = read_ns
        delay_ns = arrived_ns - (self._own_ns + step_ns)
        late_ns = delay_ns - self._offset_ns
        if began or step_ns < 0 or not -AHEAD_NS <= late_ns <= LATE_NS:
            self.restarts += not began
            self._own_ns, self._offset_ns = 0, arrived_ns
            return False
        self._own_ns += step_ns
        self._offset_ns += min(late_ns, round(step_ns * DRIFT_LIMIT))
        return True

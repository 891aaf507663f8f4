"""When the samples were taken: a straight line below what the host's clock said on receiving them.

A sample is never received before it was taken, so receive time minus slot time is a clock offset plus a latency that is
never negative. The least of each stretch of a second is kept, and the line lies on their lower hull where it passes
under their centre: of all lines below the points the one closest to them (Moon, Skelly and Towsley, "Estimation and
removal of clock skew from network delay measurements", INFOCOM 1999).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

# An hour has 3600 stretches; above this they are joined two by two.
MOST_STRETCHES: Final = 8192
# A drift is read from at least so many; before, the offset alone.
LEAST_STRETCHES: Final = 3
# What the present is judged by: a few seconds, in which no rate that is a little off matters.
RECENT: Final = 5


class Envelope:
    """Points (slot, receive time) of one meter; slots last `slot_ns`, and slot 0 began about `origin_ns`."""

    def __init__(self, origin_ns: int, slot_ns: int) -> None:
        self.origin_ns, self.slot_ns = origin_ns, slot_ns
        self._stretch = 1_000_000_000 // slot_ns
        self._least: dict[int, tuple[int, int]] = {}

    def __len__(self) -> int:
        return len(self._least)

    def add(self, slot: int, received_ns: int) -> None:
        """A sample that was received by then."""
        late_ns = received_ns - self.origin_ns - slot * self.slot_ns
        key = slot // self._stretch
        known = self._least.get(key)
        if known is None or late_ns < known[1]:
            self._least[key] = (slot, late_ns)
        if len(self._least) > MOST_STRETCHES:
            self._join()

    @property
    def least_ns(self) -> int:
        """The least delay of the last few stretches, against `origin_ns`."""
        return min(late_ns for _, late_ns in list(self._least.values())[-RECENT:])

    def fit(self) -> tuple[float, float, float]:
        """Offset at slot 0 in ns, drift, and how far above the line 95 % of the stretches stay, in ns."""
        slots, late_ns = self._points()
        at, offset_ns, slope_ns = _line(slots, late_ns)
        above_ns = late_ns - offset_ns - slope_ns * (slots - at)
        spread_ns = float(np.percentile(above_ns, 95)) if len(slots) else 0.0
        return offset_ns - slope_ns * at, slope_ns / self.slot_ns, spread_ns

    def _points(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        points = np.array(list(self._least.values()), np.float64).reshape(-1, 2)
        return points[:, 0], points[:, 1]

    def _join(self) -> None:
        self._stretch *= 2
        known, self._least = self._least.values(), {}
        for slot, late_ns in known:
            key = slot // self._stretch
            if key not in self._least or late_ns < self._least[key][1]:
                self._least[key] = (slot, late_ns)


def _line(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float, float]:
    """The line under the points: where, how high there, and its slope."""
    if not len(x):
        return 0.0, 0.0, 0.0
    if len(x) < LEAST_STRETCHES:
        return float(x[0]), float(y.min()), 0.0
    hull: list[int] = []
    for k in range(len(x)):
        while len(hull) > 1 and _turns_right(x, y, hull[-2], hull[-1], k):
            hull.pop()
        hull.append(k)
    middle = float(x.mean())
    right = next((k for k in hull if x[k] >= middle), hull[-1])
    left = hull[max(hull.index(right) - 1, 0)]
    slope = float((y[right] - y[left]) / (x[right] - x[left])) if right != left else 0.0
    return float(x[left]), float(y[left]), slope


def _turns_right(x: NDArray[np.float64], y: NDArray[np.float64], a: int, b: int, c: int) -> bool:
    return bool((y[b] - y[a]) * (x[c] - x[a]) >= (y[c] - y[a]) * (x[b] - x[a]))

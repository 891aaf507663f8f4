"""The loop that is measured: the first inference, the warm-up, and the iterations with a stamp on either side.

What is timed is the runtime's `invoke()` alone. Inputs are set once, before; nothing is read back.
"""

from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import combinations
from statistics import median
from time import monotonic_ns
from typing import Final

import numpy as np
from numpy.typing import NDArray

NS_PER_S: Final = 1_000_000_000
# The warm-up is judged over windows of this length (facts C6: the slope of the last K latencies, times K, under 2 %).
# A second is longer than a governor's ramp (100 ms) and 20 windows fit into the default limit. A network under 15 us
# fills the buffer sooner, and its window ends with it.
WINDOW_NS: Final = NS_PER_S
DRIFT_LIMIT: Final = 0.02
# Medians over this many parts of a window carry the slope; a window has at least as many latencies.
PARTS: Final = 10
# Iterations held before they are sent: 1 MiB of stamps.
HELD: Final = 1 << 16
# Stamps are sent about once per second, so that a crash loses no more.
SEND_EVERY_NS: Final = NS_PER_S


@dataclass(frozen=True, slots=True)
class WarmUp:
    """From the start of the first inference to the end of the last one before the measurement."""

    t0_ns: int
    t1_ns: int
    first_s: float
    iterations: int
    steady: bool


@dataclass(frozen=True, slots=True)
class Measured:
    """From just before the first measured iteration to the end of the last, and how many there were."""

    t0_ns: int
    t1_ns: int
    iterations: int


def _stamps() -> "array[int]":
    return array("q", bytes(16 * HELD))


@dataclass(slots=True)
class Loop:
    """Executes `invoke` again and again; made before memory is looked at, so that its stamps are not counted."""

    stamps: "array[int]" = field(default_factory=_stamps)

    def warm_up(self, invoke: Callable[[], object], limit_s: float, least_s: float = 0.0) -> WarmUp:
        """The first inference, then windows of others: until one after `least_s` is flat, or `limit_s` is over."""
        t0_ns = monotonic_ns()
        invoke()
        t1_ns = monotonic_ns()
        first_s, iterations, steady = (t1_ns - t0_ns) / NS_PER_S, 1, False
        limit_ns, least_ns = (t1_ns + round(s * NS_PER_S) for s in (limit_s, least_s))
        while not (steady and t1_ns >= least_ns) and t1_ns < limit_ns:
            # What is too short to follow as a window of its own belongs to the last one.
            until_ns = t1_ns + WINDOW_NS if limit_ns - t1_ns >= 2 * WINDOW_NS else limit_ns
            held, t1_ns = self._window(invoke, until_ns, limit_ns)
            pairs = np.frombuffer(self.stamps, np.int64, 2 * held).reshape(held, 2)
            steady = is_steady(pairs[:, 1] - pairs[:, 0])
            iterations += held
        return WarmUp(t0_ns, t1_ns, first_s, iterations, steady)

    def _window(self, invoke: Callable[[], object], until_ns: int, limit_ns: int) -> tuple[int, int]:
        """Iterations until the window is over and holds enough of them, or the limit comes; how many, and the end."""
        stamps, held, t1_ns = self.stamps, 0, 0
        while (t1_ns < until_ns or held < PARTS) and t1_ns < limit_ns and held < HELD:
            t0_ns = monotonic_ns()
            invoke()
            t1_ns = monotonic_ns()
            stamps[2 * held] = t0_ns
            stamps[2 * held + 1] = t1_ns
            held += 1
        return held, t1_ns

    def measure(
        self, invoke: Callable[[], object], seconds: float, iterations: int, send: Callable[[memoryview], None]
    ) -> Measured:
        """At least `seconds` and `iterations`, and at least one; `send` gets stamps (t0, t1, t0, ...) between them.

        What was executed is sent even if `invoke` raises.
        """
        stamps, view = self.stamps, memoryview(self.stamps)
        done, filled, full = 0, 0, 2 * HELD
        start_ns = t1_ns = monotonic_ns()
        end_ns, send_ns = start_ns + round(seconds * NS_PER_S), start_ns + SEND_EVERY_NS
        try:
            while not done or done < iterations or t1_ns < end_ns:
                t0_ns = monotonic_ns()
                invoke()
                t1_ns = monotonic_ns()
                stamps[filled] = t0_ns
                stamps[filled + 1] = t1_ns
                filled += 2
                done += 1
                if t1_ns >= send_ns or filled == full:
                    send(view[:filled])
                    filled, send_ns = 0, t1_ns + SEND_EVERY_NS
        finally:
            if filled:
                send(view[:filled])
        return Measured(start_ns, t1_ns, done)


def is_steady(latency_ns: NDArray[np.int64]) -> bool:
    """Is the drift over these latencies, in their order, under 2 % of their median?

    The drift is Theil and Sen's slope (the median of the slopes between all pairs; Sen, JASA 63, 1968) through the
    medians of ten parts, times ten: single slow iterations, and two bad parts out of ten, do not move it.
    """
    if len(latency_ns) < PARTS:
        return False
    parts = [float(np.median(part)) for part in np.array_split(latency_ns, PARTS)]
    slope = median((after - before) / (j - i) for (i, before), (j, after) in combinations(enumerate(parts), 2))
    return abs(slope) * PARTS <= DRIFT_LIMIT * median(parts)

"""How often a live view is drawn: every second, and less often where drawing it would take too much of a processor."""

import time
from typing import Final

# Of one core, for looking and drawing; the instruments' reading comes on top.
SHARE: Final = 0.01
LEAST_S: Final = 1.0
MOST_S: Final = 2.0


def pace_s(took_s: float) -> float:
    """Seconds until it is drawn again, after it took `took_s` of a processor.

    >>> pace_s(0.005), pace_s(0.015), pace_s(0.5)
    (1.0, 1.5, 2.0)
    """
    return min(max(took_s / SHARE, LEAST_S), MOST_S)


class Pace:
    """The pace of the thread that makes and uses it."""

    def __init__(self) -> None:
        self._cpu_s = time.thread_time()

    def next_s(self) -> float:
        """Seconds until the next turn, from what this thread has taken since the last one."""
        before, self._cpu_s = self._cpu_s, time.thread_time()
        return pace_s(self._cpu_s - before)

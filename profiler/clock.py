"""Clocks. Whatever waits or stamps takes one as an argument, so that a test owns time."""

import threading
import time
from typing import Final, Protocol

NS_PER_S: Final = 1_000_000_000
HOST_CLOCK: Final = "host.monotonic"
WALL_CLOCK: Final = "host.realtime"


class Clock(Protocol):
    """A named source of int64 nanoseconds that can also be waited on."""

    @property
    def name(self) -> str:
        """The name under which its stamps are stored."""
        ...

    def now_ns(self) -> int:
        """Nanoseconds since an arbitrary origin; never decreases."""
        ...

    def sleep(self, seconds: float) -> None:
        """Return `seconds` later."""
        ...

    def wait_for_tick(self, period_s: float, timeout_s: float) -> bool:
        """True at the next multiple of `period_s`; False, after `timeout_s`, if that lies further away."""
        ...


class HostClock:
    """CLOCK_MONOTONIC of this machine: shared by all of its processes, untouched by changes of the wall clock."""

    name = HOST_CLOCK

    def now_ns(self) -> int:
        """Nanoseconds since boot, not counting suspension."""
        return time.monotonic_ns()

    def sleep(self, seconds: float) -> None:
        """Block this thread for `seconds`."""
        time.sleep(max(seconds, 0.0))

    def wait_for_tick(self, period_s: float, timeout_s: float) -> bool:
        """True at the next multiple of `period_s`; False, after `timeout_s`, if that lies further away."""
        tick_ns = next_tick_ns(self.now_ns(), period_s)
        if tick_ns - self.now_ns() > timeout_s * NS_PER_S:
            self.sleep(timeout_s)
            return False
        while (left_ns := tick_ns - self.now_ns()) > 0:
            time.sleep(left_ns / NS_PER_S)
        return True


class ManualClock:
    """A clock that moves only when told to, or when somebody waits on it: virtual time. Safe between threads."""

    name = HOST_CLOCK

    def __init__(self, start_ns: int = 0) -> None:
        self._now_ns = start_ns
        self._lock = threading.Lock()

    def now_ns(self) -> int:
        """The time it was last moved to."""
        return self._now_ns

    def advance(self, seconds: float) -> None:
        """Move on by `seconds`."""
        with self._lock:
            self._now_ns += round(max(seconds, 0.0) * NS_PER_S)

    def sleep(self, seconds: float) -> None:
        """Move on by `seconds`, at once."""
        self.advance(seconds)

    def wait_for_tick(self, period_s: float, timeout_s: float) -> bool:
        """Move on to the next multiple of `period_s`, or by `timeout_s` if that lies further away."""
        left_s = (next_tick_ns(self._now_ns, period_s) - self._now_ns) / NS_PER_S
        self.advance(min(left_s, timeout_s))
        return left_s <= timeout_s


def next_tick_ns(now_ns: int, period_s: float) -> int:
    """The first multiple of the period after `now_ns`."""
    period_ns = max(round(period_s * NS_PER_S), 1)
    return (now_ns // period_ns + 1) * period_ns

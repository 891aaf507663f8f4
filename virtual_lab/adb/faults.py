"""What can go wrong with a device and the way to it, on demand and while it is in use."""

import threading
import time
from collections.abc import Callable
from typing import Final

NS_PER_S: Final = 1_000_000_000
# A slow link hands over its bytes in steps of this length, so that a trickle looks like one.
STEP_S: Final = 0.02


class Faults:
    """The faults of one device; each method takes effect at once, on connections that are open too."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stalled_until_ns = 0
        self._bytes_per_s: float | None = None
        self._late_ns = 0
        self._disk_left_b: int | None = None
        self._refusing = False
        self._denied: tuple[str, ...] = ()
        self._on_cut: list[Callable[[], None]] = []
        self._on_refuse: list[Callable[[bool], None]] = []

    def cut(self) -> None:
        """Break every connection now, with a reset; new ones are welcome."""
        for drop in tuple(self._on_cut):
            drop()

    def stall(self, seconds: float) -> None:
        """Nothing is read and nothing is sent for so long; then all of it goes on. 0 ends a stall."""
        self._stalled_until_ns = time.monotonic_ns() + round(seconds * NS_PER_S)

    def refuse(self, refusing: bool = True) -> None:  # noqa: FBT001, FBT002  (refuse(False) ends it)
        """Nobody listens at the port while it lasts; connections that are open stay."""
        self._refusing = refusing
        for tell in tuple(self._on_refuse):
            tell(refusing)

    def full_disk(self, after_b: int | None) -> None:
        """A push fails with ENOSPC once so many more bytes are written; None frees the disk."""
        with self._lock:
            self._disk_left_b = after_b

    def slow(self, bytes_per_s: float | None) -> None:
        """Each direction of each connection carries no more than this; None takes the limit away."""
        self._bytes_per_s = bytes_per_s

    def late(self, seconds: float) -> None:
        """Everything that the device says leaves so much later than it was said, in order; 0 ends it."""
        self._late_ns = round(seconds * NS_PER_S)

    def deny(self, *prefixes: str) -> None:
        """Sync may not touch what lies at or under these remote paths; no prefix lifts it."""
        self._denied = tuple(prefix.rstrip("/") for prefix in prefixes)

    @property
    def refusing(self) -> bool:
        """Whether `refuse` is in force."""
        return self._refusing

    @property
    def late_ns(self) -> int:
        """How late what is said now leaves."""
        return self._late_ns

    @property
    def bytes_per_s(self) -> float | None:
        """The limit of `slow`."""
        return self._bytes_per_s

    def stalled_s(self) -> float:
        """How long the stall goes on; 0 if there is none."""
        return max(self._stalled_until_ns - time.monotonic_ns(), 0) / NS_PER_S if self._stalled_until_ns else 0.0

    def take_disk(self, wanted_b: int) -> int:
        """How many of these bytes still fit on the disk; they are taken."""
        with self._lock:
            if self._disk_left_b is None:
                return wanted_b
            taken_b = min(wanted_b, self._disk_left_b)
            self._disk_left_b -= taken_b
            return taken_b

    def denies(self, remote: str) -> bool:
        """Whether `deny` names this path or a folder above it."""
        return any(remote == prefix or remote.startswith(prefix + "/") for prefix in self._denied)

    def watch(self, on_cut: Callable[[], None], on_refuse: Callable[[bool], None]) -> Callable[[], None]:
        """Have a device told of `cut` and `refuse`; calling what comes back ends that."""
        self._on_cut.append(on_cut)
        self._on_refuse.append(on_refuse)

        def forget() -> None:
            self._on_cut.remove(on_cut)
            self._on_refuse.remove(on_refuse)

        return forget


class Pace:
    """One direction of one connection, as fast as the faults let it be."""

    def __init__(self, faults: Faults, ended: threading.Event) -> None:
        self._faults, self._ended = faults, ended
        self._free_ns = 0

    def step_b(self, wanted_b: int) -> int:
        """How many bytes to move now, having waited until one may. At least 1, or 0 if the connection ended."""
        while (stalled_s := self._faults.stalled_s()) > 0:
            if self._ended.wait(min(stalled_s, STEP_S)):
                return 0
        rate = self._faults.bytes_per_s
        if rate is None:
            return wanted_b
        wait_s = (self._free_ns - time.monotonic_ns()) / NS_PER_S
        if wait_s > 0 and self._ended.wait(wait_s):
            return 0
        return min(wanted_b, max(int(rate * STEP_S), 1))

    def moved(self, size_b: int) -> None:
        """So many bytes were moved; on a slow link the next ones wait for them."""
        if (rate := self._faults.bytes_per_s) is not None:
            self._free_ns = max(self._free_ns, time.monotonic_ns()) + round(size_b / rate * NS_PER_S)

"""Starting something on a phone again while somebody else must not be kept waiting for it."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from edgewatt.collectors.android.phone import RETRY_S
from edgewatt.collectors.transports.link import Link, LinkLost, Stream
from edgewatt.profiler.errors import DeviceError

# How long `close` waits for an attempt that is under way; the attempt itself hangs up when it comes back later.
_CLOSE_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Running:
    """A script on the phone and the connection that is its own."""

    link: Link
    stream: Stream
    token: str

    def close(self) -> None:
        """End it and hang up. Idempotent, never raises."""
        self.stream.close()
        self.link.close()


class Again:
    """Calls `start` in a thread, every RETRY_S seconds until it succeeds or `within_s` seconds are over."""

    def __init__(
        self, start: Callable[[], Running], within_s: float, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._start, self._within_s, self._monotonic_s = start, within_s, monotonic_s
        self._lock = threading.Lock()
        self._given_up, self._done = threading.Event(), threading.Event()
        self._running: Running | None = None
        self._cause = ""
        self._thread = threading.Thread(target=self._try, name="edgewatt-again", daemon=True)
        self._thread.start()

    def wait(self, timeout_s: float) -> Running | None:
        """What was started, or None if nothing is yet. Raises LinkLost with the last reason once the time is over."""
        if not self._done.wait(max(timeout_s, 0.0)):
            return None
        with self._lock:
            running, self._running = self._running, None
        if running is None:
            raise LinkLost(f"{self._cause} (tried again for {self._within_s:g} s)")
        return running

    def close(self) -> None:
        """Give up; what is started nevertheless is ended. Prompt, idempotent, never raises."""
        with self._lock:
            self._given_up.set()
            running, self._running = self._running, None
        if running is not None:
            running.close()
        self._thread.join(_CLOSE_S)

    def _try(self) -> None:
        end_s = self._monotonic_s() + self._within_s
        try:
            while not self._given_up.is_set():
                try:
                    running = self._start()
                except DeviceError as error:
                    self._cause = str(error)
                else:
                    self._hand_over(running)
                    return
                if self._monotonic_s() >= end_s or self._given_up.wait(RETRY_S):
                    return
        except Exception as error:  # noqa: BLE001  (nobody sees what a thread raises)
            self._cause = f"{type(error).__name__}: {error}"
        finally:
            self._done.set()

    def _hand_over(self, running: Running) -> None:
        with self._lock:
            if not self._given_up.is_set():
                self._running = running
                return
        running.close()

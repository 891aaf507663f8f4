"""What both transports give for one service of a phone (`shell:`, `sync:`): bytes there and back."""

import time
from typing import Protocol


class Channel(Protocol):
    """One service, open. `close` before its end ends it on the device, too."""

    def send(self, data: bytes, timeout_s: float) -> None:
        """Hand over all of it. Raises LinkTimeout, LinkLost."""
        ...

    def receive(self, timeout_s: float) -> bytes | None:
        """What came; b"" if nothing did in time, None once the service ended. Raises LinkLost."""
        ...

    def close(self) -> None:
        """Let go of it: prompt, idempotent, never raises."""
        ...


class Services(Protocol):
    """Opens the services of one device."""

    @property
    def name(self) -> str:
        """What messages call the device."""
        ...

    @property
    def features(self) -> frozenset[str]:
        """What the device's adbd offers."""
        ...

    def open(self, service: bytes, timeout_s: float) -> Channel:
        """Raises LinkTimeout, LinkLost, DeviceError."""
        ...

    def close(self) -> None:
        """Let go of the device: prompt, idempotent, never raises."""
        ...


class Deadline:
    """So many seconds from now."""

    def __init__(self, seconds: float) -> None:
        self._end_s = time.monotonic() + seconds

    @property
    def left_s(self) -> float:
        """Seconds until then, never below 0."""
        return max(self._end_s - time.monotonic(), 0.0)

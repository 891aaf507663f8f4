"""The port that a USB meter hangs on: who has it, and transfers that take their time. Safe between threads."""

import errno
import itertools
import threading
from collections.abc import Callable
from typing import TypeVar

from edgewatt.profiler.clock import NS_PER_S, Clock, HostClock
from edgewatt.virtual_lab.monsoon.usb_meter import UsbMeter

T = TypeVar("T")
_STRINGS = {1: "Monsoon Solutions", 2: "Power Monitor"}
_DESCRIPTOR, _STRING = 0x06, 0x03
_ENGLISH_US = b"\x04\x03\x09\x04"


class UsbPort:
    """One meter at a port. Errors are OSError with an errno. A handle stands for one opening of the device."""

    def __init__(self, usb: UsbMeter, clock: Clock | None = None) -> None:
        self._usb, self._clock, self._lock = usb, clock or HostClock(), threading.Lock()
        self._handles, self._owner = itertools.count(1), 0

    @property
    def serial(self) -> int:
        """The meter's serial number."""
        return self._usb.meter.build.serial

    def there(self) -> bool:
        """Whether a meter can be seen at the port."""
        return self._usb.meter.link(self._clock.now_ns()) != "gone"

    def open(self) -> int:
        """A new handle."""
        if self._usb.meter.faults.denied:
            raise OSError(errno.EACCES, "Access denied (insufficient permissions)")
        return next(self._handles)

    def close(self, handle: int) -> None:
        """Give up the handle and what it claimed; the meter does not notice."""
        self.release(handle)

    def claim(self, handle: int) -> None:
        """Have the interface for this handle alone."""
        with self._lock:
            if self._owner not in (0, handle):
                raise OSError(errno.EBUSY, "Resource busy")
            self._owner = handle

    def release(self, handle: int) -> None:
        """Others may have it."""
        with self._lock:
            self._owner = 0 if self._owner == handle else self._owner

    def reset(self) -> None:
        """Reset the port: a meter that samples stops."""
        self._now(lambda t_ns: self._usb.stop(t_ns) if self._usb.meter.sampling else None)

    def get(self, kind: int, request: int, value: int, index: int, length: int) -> bytes:
        """A control transfer to the host: a string, or what the meter says."""
        if (kind, request) == (0x80, _DESCRIPTOR) and value >> 8 == _STRING:
            return self._string(value & 0xFF)[:length]
        return self._now(lambda t_ns: self._usb.get(kind, request, index, t_ns))[:length]

    def put(self, kind: int, request: int, value: int, index: int, data: bytes) -> None:
        """A control transfer to the meter."""
        self._now(lambda t_ns: self._usb.put(kind, request, value, index, data, t_ns))

    def read(self, size: int, timeout_ms: int) -> bytes:
        """The next bulk packet, however large the buffer: each is short and ends the transfer. Waits for it."""
        end_ns = self._clock.now_ns() + timeout_ms * 1_000_000
        while True:
            t_ns = self._clock.now_ns()
            with self._lock:
                packet, due_ns = self._usb.packet(t_ns), self._usb.due_ns()
            if packet is not None:
                if len(packet) > size:
                    raise OSError(errno.EOVERFLOW, "Overflow")
                return packet
            if t_ns >= end_ns:
                raise OSError(errno.ETIMEDOUT, "Operation timed out")
            wait_ns = min(end_ns if due_ns is None else due_ns, end_ns, t_ns + NS_PER_S // 10) - t_ns
            self._clock.sleep(max(wait_ns, 100_000) / NS_PER_S)

    def _now(self, what: Callable[[int], T]) -> T:
        with self._lock:
            return what(self._clock.now_ns())

    def _string(self, index: int) -> bytes:
        if index == 0:
            return _ENGLISH_US
        text = {**_STRINGS, 3: str(self.serial)}.get(index, "").encode("utf-16-le")
        return bytes([len(text) + 2, _STRING]) + text

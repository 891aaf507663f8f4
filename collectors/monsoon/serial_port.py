"""The serial line itself, over pyserial: opened raw, read in big pieces."""

import os
import select
import time
from contextlib import suppress
from typing import Final

from edgewatt.collectors.monsoon.meter import Unplugged
from edgewatt.profiler.errors import DeviceError

# A meter that sends 64 bytes 700 times a second is read 250 times: less work, and no sample is later for it.
REST_S: Final = 0.004
_READ_B: Final = 1 << 16
_WRITE_S: Final = 2.0
# pyserial's own errors are OSErrors; of a port that was closed under us it raises the others.
_GONE: Final = select.POLLHUP | select.POLLERR | select.POLLNVAL
_LOST: Final = (OSError, ValueError, TypeError)

UDEV_RULE: Final = (
    'put `SUBSYSTEM=="tty", ATTRS{product}=="Mobile Device Power Monitor*", MODE="0660", GROUP="plugdev", '
    'TAG+="uaccess"` into /etc/udev/rules.d/60-monsoon.rules and plug it in again, or join the group that owns the '
    "port (`sudo usermod -aG dialout $USER`, then log in again)"
)


class SerialPort:
    """A tty at `path`. Raises DeviceError if it cannot be opened."""

    def __init__(self, path: str) -> None:
        import serial  # noqa: PLC0415  (only when a port is opened)

        self.where = path
        try:
            self._port = serial.Serial(path, timeout=0, write_timeout=_WRITE_S)
        except (OSError, ValueError) as error:
            raise _unopened(path, error) from None
        self._poll = select.poll()
        self._poll.register(self._port.fileno(), select.POLLIN)
        self._rests = False

    def write(self, data: bytes) -> None:
        """Send all of it."""
        try:
            self._port.write(data)
        except _LOST as error:
            raise Unplugged(f"{self.where}: {_why(error)} while it was written to") from None

    def read(self, timeout_s: float) -> bytes:
        """What is there, or comes within the timeout."""
        if self._rests:
            time.sleep(min(REST_S, max(timeout_s, 0.0)))
        try:
            ready = self._poll.poll(max(timeout_s, 0.0) * 1000)
            data = os.read(self._port.fileno(), _READ_B) if ready and ready[0][1] & select.POLLIN else b""
        except BlockingIOError:
            data = b""
        except _LOST as error:
            raise Unplugged(f"{self.where}: {_why(error)} while it was read") from None
        if not data and ready and ready[0][1] & _GONE:
            raise Unplugged(f"{self.where}: the line was hung up")
        self._rests = bool(data)
        return data

    def close(self) -> None:
        """Give the port back."""
        with suppress(*_LOST):
            self._port.close()


def _unopened(path: str, error: Exception) -> DeviceError:
    cause = error.__context__ if not isinstance(error, PermissionError) and error.__context__ else error
    if isinstance(cause, PermissionError) or getattr(error, "errno", None) == 13:
        return DeviceError(f"{path}: permission denied; {UDEV_RULE}")
    return Unplugged(f"{path}: cannot be opened: {_why(error)}")


def _why(error: Exception) -> str:
    code = getattr(error, "errno", None)
    return os.strerror(code).lower() if isinstance(code, int) else str(error) or type(error).__name__

"""A USB device through pyusb: found, taken for this process alone, and its errors in one line each."""

import array
import errno
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

from edgewatt.collectors.monsoon.meter import Unplugged
from edgewatt.profiler.errors import DeviceError

VENDOR, PRODUCT = 0x2AB9, 0x0001
CONTROL_MS: Final = 5000

NO_PYUSB: Final = "a Monsoon over USB needs pyusb; install it with: pip install 'edgewatt[usb]'"
NO_LIBUSB: Final = "pyusb found no libusb; install it (Debian and Ubuntu: apt install libusb-1.0-0)"
UDEV_RULE: Final = (
    'put `SUBSYSTEM=="usb", ATTR{idVendor}=="2ab9", ATTR{idProduct}=="0001", MODE="0660", GROUP="plugdev", '
    'TAG+="uaccess"` into /etc/udev/rules.d/60-monsoon.rules and plug it in again'
)
_GONE: Final = (errno.ENODEV, errno.ENXIO, errno.EIO, errno.EPIPE, errno.ESHUTDOWN, errno.ENOENT)


def find_all(backend: Any = None) -> list[Any]:
    """Every Monsoon on USB as pyusb's device. Raises DeviceError without pyusb or libusb."""
    core = _core()
    try:
        return list(core.find(find_all=True, idVendor=VENDOR, idProduct=PRODUCT, backend=backend))
    except core.NoBackendError:
        raise DeviceError(NO_LIBUSB) from None
    except (core.USBError, OSError, ValueError) as error:
        raise DeviceError(f"USB cannot be searched: {error}") from None


def serial_of(device: Any) -> str | None:
    """The serial number in its string descriptor; None where it cannot be read, as without permission."""
    try:
        text = device.serial_number
    except (OSError, ValueError, NotImplementedError):
        return None
    return text.strip("\0 ")[:64] if isinstance(text, str) and text.strip("\0 ").isprintable() else None


class UsbDevice:
    """One Monsoon, of that serial number if one is given. Raises DeviceError if it cannot be taken."""

    def __init__(self, serial: str | None = None, backend: Any = None) -> None:
        core = _core()
        import usb.util  # noqa: PLC0415  (see _core)

        self._util, self._errors = usb.util, core.USBError
        found = list(_matching(find_all(backend), serial))
        if not found:
            asked = "Monsoon" if serial is None else f"Monsoon {serial}"
            raise Unplugged(f"no {asked} on USB (vendor 2ab9, product 0001)")
        if len(found) > 1:
            raise DeviceError(
                f"{len(found)} Monsoons on USB ({', '.join(str(serial_of(one)) for one in found)}): say which, as in "
                "monsoon:SERIAL"
            )
        self._device = found[0]
        self.where = f"usb {self._device.bus}-{self._device.address}"
        self._timed_out = core.USBTimeoutError
        try:
            self._take()
        except BaseException:
            self.close()
            raise

    def control(self, kind: int, request: int, value: int, index: int, data: bytes | int) -> bytes:
        """A control transfer; the answer where `data` is a length. Raises DeviceError, Unplugged."""
        try:
            answer = self._device.ctrl_transfer(kind, request, value, index, data, CONTROL_MS)
        except (self._errors, OSError) as error:
            raise self._failed(error, "a request") from None
        return bytes(answer) if isinstance(data, int) else b""

    def bulk(self, endpoint: int, buffer: "array.array[int]", timeout_s: float) -> int:
        """How many bytes came into the buffer; 0 after the timeout. Raises DeviceError, Unplugged."""
        try:
            return int(self._device.read(endpoint, buffer, max(round(timeout_s * 1000), 1)))
        except self._timed_out:
            return 0
        except (self._errors, OSError) as error:
            if getattr(error, "errno", None) in (errno.ETIMEDOUT, errno.EAGAIN):
                return 0
            raise self._failed(error, "a read") from None

    def close(self) -> None:
        """Give it back; idempotent, never raises."""
        with suppress(Exception):
            self._util.dispose_resources(self._device)

    def _take(self) -> None:
        with suppress(NotImplementedError, self._errors):
            if self._device.is_kernel_driver_active(0):
                self._device.detach_kernel_driver(0)
        try:
            self._device.set_configuration()
            self._util.claim_interface(self._device, 0)
        except (self._errors, OSError, NotImplementedError) as error:
            raise self._failed(error, "being taken") from None

    def _failed(self, error: Exception, doing: str) -> DeviceError:
        code = getattr(error, "errno", None)
        if code in (errno.EACCES, errno.EPERM):
            return DeviceError(f"{self.where}: permission denied; {UDEV_RULE}")
        if code == errno.EBUSY:
            return DeviceError(f"{self.where}: in use by another process; wait for it or stop it")
        kind = Unplugged if code in _GONE else DeviceError
        return kind(f"{self.where}: {error} ({doing} failed)")


def _core() -> Any:
    try:
        import usb.core  # noqa: PLC0415  (an extra; loads only when it is used)
    except ImportError:
        raise DeviceError(NO_PYUSB) from None
    return usb.core


def _matching(found: list[Any], serial: str | None) -> Iterator[Any]:
    for device in found:
        if serial is None or serial_of(device) == serial:
            yield device

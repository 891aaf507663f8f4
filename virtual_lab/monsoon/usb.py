"""Monsoon meters as a backend of pyusb: `usb.core.find(backend=backend(Constant(0.75), model="hvpm"))`.

Needs pyusb and numpy only, so that it can stand in for libusb in another program's environment.
"""

import contextlib
import errno
from array import array
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any, Final, Unpack

import usb.backend
import usb.core

from edgewatt.profiler.clock import Clock
from edgewatt.virtual_lab.monsoon import usb_wire as wire
from edgewatt.virtual_lab.monsoon.feeds import Feed
from edgewatt.virtual_lab.monsoon.meter import Meter
from edgewatt.virtual_lab.monsoon.setup import How, assembled, on_usb
from edgewatt.virtual_lab.monsoon.usb_meter import QUEUE, UsbMeter
from edgewatt.virtual_lab.monsoon.usb_port import UsbPort
from edgewatt.virtual_lab.monsoon.usb_socket import RemotePort

# What libusb calls them (libusb.h).
_LIBUSB: Final = {errno.EACCES: -3, errno.ENODEV: -4, errno.EBUSY: -6, errno.ETIMEDOUT: -7, errno.EOVERFLOW: -8,
                  errno.EPIPE: -9}  # fmt: skip
_DEVICE: Final = {
    "bLength": 18, "bDescriptorType": 1, "bcdUSB": 0x0200, "bDeviceClass": 0xFF, "bDeviceSubClass": 0,
    "bDeviceProtocol": 0, "bMaxPacketSize0": 64, "idVendor": wire.VENDOR, "idProduct": wire.PRODUCT,
    "bcdDevice": 0x0100, "iManufacturer": 1, "iProduct": 2, "iSerialNumber": 3,
    "bNumConfigurations": 1, "port_number": 1, "bus": 1,
    "speed": 2,
}  # fmt: skip
_CONFIGURATION: Final = {
    "bLength": 9, "bDescriptorType": 2, "wTotalLength": 32, "bNumInterfaces": 1, "bConfigurationValue": 1,
    "iConfiguration": 0, "bmAttributes": 0xC0, "bMaxPower": 50,
}  # fmt: skip
_INTERFACE: Final = {
    "bLength": 9, "bDescriptorType": 4, "bInterfaceNumber": 0, "bAlternateSetting": 0, "bNumEndpoints": 2,
    "bInterfaceClass": 0xFF, "bInterfaceSubClass": 0, "bInterfaceProtocol": 0, "iInterface": 0,
}  # fmt: skip
_ENDPOINT: Final = {
    "bLength": 7, "bDescriptorType": 5, "bmAttributes": 2, "wMaxPacketSize": wire.PACKET_B, "bInterval": 0,
    "bRefresh": 0, "bSynchAddress": 0,
}  # fmt: skip


# Where a meter hangs, here or in another process.
AnyPort = UsbPort | RemotePort


class Backend(usb.backend.IBackend):  # type: ignore[misc]
    """The USB of a machine at whose ports these meters hang. `meter` is the first one's, if it is in this process."""

    def __init__(self, ports: Sequence[AnyPort], meter: Meter | None = None) -> None:
        self._ports, self.meter = ports, meter

    def enumerate_devices(self) -> Iterator[int]:
        """The number of each port where something is."""
        return (number for number, port in enumerate(self._ports) if _usb(port.there))

    def get_parent(self, _dev: int) -> None:
        """There is no hub between."""
        return

    def get_device_descriptor(self, dev: int) -> SimpleNamespace:
        """As the facts have it (meters.md 2)."""
        return SimpleNamespace(**_DEVICE, extra_descriptors=b"", address=dev + 1, port_numbers=(dev + 1,))

    def get_configuration_descriptor(self, _dev: int, config: int) -> SimpleNamespace:
        """There is one."""
        return _only(config, _CONFIGURATION)

    def get_interface_descriptor(self, _dev: int, intf: int, alt: int, config: int) -> SimpleNamespace:
        """There is one."""
        return _only(intf + alt + config, _INTERFACE)

    def get_endpoint_descriptor(self, _dev: int, ep: int, intf: int, alt: int, config: int) -> SimpleNamespace:
        """One for each direction."""
        return _only(intf + alt + config, {**_ENDPOINT, "bEndpointAddress": (wire.BULK_IN, wire.BULK_OUT)[ep]})

    def open_device(self, dev: int) -> tuple[AnyPort, int]:
        """The port, and a handle there."""
        port = self._ports[dev]
        return port, _usb(port.open)

    def close_device(self, dev_handle: tuple[AnyPort, int]) -> None:
        """The meter goes on as it was, if it is still there."""
        port, handle = dev_handle
        with contextlib.suppress(OSError):
            port.close(handle)

    def set_configuration(self, _dev_handle: tuple[AnyPort, int], _config_value: int) -> None:
        """There is one."""

    def get_configuration(self, _dev_handle: tuple[AnyPort, int]) -> int:
        """The only one."""
        return 1

    def set_interface_altsetting(self, _dev_handle: tuple[AnyPort, int], _intf: int, _altsetting: int) -> None:
        """There is one."""

    def claim_interface(self, dev_handle: tuple[AnyPort, int], _intf: int) -> None:
        """For this handle alone."""
        port, handle = dev_handle
        _usb(port.claim, handle)

    def release_interface(self, dev_handle: tuple[AnyPort, int], _intf: int) -> None:
        """For others."""
        port, handle = dev_handle
        _usb(port.release, handle)

    def bulk_read(self, dev_handle: tuple[AnyPort, int], ep: int, _intf: int, buff: Any, timeout: int) -> int:
        """The next packet into `buff`."""
        if ep != wire.BULK_IN:
            raise _error(errno.EPIPE, "the meter has no such endpoint")
        packet: bytes = _usb(dev_handle[0].read, len(buff) * buff.itemsize, timeout)
        memoryview(buff).cast("B")[: len(packet)] = packet
        return len(packet)

    def bulk_write(self, _dev_handle: tuple[AnyPort, int], _ep: int, _intf: int, data: Any, _timeout: int) -> int:
        """There is an endpoint for it, of unknown use."""
        return len(data) * int(data.itemsize)

    def ctrl_transfer(
        self,
        dev_handle: tuple[AnyPort, int],
        bmRequestType: int,  # noqa: N803  (the names of pyusb)
        bRequest: int,  # noqa: N803
        wValue: int,  # noqa: N803
        wIndex: int,  # noqa: N803
        data: Any,
        timeout: int,  # noqa: ARG002
    ) -> int:
        """From or to the meter; the number of bytes."""
        port, _ = dev_handle
        if bmRequestType & 0x80:
            found: bytes = _usb(port.get, bmRequestType, bRequest, wValue, wIndex, len(data) * data.itemsize)
            memoryview(data).cast("B")[: len(found)] = found
            return len(found)
        said = data.tobytes() if isinstance(data, array) else bytes(data)
        _usb(port.put, bmRequestType, bRequest, wValue, wIndex, said)
        return len(said)

    def clear_halt(self, _dev_handle: tuple[AnyPort, int], _ep: int) -> None:
        """Nothing is halted."""

    def reset_device(self, dev_handle: tuple[AnyPort, int]) -> None:
        """A meter that samples stops."""
        _usb(dev_handle[0].reset)

    def is_kernel_driver_active(self, _dev_handle: tuple[AnyPort, int], _intf: int) -> bool:
        """No kernel drives a meter."""
        return False

    def detach_kernel_driver(self, _dev_handle: tuple[AnyPort, int], _intf: int) -> None:
        """As libusb where there is none."""
        raise _error(errno.ENOENT, "Entity not found")

    attach_kernel_driver = detach_kernel_driver


def backend(
    feed: Feed, *, model: str = "hvpm", clock: Clock | None = None, queue: int = QUEUE, **how: Unpack[How]
) -> Backend:
    """A meter of the model `hvpm` or `lvpm` on the USB of this process alone; `how` is in setup.py.

    `queue` measurements wait for the host before others are dropped. Raises UsageError.
    """
    meter = assembled(on_usb(model), feed, **how)
    return Backend([UsbPort(UsbMeter(meter, queue), clock)], meter)


def backend_at(path: str) -> Backend:
    """The USB of a machine to which the meter at this socket hangs (serve.py: usb_on_socket). Raises OSError."""
    return Backend([RemotePort(path)])


def _only(number: int, fields: dict[str, int]) -> SimpleNamespace:
    """The descriptor with the number 0. Raises IndexError for any other: so pyusb learns how many there are."""
    if number:
        raise IndexError(number)
    return SimpleNamespace(**fields, extra_descriptors=b"")


def _usb(what: Any, *args: Any) -> Any:
    """What the port answers, its errors as those of pyusb."""
    try:
        return what(*args)
    except OSError as error:
        raise _error(error.errno or errno.EIO, error.strerror or str(error)) from None


def _error(number: int, text: str) -> usb.core.USBError:
    kind = usb.core.USBTimeoutError if number == errno.ETIMEDOUT else usb.core.USBError
    return kind(text, _LIBUSB.get(number, -1), number)

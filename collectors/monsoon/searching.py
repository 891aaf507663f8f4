"""From what stands behind `monsoon:` to an address: a path, a serial number, or nothing for the only one."""

import re
from typing import Any, Final

from edgewatt.collectors.monsoon.addresses import Address
from edgewatt.collectors.monsoon.discover import serial_paths, usb_at_hand
from edgewatt.profiler.device import Found
from edgewatt.profiler.errors import DeviceError, EdgewattError, UsageError

_SERIAL: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def address_of(rest: str, named: str | None, backend: Any) -> Address:
    """Where the meter is. Raises UsageError for what is neither, DeviceError if there is none, or more than one.

    `named` and `backend` say where USB is (see Address); with one of them serial ports are not looked at.
    """
    if rest.startswith("/"):
        return Address("serial", path=rest)
    if rest and not _SERIAL.fullmatch(rest):
        raise UsageError(f"monsoon:{rest}: expected a path such as /dev/ttyACM0, a serial number, or nothing")
    only_usb = named is not None or backend is not None
    on_usb = usb_at_hand(backend or Address("usb", backend=named).pyusb_backend())
    serials = [found.uri.partition(":")[2] for found in on_usb]
    if rest in serials and rest:
        return Address("usb", serial=rest, backend=named)
    paths = [] if only_usb else serial_paths()
    if rest:
        return _by_serial(rest, paths, on_usb)
    if len(on_usb) + len(paths) == 1:
        return Address("serial", path=paths[0]) if paths else _first(on_usb, named)
    raise _not_one(paths, on_usb)


def _first(on_usb: list[Found], named: str | None) -> Address:
    if on_usb[0].blocked:
        blocked = on_usb[0].blocked[0]
        raise DeviceError(f"{on_usb[0].name}: {blocked.reason}; {blocked.fix}".rstrip("; "))
    return Address("usb", serial=on_usb[0].uri.partition(":")[2], backend=named)


def _by_serial(serial: str, paths: list[str], on_usb: list[Found]) -> Address:
    """The serial port whose meter has that number: each is asked."""
    why = []
    for path in paths:
        address = Address("serial", path=path)
        try:
            with address.lock():
                meter = address.open()
                try:
                    meter.stop()
                    found = meter.status().serial
                finally:
                    meter.close()
        except EdgewattError as error:
            why.append(str(error))
            continue
        if str(found) == serial:
            return address
        why.append(f"{path} is Monsoon {found}")
    why += [f"{found.name} on USB: {found.blocked[0].reason}" for found in on_usb if found.blocked]
    raise DeviceError(f"no Monsoon {serial} at hand{': ' if why else ''}{'; '.join(why)}")


def _not_one(paths: list[str], on_usb: list[Found]) -> DeviceError:
    names = [*paths, *(found.uri for found in on_usb)]
    if names:
        return DeviceError(f"more than one Monsoon at hand ({', '.join(names)}): say which, as in monsoon:SERIAL")
    return DeviceError(
        "no Monsoon at hand: none of the serial ports says that it is one, and none is on USB; name its port, as in "
        "monsoon:/dev/ttyACM0"
    )

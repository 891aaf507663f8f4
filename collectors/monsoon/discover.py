"""Which Monsoons are at hand: serial ports by description, USB devices by vendor and product; none is opened."""

from pathlib import Path
from typing import Any, Final

from edgewatt.collectors.generic.sysfs import names_in, read_text
from edgewatt.collectors.monsoon.usb_device import NO_PYUSB, PRODUCT, UDEV_RULE, VENDOR, find_all, serial_of
from edgewatt.profiler.channel import Unavailable
from edgewatt.profiler.device import Found
from edgewatt.profiler.errors import DeviceError

# What the port of a serial LVPM is called (second-hand: Chromium's monsoon.py).
DESCRIPTION: Final = "mobile device power monitor"
USB_DEVICES: Final = Path("/sys/bus/usb/devices")


def serial_paths() -> list[str]:
    """The serial ports that say they are a Monsoon; none where they cannot be listed."""
    try:
        from serial.tools import list_ports  # noqa: PLC0415  (only when they are looked for)

        ports = list(list_ports.comports())
    except (ImportError, OSError, ValueError):
        return []
    said = {port.device: f"{port.description or ''} {port.product or ''}".lower() for port in ports}
    return sorted(path for path, text in said.items() if DESCRIPTION in text)


def usb_at_hand(backend: Any = None, sysfs: Path = USB_DEVICES) -> list[Found]:
    """The Monsoons on USB; where pyusb cannot say, what Linux lists, with what is missing."""
    try:
        found = find_all(backend)
    except DeviceError as error:
        return _listed(sysfs, str(error))
    devices = []
    for device in found:
        serial = serial_of(device)
        blocked = () if serial else (Unavailable("device", "permission denied", UDEV_RULE),)
        devices.append(Found(f"monsoon:{serial or ''}", f"Monsoon {serial or 'on USB'}", blocked))
    return devices


def discover() -> list[Found]:
    """Every Monsoon at hand."""
    ports = [Found(f"monsoon:{path}", f"Monsoon LVPM on {path}") for path in serial_paths()]
    return [*ports, *usb_at_hand()]


def _listed(sysfs: Path, why: str) -> list[Found]:
    found = []
    for name in names_in(sysfs):
        ids = [read_text(sysfs / name / key, 16) for key in ("idVendor", "idProduct")]
        if ids == [f"{VENDOR:04x}", f"{PRODUCT:04x}"]:
            serial = read_text(sysfs / name / "serial", 64) or ""
            fix = "pip install 'edgewatt[usb]'" if why == NO_PYUSB else ""
            found.append(Found(f"monsoon:{serial}", f"Monsoon {serial}", (Unavailable("device", why, fix),)))
    return found

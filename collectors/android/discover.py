"""Phones at hand: those that the adb server knows, in whatever state, and those that it should know."""

import re
from pathlib import Path
from typing import Final

from edgewatt.collectors.generic.sysfs import names_in, read_text
from edgewatt.collectors.transports.adb_errors import Listed, said, unusable
from edgewatt.profiler.channel import Unavailable
from edgewatt.profiler.device import Found
from edgewatt.profiler.errors import EdgewattError

USB: Final = Path("/sys/bus/usb/devices")
# The interface that adbd offers on USB: vendor specific, subclass 0x42, protocol 1 (AOSP adb/usb.h).
ADB_INTERFACE: Final = ("ff", "42", "01")
_INTERFACE: Final = re.compile(r"([0-9.-]{1,40}):[0-9.]{1,10}")
_MODEL: Final = re.compile(r"(?:^| )model:(\S{1,64})")
_ANY: Final = "adb:"
_NOT_SEEN: Final = (
    "allow this user to open it: a udev rule (Debian: the package android-sdk-platform-tools-common, and membership in "
    "the group plugdev), plug it in again, then `adb kill-server`"
)


def discover(usb: Path = USB) -> list[Found]:
    """Every phone with what blocks it. No server is started unless a phone is seen on USB; never raises."""
    from edgewatt.collectors.transports import adb_server  # noqa: PLC0415  (loads adbutils only when it is asked)

    plugged = phones_on_usb(usb)
    try:
        if not plugged and not adb_server.is_running():
            return []
        listed = adb_server.devices()
    except (EdgewattError, OSError) as error:
        return [Found(_ANY, _named(plugged), (_blocked(str(error)),))]
    if not listed and plugged:
        reason = "it is on USB with debugging switched on, and the adb server does not see it"
        return [Found(_ANY, name, (Unavailable("device", reason, _NOT_SEEN),)) for name in plugged]
    return [_found(one) for one in listed]


def phones_on_usb(usb: Path = USB) -> list[str]:
    """The names of what offers adb's interface on USB, each once."""
    owners = []
    for name in names_in(usb):
        hit = _INTERFACE.fullmatch(name)
        files = ("bInterfaceClass", "bInterfaceSubClass", "bInterfaceProtocol")
        if hit and tuple((read_text(usb / name / file, 16) or "").lower() for file in files) == ADB_INTERFACE:
            owners.append(hit[1])
    return [_usb_name(usb / owner) for owner in dict.fromkeys(owners)]


def _usb_name(device: Path) -> str:
    parts = [text for file in ("manufacturer", "product") if (text := read_text(device / file, 128))]
    return said(" ".join(parts)) or f"a phone on USB port {device.name}"


def _named(plugged: list[str]) -> str:
    return ", ".join(plugged) or "Android phones"


def _found(one: Listed) -> Found:
    model = _MODEL.search(one.description)
    name = said(model[1].replace("_", " ")) if model else said(one.serial)
    error = unusable(one)
    return Found(f"adb:{one.serial}", name, () if error is None else (_blocked(str(error)),))


def _blocked(message: str) -> Unavailable:
    """A message of ours says what was seen, a colon, and what to do."""
    reason, _, fix = message.partition(": ")
    return Unavailable("device", reason, fix)

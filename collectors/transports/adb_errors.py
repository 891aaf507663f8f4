"""What goes wrong on the way to a phone, each in one line that says what to do.

LinkLost where trying again may help (a cable, a restarted adbd), plain DeviceError where somebody has to act first.
"""

import socket
from collections.abc import Sequence
from typing import Final, NamedTuple

from edgewatt.collectors.transports.link import LinkLost
from edgewatt.profiler.errors import DeviceError

# Without the tick every further connection would ask again.
TAP: Final = "unlock the phone, tick 'Always allow from this computer' and tap Allow in 'Allow USB debugging?'"
NO_DIALOG: Final = (
    "if there is no dialog, tap 'Revoke USB debugging authorisations' in the developer options and connect again"
)
REPLUG: Final = "plug it in again, or `adb reconnect`"
# What is shown of a device's text: enough for a path and a reason.
_SHOWN: Final = 300

# States that end by themselves, as AOSP adb.cpp names them.
SETTLING: Final = frozenset({"authorizing", "connecting"})


class Listed(NamedTuple):
    """One line of `adb devices -l`; the description is what it says of product, model and so on."""

    serial: str
    state: str
    description: str


def said(text: bytes | str) -> str:
    """What a device or server said, fit for one line of a message."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "backslashreplace")
    line = "".join(c if c.isprintable() else " " for c in text.strip().partition("\n")[0])
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 3]}..."


def no_connection(error: Exception, host: str, port: int, timeout_s: float) -> DeviceError:
    """Why there is no connection to an adbd over TCP."""
    at = f"{host}:{port}"
    fix = "switch on wireless debugging on the phone, or `adb tcpip 5555` over USB first"
    if isinstance(error, UnicodeError) or (isinstance(error, socket.gaierror) and error.errno == socket.EAI_NONAME):
        return DeviceError(f"no adbd answers on {at}: no host of this name is known; expected a name or an address")
    if isinstance(error, TimeoutError):
        return LinkLost(
            f"no adbd answers on {at} within {timeout_s:g} s; is it in this network and awake? If so, {fix}"
        )
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return LinkLost(f"no adbd answers on {at}: {reason.lower()}; {fix}")


def no_adbd(at: str, *, wants_tls: bool) -> DeviceError:
    """Something answered that is not an adbd we can talk to."""
    if wants_tls:
        return DeviceError(
            f"{at} is a port of wireless debugging, which is encrypted: `adb pair` and `adb connect {at}`, then name "
            f"the phone adb:{at}; or `adb tcpip 5555` over USB, then its port 5555"
        )
    return DeviceError(f"what answers on {at} is no adbd; expected the port that `adb tcpip` was given, mostly 5555")


def not_allowed(name: str, waited_s: float | None = None) -> DeviceError:
    """The phone does not trust this computer's key."""
    waited = "" if waited_s is None else f" (waited {waited_s:g} s)"
    return DeviceError(f"{name} does not allow this computer yet{waited}: {TAP}, then try again; {NO_DIALOG}")


def choose(serial: str, listed: Sequence[Listed]) -> Listed:
    """The device of this serial, or the only one. Raises LinkLost if it is not there, DeviceError if it is one of many.

    Its state may be any.
    """
    there = ", ".join(f"{one.serial} ({one.state})" for one in listed)
    if serial:
        for one in listed:
            if one.serial == serial:
                return one
        first = f"`adb connect {serial}` first" if ":" in serial else "plug it in and switch on USB debugging"
        raise LinkLost(f"the adb server knows no device {said(serial)!r}: {first}; it knows {there or 'none'}")
    if not listed:
        raise LinkLost(
            "no phone is connected: plug one in and switch on USB debugging in its developer options, or `adb connect` "
            "one over Wi-Fi"
        )
    usable = [one for one in listed if one.state == "device"]
    if len(listed) > 1 and len(usable) != 1:
        raise DeviceError(f"{len(listed)} devices are connected: name one with -d adb:SERIAL; there are {there}")
    return usable[0] if usable else listed[0]


def unusable(one: Listed) -> DeviceError | None:
    """Why a device in this state cannot be used; None if it can."""
    name = f"adb:{one.serial}"
    if one.state == "device":
        return None
    if one.state in {"unauthorized", *SETTLING}:
        return not_allowed(name)
    if one.state == "offline":
        return LinkLost(f"{name} is offline: {REPLUG}")
    if one.state.startswith("no permissions"):
        return DeviceError(
            f"this user may not open {name} ({one.state}): add a udev rule for it (Debian: the package "
            "android-sdk-platform-tools-common, and membership in the group plugdev), then plug it in again"
        )
    return DeviceError(f"{name} is in the state {one.state!r}; expected a phone that runs Android: `adb reboot`")


def refused(name: str, text: bytes | str) -> DeviceError:
    """The adb server said FAIL to a request for a device that it had listed."""
    reason = said(text)
    if "unauthorized" in reason or "authorizing" in reason:
        return not_allowed(name)
    if "insufficient permissions" in reason or "no permissions" in reason:
        return unusable(Listed(name.removeprefix("adb:"), "no permissions", "")) or DeviceError(reason)
    if any(word in reason for word in ("not found", "offline", "no devices", "closed", "connecting")):
        return LinkLost(f"{name} is gone ({reason}): {REPLUG}")
    return DeviceError(f"the adb server refused {name}: {reason or 'no reason given'}")


def not_copied(what: str, text: bytes | str) -> DeviceError:
    """The phone's adbd said FAIL to a push or a pull."""
    reason = said(text)
    fix = ""
    if "No space left" in reason or "Disk quota" in reason:
        fix = "; free some of the phone's storage"
    elif "Permission denied" in reason or "Read-only" in reason:
        fix = "; adb's user may not do that, /data/local/tmp is a place where it may"
    return DeviceError(f"cannot {what}: {reason or 'the phone gave no reason'}{fix}")

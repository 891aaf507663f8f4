"""How the Wi-Fi of a Linux board or host hears: `iw dev NAME link`, else /proc/net/wireless (signal alone).

`iw` prints a line "Connected to MAC (on NAME)" or "Not connected.", then a line per fact with a tab before it: SSID,
freq, RX, TX, signal, rx bitrate, tx bitrate (public recordings; iw's help warns that its output may change). The name
of a network is the rest of the line SSID, chosen by a stranger, with what is not printable escaped by iw.
"""

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from edgewatt.collectors.host.wireless import HIGH_DBM, LOW_DBM, signal_dbm
from edgewatt.profiler.errors import DeviceError
from edgewatt.profiler.protocols import Completed

# An interface's name is up to 15 characters (Linux, IFNAMSIZ); these are what people and udev use.
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}")
_INTERFACE: Final = re.compile(r"[ \t]{0,40}Interface ([A-Za-z0-9_][A-Za-z0-9_.-]{0,14})[ \t\r]{0,40}")
_CONNECTED: Final = re.compile(r"Connected to [0-9a-f:]{17} \(on ([A-Za-z0-9_][A-Za-z0-9_.-]{0,14})\)")
_FACT: Final = re.compile(
    r"[ \t]{1,40}(freq|signal|rx bitrate|tx bitrate): (-?[0-9]{1,6}(?:\.[0-9]{1,6})?)(?: (.{0,200}))?"
)
_LINE_LIMIT: Final = 512
_LINES_LIMIT: Final = 256
LOW_MHZ: Final = 700
HIGH_MHZ: Final = 80_000

# Executes words on the machine itself or over ssh; raises DeviceError if it is gone.
Run = Callable[[str], Completed]


@dataclass(frozen=True, slots=True)
class Wireless:
    """Null where the machine does not tell; all null, with a `reason`, without a connection."""

    interface: str | None = None
    rssi_dbm: float | None = None
    send_bit_s: float | None = None
    receive_bit_s: float | None = None
    frequency_hz: float | None = None
    reason: str | None = None


def wireless_state(run: Run, interface: str | None = None, *, proc: str = "/proc") -> Wireless:
    """Ask about `interface`, else about each that `iw dev` names, the first that is connected.

    Raises DeviceError for a name that no interface has, or if the machine is gone.
    """
    if interface is not None and not _NAME.fullmatch(interface):
        raise DeviceError(f"{interface[:40]!r} is no name of a network interface; expected one like wlan0")
    names = [interface] if interface is not None else interfaces(_said(run("iw dev")))
    reasons = [] if names else ["iw names no wireless interface (it is absent, or there is none)"]
    for name in names:
        found = link_of(_said(run(f"iw dev {shlex.quote(name)} link")))
        if found.rssi_dbm is not None:
            return found
        reasons.append(f"{name}: {found.reason}")
    dbm = signal_dbm(_said(run(f"cat {shlex.quote(proc + '/net/wireless')}")))
    if dbm is not None and interface is None:
        return Wireless(rssi_dbm=dbm)
    return Wireless(reason="; ".join(reasons))


def interfaces(text: str) -> list[str]:
    """The wireless interfaces in what `iw dev` printed."""
    return [found[1] for line in _lines(text) if (found := _INTERFACE.fullmatch(line))]


def link_of(text: str) -> Wireless:
    """What `iw dev NAME link` tells; of any text."""
    told = _lines(text)
    at = next((number for number, line in enumerate(told) if _CONNECTED.match(line)), None)
    if at is None:
        return Wireless(reason="not connected" if "Not connected." in told[:4] else "iw tells nothing of a link")
    facts: dict[str, tuple[float, str]] = {}
    for line in told[at + 1 :]:
        if _CONNECTED.match(line):
            break  # the same network over another link
        if found := _FACT.fullmatch(line):
            facts.setdefault(found[1], (float(found[2]), found[3] or ""))
    dbm, unit = facts.get("signal", (None, ""))
    if dbm is None or not unit.startswith("dBm") or not LOW_DBM <= dbm < HIGH_DBM:
        return Wireless(reason="connected, and iw tells no signal in dBm")
    mhz = facts.get("freq", (0.0, ""))[0]
    name = _CONNECTED.match(told[at])
    return Wireless(
        name[1] if name else None,
        dbm,
        _bit_s(facts.get("tx bitrate")),
        _bit_s(facts.get("rx bitrate")),
        mhz * 1e6 if LOW_MHZ <= mhz <= HIGH_MHZ else None,
    )


def _bit_s(fact: tuple[float, str] | None) -> float | None:
    return fact[0] * 1e6 if fact is not None and fact[0] > 0 and fact[1].startswith("MBit/s") else None


def _said(answer: Completed) -> str:
    return answer.stdout[: 1 << 16].decode(errors="replace") if answer.returncode == 0 else ""


def _lines(text: str) -> list[str]:
    return [line[:_LINE_LIMIT].rstrip() for line in text.split("\n")[:_LINES_LIMIT]]

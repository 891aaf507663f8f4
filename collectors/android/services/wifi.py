"""`cmd wifi status` (Android 11 and later) or the line mWifiInfo of `dumpsys wifi`: how well the radio hears.

Nothing of the text is kept but three numbers; in it are the network's name and addresses. Names are chosen by
strangers: the numbers are taken where they follow the supplicant's state, for which a name (32 bytes) has no room.
"""

import re
from dataclasses import dataclass
from itertools import islice
from typing import Final

from edgewatt.collectors.android.files.nodes import Service, Values
from edgewatt.collectors.android.services.asking import Candidate, Offer, lines
from edgewatt.profiler.channel import Channel
from edgewatt.profiler.units import Quantity

COMMANDS: Final = ("cmd wifi status", "dumpsys wifi | grep mWifiInfo")
# Assumed: Android asks the radio every 3 s while the screen is on, and the signal is a condition, not a result.
PERIOD_S: Final = 10.0
NAME: Final = "wifi"
# WifiInfo: INVALID_RSSI is -127; -1 and 0 stand for a speed or frequency that is not known.
LOW_DBM: Final = -126
HIGH_DBM: Final = 0
LOW_MHZ: Final = 2000
HIGH_MHZ: Final = 80_000
# Further ones are of secondary connections, or of no phone.
LINES: Final = 4

_NUMBERS: Final = r"RSSI: (-?[0-9]{1,4}), Link speed: (-?[0-9]{1,6}) ?(?:Mbps)?"
_STRICT: Final = re.compile(r"Supplicant state: ([A-Z_]{1,32}), (?:Wi-Fi standard: [^,\n]{1,20}, )?" + _NUMBERS)
_LOOSE: Final = re.compile(r"WifiInfo[^\n]{0,1000}?()\b" + _NUMBERS)
_SEND: Final = re.compile(r"[^\"<\n]{0,100}?, Tx Link speed: (-?[0-9]{1,6}) ?Mbps")
_RECEIVE: Final = re.compile(r"[^\"<\n]{0,200}?, Rx Link speed: (-?[0-9]{1,6}) ?Mbps")
_FREQUENCY: Final = re.compile(r"[^\"<\n]{0,500}?\bFrequency: (-?[0-9]{1,6}) ?(?:MHz)?")
_OFF: Final = re.compile(r"^[ \t]{0,40}Wi-?fi is disabled", re.IGNORECASE | re.MULTILINE)
_AWAY: Final = re.compile(r"^[ \t]{0,40}Wi-?fi is not connected", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Radio:
    """What an answer tells, None where it tells nothing."""

    rssi_dbm: float | None = None
    link_bit_s: float | None = None
    frequency_hz: float | None = None


def radio(text: str) -> Radio:
    """The signal, the speed of the link and the frequency; nothing while Wi-Fi is not connected."""
    found = _connected(text)
    if found is None:
        return Radio()
    dbm, mbit_s = int(found[2]), int(found[3])
    if not LOW_DBM <= dbm <= HIGH_DBM:
        return Radio()
    frequency = _FREQUENCY.match(found.string, found.end())
    mhz = int(frequency[1]) if frequency else 0
    return Radio(dbm, mbit_s * 1e6 if mbit_s > 0 else None, mhz * 1e6 if LOW_MHZ <= mhz <= HIGH_MHZ else None)


def speeds(text: str) -> tuple[float | None, float | None]:
    """The speeds of the link for sending and for receiving in bit/s, as Android 10 and later tell them apart."""
    found = _connected(text)
    after = "" if found is None else found.string[found.end() :]
    send, receive = (pattern.match(after) for pattern in (_SEND, _RECEIVE))
    return _bit_s(send), _bit_s(receive)


def offer(command: str, text: str) -> Offer | str:
    """The three numbers, or why there are none; never a word of the answer."""
    if radio(text).rssi_dbm is None:
        return why_none(text)
    source = command.partition(" |")[0]
    channels = (
        Channel(NAME, Quantity.RSSI, source=source, resolution=1.0),
        Channel(f"{NAME}_link_bit_per_s", Quantity.COUNT, source=source),
        Channel(NAME, Quantity.FREQUENCY, source=source),
    )

    def parse(answer: str) -> Values:
        now = radio(answer)
        return [now.rssi_dbm, now.link_bit_s, now.frequency_hz]

    return Offer(Service(command, channels, parse, PERIOD_S, "wifi"))


WIFI: Final = Candidate("wifi.rssi_dbm", COMMANDS, offer)


def _connected(text: str) -> re.Match[str] | None:
    """Where the numbers of the connection begin; None while there is none."""
    told = list(islice((line for line in lines(text) if "WifiInfo" in line), LINES))
    found = next((f for pattern in (_STRICT, _LOOSE) for line in told if (f := pattern.search(line))), None)
    return found if found is not None and found[1] in ("COMPLETED", "") else None


def _bit_s(found: re.Match[str] | None) -> float | None:
    return int(found[1]) * 1e6 if found and int(found[1]) > 0 else None


def why_none(text: str) -> str:
    """Why an answer has no signal; never a word of it."""
    if _OFF.search(text):
        return "Wi-Fi is off"
    if _AWAY.search(text) or "WifiInfo" in text:
        return "Wi-Fi is not connected"
    return "its answer has no WifiInfo (what it says instead is not shown: it may name a network)"

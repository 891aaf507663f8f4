"""The history of a battery as `dumpsys batterystats` prints it: with `-c` (checkin), or with `--history` (text).

Confirmed in AOSP's BatteryStats (Android 4.4 to 14, history printer) and in public recordings of Android 5 to 16:
`9,h,DELTA_MS` is followed by `:RESET:TIME:UTC_MS`, `:TIME:UTC_MS`, `:START`, `:SHUTDOWN`, `:*OVERFLOW*`, or by what
changed: Bl= level in %, Bp= plug (n, a, u, w, or the number), Bv= millivolt, Bcc= charge in mAh, +S and -S the screen.
The text counts its time from the first line (`+1h2m3s004ms`), and its clock is the phone's local time. After START and
RESET everything that is set is printed anew. The flag `plugged` (BP) was recorded set on a phone on battery (Android
14): it is not read. A pool of names (`9,hsp`) comes before all history, and names are chosen by strangers.
"""

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from edgewatt.collectors.android.services.asking import lines

Kind = Literal["state", "time", "start", "shutdown", "overflow"]

# A history of 4 MiB (Android's largest, by a recording) prints some 100,000 lines.
MOMENTS_LIMIT: Final = 1_000_000
# Ten years in one line: the phone's clock is broken, or the line is.
LONGEST_MS: Final = 10 * 366 * 86_400_000
_HOUR_MS: Final = 3_600_000

_CHECKIN: Final = re.compile(r"[0-9]{1,3},h,([0-9]{1,15})(.*)")
_POOL: Final = re.compile(r"[0-9]{1,3},hsp,")
_TEXT: Final = re.compile(r"([+-]?[0-9]{1,6}[0-9dhms]{0,40})[ \t]+(?:\([0-9]{1,9}\)[ \t]+)?([^ \t].*)")
_OFFSET: Final = re.compile(
    r"([+-]?)(?:([0-9]{1,5})d)?(?:([0-9]{1,6})h)?(?:([0-9]{1,6})m)?(?:([0-9]{1,9})s)?(?:([0-9]{1,9})ms)?"
)
_UTC_MS: Final = re.compile(r"(RESET:)?TIME:([0-9]{1,15})")
_LOCAL: Final = re.compile(r"(RESET:)?TIME: ([0-9]{4})-([0-9]{2})-([0-9]{2})-([0-9]{2})-([0-9]{2})-([0-9]{2})")
_DATED: Final = re.compile(r"[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3} ")
_QUOTED: Final = re.compile(r'"[^"]{0,4096}"')
_LEVEL: Final = re.compile(r"([0-9]{3})(?: [0-9a-f]{8})?(?: |$)")

_COMMANDS: Final[dict[str, Kind]] = {"START": "start", "SHUTDOWN": "shutdown", "*OVERFLOW*": "overflow"}
# BatteryManager.BATTERY_PLUGGED_*: 8 is a dock (API 33); "" is none.
_PLUGS: Final = {
    **dict.fromkeys(("n", "none", "0"), ""),
    **dict.fromkeys(("a", "ac", "1"), "ac"),
    **dict.fromkeys(("u", "usb", "2"), "usb"),
    **dict.fromkeys(("w", "wireless", "4"), "wireless"),
    "8": "dock",
}
UNKNOWN_PLUG: Final = "unknown"


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of the history. What did not change is None; `plug` is "" on battery.

    `ms` counts from the first line, also over restarts. `clock_ms`: of "time", and of a reset, which is a start with a
    time; `is_local` where that is the phone's local time as if it were UTC.
    """

    ms: int
    kind: Kind = "state"
    clock_ms: int | None = None
    is_local: bool = False
    level: int | None = None
    plug: str | None = None
    millivolt: int | None = None
    charge_mah: int | None = None
    is_screen_on: bool | None = None


def moments(text: str) -> tuple[list[Moment], str | None]:
    """The history in order, and why it is not whole; of any text, and then perhaps empty with a reason."""
    found: list[Moment] = []
    at_ms, is_checkin, dated = 0, False, False
    for line in lines(text):
        if _POOL.match(line):
            found.clear()  # what a name may have put before the history
            at_ms, is_checkin = 0, True
        elif one := _CHECKIN.fullmatch(line):
            at_ms, is_checkin = at_ms + int(one[1]), True
            found += _checkin(at_ms, one[2])
        elif not is_checkin and (one := _TEXT.fullmatch(line)):
            found += _text(one[1], one[2])
        dated = dated or _DATED.match(line) is not None
        if at_ms > LONGEST_MS:
            return found, "a line of it lasts for years"
        if len(found) >= MOMENTS_LIMIT:
            return found, f"it has more than {MOMENTS_LIMIT} lines"
    if found:
        return found, None
    return found, _why_none(dated=dated)


def _why_none(*, dated: bool) -> str:
    if dated:
        return "its history has dates without a year, as newer Androids print it; ask with -c"
    return "there is no battery history in it"


def _checkin(ms: int, rest: str) -> Iterator[Moment]:
    if rest.startswith(":"):
        yield from _command(ms, rest[1:])
    elif not rest or rest.startswith(","):
        words = rest[1:].split(",")
        said = dict(word.partition("=")[::2] for word in words)
        yield Moment(
            ms,
            level=_level(said.get("Bl")),
            plug=_plug(said.get("Bp")),
            millivolt=_whole(said.get("Bv")),
            charge_mah=_whole(said.get("Bcc")),
            is_screen_on=_switched(words, "S"),
        )


def _text(offset: str, rest: str) -> Iterator[Moment]:
    ms = _offset_ms(offset)
    if ms is None:
        return
    if level := _LEVEL.match(rest):
        words = _QUOTED.sub("", rest[level.end() :]).split()
        said = dict(word.partition("=")[::2] for word in reversed(words))
        yield Moment(
            ms,
            level=_level(level[1]),
            plug=_plug(said.get("plug")),
            millivolt=_whole(said.get("volt")),
            charge_mah=_whole(said.get("charge")),
            is_screen_on=_switched(words, "screen"),
        )
    else:
        yield from _command(ms, rest)


def _command(ms: int, said: str) -> Iterator[Moment]:
    if said in _COMMANDS:
        yield Moment(ms, _COMMANDS[said])
        return
    if utc := _UTC_MS.fullmatch(said):
        is_reset, clock_ms, is_local = utc[1] is not None, int(utc[2]), False
    elif local := _LOCAL.fullmatch(said):
        year, month, day, hour, minute, second = (int(word) for word in local.groups()[1:])
        if not (1970 <= year <= 9999 and 1 <= month <= 12 and 1 <= day <= 31):
            return
        seconds = calendar.timegm((year, month, day, hour, minute, second))
        is_reset, clock_ms, is_local = local[1] is not None, 1000 * seconds, True
    else:
        return
    if is_reset:
        yield Moment(ms, "start")
    yield Moment(ms, "time", clock_ms, is_local)


def _offset_ms(text: str) -> int | None:
    if text == "0":
        return 0
    found = _OFFSET.fullmatch(text)
    if found is None or not any(found.groups()[1:]):
        return None
    days, hours, minutes, seconds, ms = (int(word or 0) for word in found.groups()[1:])
    whole = (24 * days + hours) * _HOUR_MS + 60_000 * minutes + 1000 * seconds + ms
    return -whole if found[1] == "-" else whole


def _plug(text: str | None) -> str | None:
    return None if text is None else _PLUGS.get(text, UNKNOWN_PLUG)


def _level(text: str | None) -> int | None:
    value = _whole(text)
    return value if value is not None and value <= 100 else None


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 10 else None


def _switched(words: list[str], name: str) -> bool | None:
    """The last that a line says of a switch."""
    last = next((word for word in reversed(words) if word in (f"+{name}", f"-{name}")), None)
    return None if last is None else last[0] == "+"

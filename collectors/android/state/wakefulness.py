"""Whether a phone is awake: what `dumpsys power` says of its screen, its wake locks and its uptime.

Text of AOSP's PowerManagerService.dumpInternal. Times are written by TimeUtils.formatUptime as `T (N ms ago)`, both of
SystemClock.uptimeMillis, which is CLOCK_MONOTONIC: T + N is that clock when the text was made. Fields whose name ends
in Realtime are of the other clock and left out.
"""

import re
from dataclasses import dataclass
from typing import Any, Final, Literal

Screen = Literal["on", "off", "doze"]

# The lines that `parse_power` reads, for grep -E on the phone: the whole text has 30 to 150 kB. No blanks.
LINES: Final = "mWakefulness=|Display.Power|mStayOn=|mIsPowered=|LowPowerModeEnabled=|mLast.*ms.ago|PARTIAL_WAKE_LOCK"
POWER_SH: Final = f"$within dumpsys power | keep '{LINES}'"

_FIELD: Final = re.compile(r"\s*(mWakefulness|mStayOn|mIsPowered|mLowPowerModeEnabled)=(\w+)")
_DISPLAY: Final = re.compile(r"\s*Display Power: state=(\w+)")
_UPTIME: Final = re.compile(r"\s*mLast(?!\w*Realtime)\w+=([0-9]{1,15}) \(([0-9]{1,15}) ms ago\)")
_LOCK: Final = re.compile(r"\s*PARTIAL_WAKE_LOCK\s")
_WAKEFUL: Final[dict[str, Screen]] = {"Awake": "on", "Dreaming": "on", "Dozing": "doze", "Asleep": "off"}
_STATES: Final[dict[str, Screen]] = {
    "ON": "on",
    "VR": "on",
    "OFF": "off",
    "DOZE": "doze",
    "DOZE_SUSPEND": "doze",
    "ON_SUSPEND": "doze",
}


@dataclass(frozen=True, slots=True)
class Power:
    """What the service said; None where it did not.

    `screen` "doze" is an always-on display. `stays_on` is true while the screen is kept on by being plugged in,
    `wake_locks` the number of partial wake locks that are held, `uptime_s` CLOCK_MONOTONIC.
    """

    screen: Screen | None = None
    awake: bool | None = None
    stays_on: bool | None = None
    powered: bool | None = None
    saver: bool | None = None
    wake_locks: int | None = None
    uptime_s: float | None = None


def parse_power(text: str) -> Power:
    """What any text says of a phone's power. The first value of a field counts; uptime is the latest of all."""
    fields: dict[str, str] = {}
    display: str | None = None
    uptimes_ms, locks = [], 0
    for line in text.splitlines():
        if hit := _FIELD.match(line):
            fields.setdefault(hit[1], hit[2])
        elif hit := _UPTIME.match(line):
            uptimes_ms.append(int(hit[1]) + int(hit[2]))
        elif (hit := _DISPLAY.match(line)) and display is None:
            display = hit[1]
        elif _LOCK.match(line):
            locks += "DISABLED" not in line
    wakefulness = fields.get("mWakefulness")
    return Power(
        screen=_STATES.get(display or "") or _WAKEFUL.get(wakefulness or ""),
        awake=None if wakefulness not in _WAKEFUL else wakefulness == "Awake",
        stays_on=_truth(fields.get("mStayOn")),
        powered=_truth(fields.get("mIsPowered")),
        saver=_truth(fields.get("mLowPowerModeEnabled")),
        wake_locks=locks if fields else None,
        uptime_s=max(uptimes_ms) / 1000 if uptimes_ms else None,
    )


def _truth(word: Any) -> bool | None:
    return {"true": True, "false": False}.get(word)

"""What keeps a phone from being measured well, for `doctor`: one line each, with the command that helps."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from edgewatt.collectors.android.files import battery, odpm
from edgewatt.collectors.android.files.nodes import Seen
from edgewatt.collectors.android.phone import Phone
from edgewatt.collectors.android.sampler.survey import DENIED, survey
from edgewatt.profiler.channel import Unavailable

# A runner of 10 MB, its delegates, a model of 100 MB and the logs; assumed.
LOW_SPACE_B: Final = 200 << 20
# PowerManager.THERMAL_STATUS_*.
_THROTTLING: Final = ("none", "light", "moderate", "severe", "critical", "emergency", "shutdown")
_RAILS: Final = tuple(pattern for pattern in odpm.CANDIDATES if pattern.endswith("energy_value"))
_CURRENT: Final = tuple(pattern for pattern in battery.CANDIDATES if pattern.endswith("current_now"))

_TOYBOX: Final = "push a toybox that has one"


def blocked(phone: Phone, facts: Mapping[str, Any]) -> list[Unavailable]:
    """What is in the way, by the phone's own `facts` (facts.py) and a look at its gauge and rails.

    Raises DeviceError if the phone does not answer.
    """
    seen = survey(phone, (*_RAILS, *_CURRENT))
    return [*_power(phone, facts), *_denied(phone, seen), *_state(phone, facts), *_tools(facts)]


def adb(phone: Phone, command: str) -> str:
    """A command for the user's own terminal."""
    serial = phone.uri.partition(":")[2].lstrip("/").partition("?")[0]
    return f"adb -s {shlex.quote(serial)} {command}" if serial else f"adb {command}"


def _power(phone: Phone, facts: Mapping[str, Any]) -> Iterator[Unavailable]:
    """What feeds it, and what keeps it awake."""
    if facts.get("battery_faked"):
        reason = "the battery's state was set by hand (UPDATES STOPPED), so nothing it says is true"
        yield Unavailable("battery state", reason, adb(phone, "shell dumpsys battery reset"))
    if facts.get("charging"):
        yield Unavailable(
            "energy from the battery",
            f"it charges ({facts.get('charging_basis')}), so its gauge shows what the charger leaves over",
            f"{adb(phone, 'tcpip 5555')}, take the cable out, adb connect PHONE:5555 (docs/phones.md)",
        )
    if facts.get("root") is False:
        unplugged = facts.get("power_supply") == "battery"
        yield Unavailable(
            "wakelock" if unplugged else "wakelock with the screen off",
            "adb's shell is not root"
            + (
                ", and it is not plugged in: with its screen off it suspends in the middle of a run"
                if unplugged
                else ""
            ),
            f"{adb(phone, 'root')}, which userdebug builds allow; else measure with screen=on"
            + ("" if unplugged else ", which wakelock=on sees to while it is plugged in"),
        )


def _denied(phone: Phone, seen: Mapping[str, Seen]) -> Iterator[Unavailable]:
    """Sensors that are there and may not be read, one line for all of a kind."""
    for what, ending, instead in (
        ("power rails", "/energy_value", "dumpsys IPowerStats, which needs no root, is asked instead"),
        ("battery gauge", "/current_now", "dumpsys battery is asked instead, which on most phones tells no current"),
    ):
        files = [one for path, one in seen.items() if path.endswith(ending) and "*" not in path]
        denied = [one.path for one in files if one.reason == DENIED]
        if denied and all(one.text is None for one in files):
            more = f" and {len(denied) - 1} more" if len(denied) > 1 else ""
            yield Unavailable(what, f"{denied[0]}{more}: {DENIED}", f"{adb(phone, 'root')}; without it {instead}")


def _state(phone: Phone, facts: Mapping[str, Any]) -> Iterator[Unavailable]:
    """What the phone is at that costs energy or speed, and what it has no room for."""
    if facts.get("screen") == "on":
        fix = "shell input keyevent 223" if facts.get("root") else "shell settings put system screen_brightness 1"
        mode = "" if facts.get("root") else f"{adb(phone, 'shell settings put system screen_brightness_mode 0')}; "
        yield Unavailable("energy of the model alone", "the screen is on and in every number", mode + adb(phone, fix))
    status = facts.get("thermal_status")
    if isinstance(status, int) and 0 < status < len(_THROTTLING):
        reason = f"it throttles ({_THROTTLING[status]}, thermal status {status})"
        yield Unavailable("full speed", reason, "let it cool: out of its case and the sun, off its charger")
    elif capped := _capped(facts):
        yield Unavailable("full speed", capped, "let it cool, and end power saving modes and game modes")
    if facts.get("battery_saver"):
        yield Unavailable("full speed", "battery saver is on", adb(phone, "shell settings put global low_power 0"))
    free_b = facts.get("free_space_b")
    if isinstance(free_b, int) and free_b < LOW_SPACE_B:
        yield Unavailable(
            "room for models",
            f"{phone.tmp} has {free_b >> 20} MB left, less than {LOW_SPACE_B >> 20}",
            f"remove what is not needed there: {adb(phone, f'shell ls -la {shlex.quote(phone.tmp)}')}",
        )


def _capped(facts: Mapping[str, Any]) -> str:
    now, top = (_numbers(facts.get(key)) for key in ("frequency_max_hz", "frequency_highest_hz"))
    if len(now) != len(top):
        return ""
    lower = [f"{a / 1e9:.2f} of {b / 1e9:.2f} GHz" for a, b in zip(now, top, strict=True) if a < b]
    return f"clusters are capped: {', '.join(lower)}" if lower else ""


def _numbers(value: Any) -> Sequence[float]:
    return [float(v) for v in value if v is not None] if isinstance(value, list) else []


def _tools(facts: Mapping[str, Any]) -> Iterator[Unavailable]:
    """What its shell lacks."""
    if facts.get("has_epochrealtime") is False:
        yield Unavailable("times below 10 ms", "its shell has no EPOCHREALTIME, so samples are stamped by /proc/uptime")
    tools = facts.get("tools") or {}
    if tools.get("taskset") is False:
        yield Unavailable("pinning to processors", "it has no taskset", _TOYBOX)
    if tools.get("timeout") is False:
        yield Unavailable(
            "limits on hanging services", "it has no timeout, so that one may hold up a look at it", _TOYBOX
        )

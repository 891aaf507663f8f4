"""The screen: on, off, and how bright.

`input keyevent` 224 is KEYCODE_WAKEUP and 223 KEYCODE_SLEEP (android.view.KeyEvent); neither toggles. A screen that is
to stay on gets the longest timeout that phones offer, 30 min (android-runner's notes; assumed for those not seen).
"""

import re
from typing import Final

from edgewatt.collectors.android.conditions.change import (
    OFF,
    ON,
    SET_TIMEOUT_S,
    Change,
    on_or_off,
    put_setting,
    settings,
)
from edgewatt.collectors.android.phone import Phone
from edgewatt.collectors.android.state.sections import ask
from edgewatt.collectors.android.state.wakefulness import POWER_SH, Power, parse_power
from edgewatt.profiler.errors import DeviceError, UsageError

WAKE_SH: Final = "input keyevent 224"
SLEEP_SH: Final = "input keyevent 223"
TIMEOUT_MS: Final = 1_800_000
BRIGHTEST: Final = 255  # Settings.System.SCREEN_BRIGHTNESS

_TIMEOUT: Final = ("system", "screen_off_timeout")
_BRIGHTNESS: Final = ("system", "screen_brightness")
_MODE: Final = ("system", "screen_brightness_mode")
_MANUAL: Final = "0"
_UNKNOWN: Final = "unknown"


def power_of(phone: Phone) -> Power:
    """What the phone says of being awake. Raises DeviceError if it does not answer."""
    return parse_power(ask(phone, {"power": POWER_SH})["power"])


def plan_screen(phone: Phone, value: str) -> Change:
    """`screen=on|off`. Raises UsageError for another value, DeviceError if the phone does not tell its state."""
    wanted = on_or_off("screen", value)
    now = _screen(phone)
    if now == _UNKNOWN:
        raise DeviceError(
            f"{phone.uri}: cannot set screen={value}: `dumpsys power` names neither mWakefulness nor Display Power, so "
            "that nothing could verify it"
        )
    back = WAKE_SH if now == ON else SLEEP_SH
    if wanted == OFF:
        hint = (
            "An always-on display counts as on: `adb shell settings put secure doze_always_on 0` ends it; a phone that "
            "stays awake while charging goes dark after `adb shell svc power stayon false`"
        )
        return Change(now, OFF, _screen, SLEEP_SH, back, hint, goes_dark=True)
    (timeout,) = settings(phone, _TIMEOUT)
    longest = f"{ON}, {TIMEOUT_MS} ms"
    return Change(
        before=f"{now}, {timeout} ms",
        wanted=longest,
        look=_screen_and_timeout,
        put=f"{put_setting(*_TIMEOUT, str(TIMEOUT_MS))}; {WAKE_SH}",
        put_back=f"{put_setting(*_TIMEOUT, timeout)}; {back}",
        hint="Unlock the phone: a lock screen goes dark by itself after some seconds",
    )


def plan_brightness(phone: Phone, value: str) -> Change:
    """`brightness=0..255`, no longer automatic. Raises UsageError for another value, DeviceError."""
    if not re.fullmatch(r"[0-9]{1,3}", value) or int(value) > BRIGHTEST:
        raise UsageError(f"brightness={value!r}: expected a whole number from 0 to {BRIGHTEST}")
    mode, level = settings(phone, _MODE, _BRIGHTNESS)
    return Change(
        before=_as_brightness(mode, level),
        wanted=_as_brightness(_MANUAL, str(int(value))),
        look=lambda p: _as_brightness(*settings(p, _MODE, _BRIGHTNESS)),
        put=f"{put_setting(*_MODE, _MANUAL)}; {put_setting(*_BRIGHTNESS, str(int(value)))}",
        put_back=f"{put_setting(*_BRIGHTNESS, level)}; {put_setting(*_MODE, mode)}",
        hint="Some makers allow it only after `Settings > Developer options > Disable permission monitoring`",
        settle_s=SET_TIMEOUT_S / 4,
    )


def _screen(phone: Phone) -> str:
    return power_of(phone).screen or _UNKNOWN


def _screen_and_timeout(phone: Phone) -> str:
    return f"{_screen(phone)}, {settings(phone, _TIMEOUT)[0]} ms"


def _as_brightness(mode: str, level: str) -> str:
    return f"{'manual' if mode == _MANUAL else f'mode {mode}'} {level}"

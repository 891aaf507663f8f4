"""Which radios are on.

`airplane_mode_on` is 0 or 1; `wifi_on` and `bluetooth_on` are 0 off, 1 on, 2 on in spite of airplane mode, `wifi_on` 3
off because of it (AOSP WifiSettingsStore, BluetoothManagerService). Wi-Fi says better itself from Android 11 on. Names
and addresses of networks and devices never leave the phone.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

# What to ask (sections.py); the keys are ours.
QUESTIONS: Final = {
    "airplane_mode_on": "$within settings get global airplane_mode_on",
    "wifi_on": "$within settings get global wifi_on",
    "wifi_status": "$within cmd wifi status | keep '^ *Wi-?[Ff]i is (en|dis)abled'",
    "bluetooth_on": "b=$($within settings get global bluetooth_on); case $b in [0-9]) echo $b;; "
    "*) $within dumpsys bluetooth_manager | keep '^ *enabled: (true|false)';; esac",
}

_STATES: Final = {"0": False, "1": True, "2": True, "3": False}
_STATUS: Final = re.compile(r" *Wi-?fi is (en|dis)abled", re.IGNORECASE)
_ENABLED: Final = re.compile(r" *enabled: (true|false)")


@dataclass(frozen=True, slots=True)
class Switches:
    """True for on, False for off, None where the phone does not say."""

    airplane: bool | None = None
    wifi: bool | None = None
    bluetooth: bool | None = None


def parse_switches(answers: Mapping[str, str]) -> Switches:
    """The switches behind the answers to QUESTIONS; takes any text. An airplane mode that was never set is off."""
    airplane = answers.get("airplane_mode_on", "").strip()
    status = _STATUS.match(answers.get("wifi_status", ""))
    bluetooth = answers.get("bluetooth_on", "").strip()
    enabled = _ENABLED.match(bluetooth)
    return Switches(
        airplane=False if airplane == "null" else _STATES.get(airplane),
        wifi=_STATES.get(answers.get("wifi_on", "").strip()) if status is None else status[1].lower() == "en",
        bluetooth=_STATES.get(bluetooth) if enabled is None else enabled[1] == "true",
    )

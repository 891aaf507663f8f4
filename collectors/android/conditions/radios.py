"""The radios: airplane mode with Wi-Fi kept as it is, Wi-Fi, Bluetooth.

What airplane mode turns off stands in `airplane_mode_radios` (Settings.Global; AOSP WifiSettingsStore looks for "wifi"
in it). Without "wifi" there, and with Wi-Fi switched on again after, adb over Wi-Fi survives.
"""

from typing import Final

from edgewatt.collectors.android.conditions.change import OFF, ON, Change, Look, on_or_off, put_setting, settings
from edgewatt.collectors.android.phone import Phone
from edgewatt.collectors.android.state.sections import ask
from edgewatt.collectors.android.state.switches import QUESTIONS, Switches, parse_switches
from edgewatt.profiler.errors import DeviceError

# Turning on a radio and joining a network takes some seconds.
RADIO_S: Final = 15.0

_RADIOS: Final = ("global", "airplane_mode_radios")
_WITHOUT_WIFI: Final = "cell,bluetooth,nfc,wimax"
_WORDS: Final = {True: ON, False: OFF}
_VERBS: Final = {ON: "enable", OFF: "disable"}

# What goes on although the connection that started it is cut by it.
_GO_ON: Final = "trap '' HUP"
# Over the network nothing is switched that would take Wi-Fi along.
_STOP: Final = (
    "case $(settings get global airplane_mode_radios) in *wifi*) echo airplane mode would turn off Wi-Fi >&2; exit 3;; "
    "esac; "
)


def is_wireless(phone: Phone) -> bool:
    """Whether adb reaches the phone over a network, which its radios could cut: by address, or by mDNS name."""
    scheme, _, rest = phone.uri.partition(":")
    host, colon, port = rest.partition("?")[0].rpartition(":")
    return scheme != "adb" or "_adb-tls-connect" in rest or (bool(host and colon) and port.isdecimal())


def switches_of(phone: Phone) -> Switches:
    """Which radios are on. Raises DeviceError if the phone does not answer."""
    return parse_switches(ask(phone, QUESTIONS))


def plan_airplane(phone: Phone, value: str) -> Change:
    """`airplane=on|off`, Wi-Fi left as it is. Raises UsageError for another value, DeviceError."""
    wanted = on_or_off("airplane", value)
    now = switches_of(phone)
    before = _known(phone, f"airplane={value}", now.airplane)
    (radios,) = settings(phone, _RADIOS)
    wifi = _word(now.wifi)
    keep_wifi = f"svc wifi {_VERBS[wifi]}" if wifi in _VERBS else ":"
    spare_wifi = f"{put_setting(*_RADIOS, _WITHOUT_WIFI)}; {_STOP if is_wireless(phone) else ''}"
    switch = "cmd connectivity airplane-mode"
    return Change(
        before=f"airplane {before}, wifi {wifi}",
        wanted=f"airplane {wanted}, wifi {wifi}",
        look=_airplane_and_wifi,
        put=f"{_GO_ON}; {spare_wifi}{switch} {_VERBS[wanted]}; {keep_wifi}",
        put_back=f"{_GO_ON}; {switch} {_VERBS[before]}; {put_setting(*_RADIOS, radios)}; {keep_wifi}",
        hint="A shell may set it from Android 11 on; on an older phone set it by hand before the run",
        settle_s=RADIO_S,
    )


def plan_wifi(phone: Phone, value: str) -> Change:
    """`wifi=on|off`. Raises UsageError for another value; DeviceError where it would cut adb's own connection."""
    wanted = on_or_off("wifi", value)
    if wanted == OFF and is_wireless(phone):
        raise DeviceError(
            f"{phone.uri}: cannot set wifi=off: adb itself reaches the phone over the network, and would lose it. Use "
            "a cable (-d adb:SERIAL), or leave Wi-Fi on"
        )
    return _service("wifi", wanted, _known(phone, f"wifi={value}", switches_of(phone).wifi), _wifi)


def plan_bluetooth(phone: Phone, value: str) -> Change:
    """`bluetooth=on|off`. Raises UsageError for another value, DeviceError."""
    wanted = on_or_off("bluetooth", value)
    return _service("bluetooth", wanted, _known(phone, f"bluetooth={value}", switches_of(phone).bluetooth), _bluetooth)


def _known(phone: Phone, asked: str, state: bool | None) -> str:  # noqa: FBT001  (a state, not a switch of ours)
    if state is None:
        raise DeviceError(
            f"{phone.uri}: cannot set {asked}: the phone does not say whether it is on now, so that nothing could "
            "verify it or put it back; set it by hand before the run"
        )
    return _WORDS[state]


def _service(name: str, wanted: str, before: str, look: Look) -> Change:
    return Change(
        before=before,
        wanted=wanted,
        look=look,
        put=f"svc {name} {_VERBS[wanted]}",
        put_back=f"svc {name} {_VERBS[before]}",
        hint=f"`adb shell svc {name} {_VERBS[wanted]}` says why; some makers ask on the screen",
        settle_s=RADIO_S,
    )


def _airplane_and_wifi(phone: Phone) -> str:
    now = switches_of(phone)
    return f"airplane {_word(now.airplane)}, wifi {_word(now.wifi)}"


def _wifi(phone: Phone) -> str:
    return _word(switches_of(phone).wifi)


def _bluetooth(phone: Phone) -> str:
    return _word(switches_of(phone).bluetooth)


def _word(state: bool | None) -> str:  # noqa: FBT001  (a state, not a switch of ours)
    return "unknown" if state is None else _WORDS[state]

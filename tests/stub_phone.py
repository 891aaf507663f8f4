"""A phone's own programs as small scripts that keep their state in files: settings, svc, input, dumpsys, cmd.

They are what an Android shell offers, for tests of what is said to it; nothing of ours is replaced.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from edgewatt.collectors.android.phone import Phone
from tests.shell_phone import ShellPhone
from tests.trees import write

# Every script finds its state in $STATE, and is told there what not to do ("deaf": it answers and changes nothing).
PROGRAMS = {
    "getprop": 'cat "$STATE/prop/$1" 2>/dev/null || echo',
    "getenforce": "echo Enforcing",
    "id": 'cat "$STATE/uid"',
    "settings": """\
[ -e "$STATE/deaf/settings" ] && [ "$1" != get ] && exit 0
at="$STATE/settings/$2/$3"
case $1 in
  get) cat "$at" 2>/dev/null || echo null ;;
  put) mkdir -p "$STATE/settings/$2"; echo "$4" >"$at" ;;
  delete) rm -f "$at"; echo "Deleted 1 rows" ;;
esac""",
    "input": """\
[ -e "$STATE/deaf/input" ] && exit 0
case "$1 $2" in
  "keyevent 224") echo Awake >"$STATE/wakefulness" ;;
  "keyevent 223") cat "$STATE/asleep" 2>/dev/null >"$STATE/wakefulness" || echo Asleep >"$STATE/wakefulness" ;;
esac""",
    "svc": """\
[ -e "$STATE/deaf/svc" ] && { echo "svc: not today" >&2; exit 1; }
case "$1 $2 $3" in
  "power stayon true") settings put global stay_on_while_plugged_in 15 ;;
  "wifi enable ") settings put global wifi_on 1 ;;
  "wifi disable ") settings put global wifi_on 0 ;;
  "bluetooth enable ") settings put global bluetooth_on 1 ;;
  "bluetooth disable ") settings put global bluetooth_on 0 ;;
esac""",
    "cmd": """\
case "$*" in
  "connectivity airplane-mode "*)
    [ -e "$STATE/deaf/airplane" ] && { echo "cmd: Can't find service: connectivity" >&2; exit 20; }
    [ "$3" = enable ] && on=1 || on=0
    settings put global airplane_mode_on $on
    radios=$(settings get global airplane_mode_radios)
    case $radios in null | *wifi*) settings put global wifi_on $((1 - on)) ;; esac ;;
  "battery suspend_input") [ -e "$STATE/deaf/battery" ] && { echo "Unknown command: $2"; exit 255; }
    current=$(cat "$STATE/current"); gauge=$(cat "$STATE/gauge")
    echo $((0 - current)) >"$gauge/current_now"; echo Discharging >"$gauge/status" ;;
  "battery reset") gauge=$(cat "$STATE/gauge"); cat "$STATE/current" >"$gauge/current_now"
    echo Charging >"$gauge/status" ;;
esac""",
    "dumpsys": """\
case $1 in
  power)
    awake=$(cat "$STATE/wakefulness") plugged=$(cat "$STATE/plugged")
    stay=$(settings get global stay_on_while_plugged_in)
    [ "$plugged" = 1 ] && [ "$stay" != null ] && [ "$stay" != 0 ] && staying=true || staying=false
    [ "$plugged" = 1 ] && powered=true || powered=false
    case $awake in Awake) display=ON ;; Dozing) display=DOZE ;; *) display=OFF ;; esac
    echo "  mWakefulness=$awake"
    echo "  mIsPowered=$powered"
    echo "  mStayOn=$staying"
    echo "  mLastWakeTime=1000 (4000 ms ago)"
    echo "Display Power: state=$display" ;;
  *) cat "$STATE/dumpsys/$1" 2>/dev/null || echo "Can't find service: $1" >&2 ;;
esac""",
}
DEFAULTS: Mapping[str, str] = {
    "uid": "2000",
    "wakefulness": "Awake",
    "plugged": "0",
    "settings/system/screen_off_timeout": "30000",
    "settings/system/screen_brightness": "77",
    "settings/system/screen_brightness_mode": "1",
    "settings/global/airplane_mode_on": "0",
    "settings/global/airplane_mode_radios": "cell,bluetooth,wifi,nfc,wimax",
    "settings/global/stay_on_while_plugged_in": "0",
    "settings/global/wifi_on": "1",
    "settings/global/bluetooth_on": "1",
}


class StubPhone:
    """The phone, its sysfs at `sysfs`, and its programs' state by name."""

    def __init__(self, folder: Path) -> None:
        self.sysfs, self._state = folder / "sys", folder / "state"
        tmp = folder / "tmp"
        for each in (tmp, self.sysfs):
            each.mkdir(parents=True)
        for name, script in PROGRAMS.items():
            write(folder / "bin" / name, f"#!/bin/sh\n{script}").chmod(0o755)
        for name, text in DEFAULTS.items():
            self.set(name, text)
        self.shell = ShellPhone(tmp)
        self.shell.env |= {"PATH": f"{folder / 'bin'}:{self.shell.env['PATH']}", "STATE": str(self._state)}
        self.phone = self.named("adb:R58M12ABCDE")

    def named(self, uri: str) -> Phone:
        """The phone as it is reached by another way."""
        return Phone(uri, self.shell.connect, sysfs=str(self.sysfs), tmp=str(self.shell.tmp))

    @staticmethod
    def anywhere() -> Phone:
        """One that is never reached."""
        return Phone("adb:nowhere", lambda: ShellPhone(Path()).connect())

    def set(self, name: str, text: str) -> None:
        write(self._state / name, text)

    def get(self, name: str) -> str | None:
        path = self._state / name
        return path.read_text().strip() if path.exists() else None

    def states(self) -> dict[str, str]:
        """All that its programs keep, to see that nothing is left changed."""
        found = {str(p.relative_to(self._state)): p.read_text().strip() for p in self._state.rglob("*") if p.is_file()}
        return {name: text for name, text in found.items() if not name.startswith("deaf/")}

    def deafen(self, program: str) -> None:
        self.set(f"deaf/{program}", "")

    def node(self, path: str, text: str | int) -> Path:
        """A file of its sysfs."""
        return write(self.sysfs / path, text)

    def close(self) -> None:
        self.phone.guard.close()
        self.phone.hang_up()
        self.shell.end()


@contextmanager
def stub_phone(folder: Path) -> Iterator[StubPhone]:
    """A phone that is asked without pauses, and given up after some looks."""
    stub = StubPhone(folder)
    looks = count()
    stub.phone.sleep, stub.phone.monotonic_s = (lambda _: time.sleep(0.001)), (lambda: 4.0 * next(looks))
    try:
        yield stub
    finally:
        stub.phone.monotonic_s = time.monotonic
        stub.close()

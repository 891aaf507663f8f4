"""Conditions of a phone: set, verified by reading back, and put back on every way out.

What there was is looked up first, and how to put it back is noted on the phone itself (guarding/guard.py) before
anything is set, so that it is put back also when edgewatt is killed or the cable is pulled; and on this machine's disk
(profiler/undo.py), for a phone that is switched off before its guard came to it.
"""

import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final
from urllib.parse import urlencode

from edgewatt.collectors.android.conditions import noted
from edgewatt.collectors.android.conditions.change import POLL_S, SET_TIMEOUT_S, Change, Look
from edgewatt.collectors.android.conditions.charging import plan_charging
from edgewatt.collectors.android.conditions.frequency import plan_frequency, plan_governor
from edgewatt.collectors.android.conditions.radios import plan_airplane, plan_bluetooth, plan_wifi
from edgewatt.collectors.android.conditions.screen import plan_brightness, plan_screen
from edgewatt.collectors.android.conditions.wakelock import plan_wakelock
from edgewatt.collectors.android.files.look import clean
from edgewatt.collectors.android.phone import TMP, Phone
from edgewatt.collectors.android.state.flow import ANY_PHONE
from edgewatt.collectors.transports.link import LinkLost, LinkTimeout
from edgewatt.device_profiles.loader import DeviceProfile
from edgewatt.profiler import undo
from edgewatt.profiler.errors import DeviceError, UsageError
from edgewatt.profiler.undo import Note

Plan = Callable[[Phone, str], Change]

PLANS: Final[Mapping[str, Plan]] = {
    "wakelock": plan_wakelock,
    "screen": plan_screen,
    "brightness": plan_brightness,
    "airplane": plan_airplane,
    "wifi": plan_wifi,
    "bluetooth": plan_bluetooth,
    "charging": plan_charging,
    "governor": plan_governor,
    "frequency": plan_frequency,
}
# Of every phone, by whatever way it is reached: `adb` puts back what was changed over `adb+tcp`, too.
FAMILY: Final = "adb"
_SCREEN: Final = "screen"
_WAKELOCK: Final = "wakelock"
# A command that fails has as a rule changed nothing, which need not be waited for.
REFUSED_S: Final = 2.0


class Conditions:
    """What was set on one phone. `names` are the conditions that there are, in an order in which they go together.

    `profile` may know the sign of the battery's current, by which `charging=off` is proved. What is changed is noted
    here as of `device_id`; without one it is not (a phone of the lab goes with its lab).
    """

    names: Final = tuple(PLANS)

    def __init__(self, phone: Phone, profile: DeviceProfile = ANY_PHONE, device_id: str | None = None) -> None:
        self._phone, self._device_id = phone, device_id
        self._notes: dict[str, Note] = {}
        self._plans: Mapping[str, Plan] = {**PLANS, "charging": partial(plan_charging, profile=profile)}
        # How what was there first is put back, and what is asked for now.
        self._first: dict[str, Change] = {}
        self._now: dict[str, Change] = {}

    @property
    def keeps_awake(self) -> bool:
        """Whether a wakelock of ours is held; no service of the phone tells of the kernel's."""
        return _WAKELOCK in self._now

    @property
    def pinned_hz(self) -> dict[str, float]:
        """The clusters that are held at one frequency, by their channels' names; what was set, not what was seen."""
        return {name: hz for change in self._now.values() for name, hz in change.pins.items()}

    def apply(self, name: str, value: str) -> None:
        """Set a condition and verify it; a second value of one name leaves what `undo` puts back as it was.

        Raises UsageError for a name or value that is none, and DeviceError where it cannot be set or verified: then
        what there was has been put back, or the message says that it was not.
        """
        if name not in PLANS:
            raise UsageError(f"condition {name!r} is not known on a phone; known are {', '.join(self.names)}")
        change = self._plans[name](self._phone, value)
        self._refuse_dark(name, change)
        left = self._left(name)
        if not change.is_needed and left is None:
            self._now[name] = change
            return
        first = self._first.get(name, change)
        asked = f"{name}={value}"
        back = self._keep(name, first, left)
        self._phone.guard.add(name, back)
        self._first[name], self._now[name] = first, change
        worked, said = self._execute(change.put) if change.is_needed else (True, "")
        within_s = change.settle_s if worked else min(change.settle_s, REFUSED_S)
        seen = self._settled(change.look, change.wanted, within_s)
        if seen == change.wanted:
            return
        trouble = (
            f"{self._phone.uri}: {asked} was not taken: {seen} after {within_s:g} s, expected {change.wanted}"
            f"{f' (the phone said: {said})' if said else ''}. {change.hint}"
        )
        try:
            self.undo(name)
        except DeviceError as error:
            raise DeviceError(f"{trouble}. And {error}") from None
        raise DeviceError(trouble)

    def undo(self, name: str) -> None:
        """Put back what `apply` found, and verify it; nothing if nothing was set. Works on a new connection too.

        Raises DeviceError with what to do by hand if it cannot be; the guard's note then stays.
        """
        self._now.pop(name, None)
        change = self._first.get(name)
        if change is None:
            return
        if name in self._notes and self._notes[name].original != noted.words_of(change.put_back):
            noted.put_back(self._phone, self._notes[name].original)  # of a run before this one, which was killed
            self._forget(name)
            return
        _, said = self._execute(change.put_back)
        seen = self._settled(change.look_back or change.look, change.before, change.settle_s)
        if seen != change.before:
            raise DeviceError(
                f"{self._phone.uri}: {name} could not be put back: {seen}, expected {change.before}"
                f"{f' (the phone said: {said})' if said else ''}. By hand, in `adb shell`: {change.put_back}"
            )
        self._forget(name)

    def left(self) -> list[Note]:
        """What runs that are gone have changed and nobody put back; what was put back meanwhile is forgotten.

        Raises DeviceError if the phone does not answer.
        """
        found = []
        for note in undo.notes(FAMILY):
            if note.device_id != self._device_id or note.pid == os.getpid() or note.is_in_use:
                continue
            try:
                is_back = noted.is_back(self._phone, noted.pieces_of(self._phone, note.original))
            except LinkLost:
                raise
            except DeviceError:
                is_back = False
            if is_back:
                undo.forget(note)
            else:
                found.append(note)
        return found

    def put_back(self, note: Note) -> None:
        """What a note says, verified. Raises DeviceError if it is of another phone, or this one does not follow."""
        if (note.family, note.device_id) != (FAMILY, self._device_id) or note.what not in PLANS:
            raise DeviceError(f"{self._phone.uri}: a note is of {note.what} of {note.device_id}, which is not here")
        noted.put_back(self._phone, note.original)

    def _left(self, name: str) -> Note | None:
        """What an earlier run left of this condition."""
        return None if self._device_id is None else undo.find(FAMILY, self._device_id, name)

    def _keep(self, name: str, first: Change, left: Note | None) -> str:
        """Note on this machine how it is put back, and give the command for the guard.

        What a run that was killed `left` is taken over: its original is what comes back. Raises DeviceError if that is
        none, UsageError if nothing can be noted.
        """
        if self._device_id is None:
            return first.put_back
        pieces = None if left is None or left.pid == os.getpid() else noted.pieces_of(self._phone, left.original)
        original = noted.words_of(first.put_back) or (left.original if left is not None else "")
        self._notes[name] = undo.keep(Note(FAMILY, self._device_id, name, original, _uri_of(self._phone)))
        return first.put_back if pieces is None else noted.command_of(self._phone, pieces)

    def _forget(self, name: str) -> None:
        """It has been put back."""
        self._phone.guard.remove(name)
        del self._first[name]
        if name in self._notes:
            undo.forget(self._notes.pop(name))

    def _refuse_dark(self, name: str, change: Change) -> None:
        """A phone that only its screen keeps awake is not sent to sleep."""
        awake_by_screen = [other for other, asked in self._now.items() if asked.by_screen]
        if name == _SCREEN and change.goes_dark and awake_by_screen:
            raise DeviceError(
                f"{self._phone.uri}: cannot set screen=off: without root only its lit screen keeps this phone awake "
                f"({', '.join(awake_by_screen)}), and asleep it measures nothing. Leave out one of the two"
            )
        if change.by_screen and (screen := self._now.get(_SCREEN)) is not None and screen.goes_dark:
            raise DeviceError(
                f"{self._phone.uri}: cannot set {name}: without root only a lit screen would keep this phone awake, "
                "and screen=off was asked for. Leave out one of the two"
            )

    def _execute(self, command: str) -> tuple[bool, str]:
        """Execute, and tell whether it complained, and of what; whether it took, only a look can say."""
        try:
            done = self._phone.sh(command, timeout_s=SET_TIMEOUT_S)
        except LinkTimeout as error:
            return True, clean(str(error))
        return done.returncode == 0, clean((done.stderr or done.stdout).decode(errors="replace"))

    def _settled(self, look: Look, wanted: str, within_s: float) -> str:
        """What `look` tells: as soon as that is `wanted`, else after `within_s`."""
        end_s = self._phone.monotonic_s() + within_s
        while True:
            try:
                seen = look(self._phone)
            except LinkLost:
                raise
            except DeviceError as error:
                seen = clean(str(error))
            if seen == wanted or self._phone.monotonic_s() >= end_s:
                return seen
            self._phone.sleep(POLL_S)


def _uri_of(phone: Phone) -> str:
    """How it is reached, with where its files are if that is not the usual place."""
    usual = {"sysfs": "/sys", "proc": "/proc", "tmp": TMP}
    options = {key: value for key, usual_one in usual.items() if (value := getattr(phone, key)) != usual_one}
    return f"{phone.uri}?{urlencode(options)}" if options else phone.uri

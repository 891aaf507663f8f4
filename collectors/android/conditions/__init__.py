"""Conditions of a phone: set, verified by reading back, and put back on every way out.

What there was is looked up first, and how to put it back is noted on the phone itself (guarding/guard.py) before
anything is set, so that it is put back also when edgewatt is killed or the cable is pulled.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from edgewatt.collectors.android.conditions.change import POLL_S, SET_TIMEOUT_S, Change, Look
from edgewatt.collectors.android.conditions.charging import plan_charging
from edgewatt.collectors.android.conditions.frequency import plan_frequency, plan_governor
from edgewatt.collectors.android.conditions.radios import plan_airplane, plan_bluetooth, plan_wifi
from edgewatt.collectors.android.conditions.screen import plan_brightness, plan_screen
from edgewatt.collectors.android.conditions.wakelock import plan_wakelock
from edgewatt.collectors.android.files.look import clean
from edgewatt.collectors.android.phone import Phone
from edgewatt.collectors.android.state.flow import ANY_PHONE
from edgewatt.collectors.transports.link import LinkLost, LinkTimeout
from edgewatt.device_profiles.loader import DeviceProfile
from edgewatt.profiler.errors import DeviceError, UsageError

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
_SCREEN: Final = "screen"
_WAKELOCK: Final = "wakelock"
# A command that fails has as a rule changed nothing, which need not be waited for.
REFUSED_S: Final = 2.0


class Conditions:
    """What was set on one phone. `names` are the conditions that there are, in an order in which they go together.

    `profile` may know the sign of the battery's current, by which `charging=off` is proved.
    """

    names: Final = tuple(PLANS)

    def __init__(self, phone: Phone, profile: DeviceProfile = ANY_PHONE) -> None:
        self._phone = phone
        self._plans: Mapping[str, Plan] = {**PLANS, "charging": partial(plan_charging, profile=profile)}
        # How what was there first is put back, and what is asked for now.
        self._first: dict[str, Change] = {}
        self._now: dict[str, Change] = {}

    @property
    def keeps_awake(self) -> bool:
        """Whether a wakelock of ours is held; no service of the phone tells of the kernel's."""
        return _WAKELOCK in self._now

    def apply(self, name: str, value: str) -> None:
        """Set a condition and verify it; a second value of one name leaves what `undo` puts back as it was.

        Raises UsageError for a name or value that is none, and DeviceError where it cannot be set or verified: then
        what there was has been put back, or the message says that it was not.
        """
        if name not in PLANS:
            raise UsageError(f"condition {name!r} is not known on a phone; known are {', '.join(self.names)}")
        change = self._plans[name](self._phone, value)
        self._refuse_dark(name, change)
        if not change.is_needed:
            self._now[name] = change
            return
        first = self._first.get(name, change)
        asked = f"{name}={value}"
        self._phone.guard.add(name, first.put_back)
        self._first[name], self._now[name] = first, change
        worked, said = self._execute(change.put)
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
        _, said = self._execute(change.put_back)
        seen = self._settled(change.look_back or change.look, change.before, change.settle_s)
        if seen != change.before:
            raise DeviceError(
                f"{self._phone.uri}: {name} could not be put back: {seen}, expected {change.before}"
                f"{f' (the phone said: {said})' if said else ''}. By hand, in `adb shell`: {change.put_back}"
            )
        self._phone.guard.remove(name)
        del self._first[name]

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

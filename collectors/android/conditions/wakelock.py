"""A wakelock, without which an unplugged phone suspends in the middle of a run.

With root the kernel's own: a name written to /sys/power/wake_lock holds the system awake until the same is written to
wake_unlock (kernel Documentation/ABI/testing/sysfs-power). Without root none can be taken from a shell; a phone that is
plugged in can be told to keep its screen on, which keeps it awake too.
"""

import shlex
from typing import Final

from edgewatt.collectors.android.conditions.change import ON, Change, put_setting, settings
from edgewatt.collectors.android.conditions.root import HINT, Root, root_of
from edgewatt.collectors.android.conditions.screen import SLEEP_SH, WAKE_SH, power_of
from edgewatt.collectors.android.phone import Phone
from edgewatt.profiler.errors import DeviceError, UsageError

LOCK: Final = "edgewatt"
HELD: Final = "held"
FREE: Final = "free"
UNLIT: Final = "unlit"

_STAY_ON: Final = ("global", "stay_on_while_plugged_in")
_STAYS: Final = "stays on"


def plan_wakelock(phone: Phone, value: str) -> Change:
    """`wakelock=on`, or `unlit`: unless a dark screen would have to be lit for it.

    Raises UsageError for another value, DeviceError where this phone allows none.
    """
    if value not in (ON, UNLIT):
        raise UsageError(f"wakelock={value!r}: expected wakelock=on or wakelock={UNLIT}; it is let go at the end")
    root = root_of(phone)
    if root is not None and _can_be_written(phone, root):
        return _kernel_lock(phone, root)
    power = power_of(phone)
    if power.powered and value == UNLIT and power.screen != ON:
        raise DeviceError(
            f"{phone.uri}: cannot set wakelock={value}: the shell there is not root, and only a lit screen would keep "
            "it awake. With --set wakelock=on it is lit, and in every number"
        )
    if power.powered:
        return _stay_on(phone)
    why = "no /sys/power/wake_lock" if root else "the shell there is not root"
    raise DeviceError(
        f"{phone.uri}: cannot set wakelock={value}: {why}, "
        "and the phone is not plugged in, where it could be told to stay awake. Plug it in, or set screen=on (it may "
        f"stay on for 30 min); otherwise {HINT}"
    )


def _kernel_lock(phone: Phone, root: Root) -> Change:
    """Always taken anew, so that a lock which an earlier run left behind is let go at the end."""
    lock, unlock = (shlex.quote(f"{phone.sysfs}/power/{name}") for name in ("wake_lock", "wake_unlock"))
    let_go = root.wrap(f"echo {LOCK} >{unlock}")

    def look(p: Phone) -> str:
        said = p.sh(root.wrap(f"cat {lock}")).stdout.decode(errors="replace")
        return HELD if LOCK in said.split() else FREE

    return Change(FREE, HELD, look, root.wrap(f"echo {LOCK} >{lock}"), let_go, "The kernel took no wake lock")


def _can_be_written(phone: Phone, root: Root) -> bool:
    power = shlex.quote(f"{phone.sysfs}/power")
    return phone.sh(root.wrap(f"[ -w {power}/wake_lock ] && [ -w {power}/wake_unlock ]")).returncode == 0


def _stay_on(phone: Phone) -> Change:
    """`svc power stayon true` sets the setting to all plugs and wakes the screen (AOSP PowerCommand)."""
    (before,) = settings(phone, _STAY_ON)
    power = power_of(phone)
    back = put_setting(*_STAY_ON, before)
    return Change(
        before=before if not (power.stays_on and power.awake) else _STAYS,
        wanted=_STAYS,
        look=_stays,
        put=f"svc power stayon true; {WAKE_SH}",
        put_back=back if power.screen == ON else f"{back}; {SLEEP_SH}",
        hint="Is the plug still in? `adb shell dumpsys power` has to show mStayOn=true and mWakefulness=Awake",
        look_back=lambda p: settings(p, _STAY_ON)[0],
        by_screen=True,
    )


def _stays(phone: Phone) -> str:
    power = power_of(phone)
    if power.stays_on is None and power.powered and power.awake and settings(phone, _STAY_ON)[0] not in ("0", "null"):
        return _STAYS
    return _STAYS if power.stays_on and power.awake else f"mStayOn={power.stays_on}, awake={power.awake}"

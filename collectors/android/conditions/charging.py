"""Charging off, so that the battery's gauge shows what the phone consumes. The proof is the real current.

`dumpsys battery unplug` and `set usb 0` only fake what Android says (the battery goes on charging) and are never used.
What may really cut it: files of the charger's driver, with root (devlib: charging_enabled; FAI-PEP: input_suspend;
others from public tools), and `cmd battery suspend_input`, where the maker wired it (AOSP BatteryService; `reset` ends
it).
"""

import shlex
from dataclasses import dataclass
from typing import Final

from edgewatt.collectors.android.conditions.change import OFF, Change, Look
from edgewatt.collectors.android.conditions.root import Root, root_of
from edgewatt.collectors.android.files import battery
from edgewatt.collectors.android.files.look import whole
from edgewatt.collectors.android.phone import Phone
from edgewatt.collectors.android.sampler.survey import survey
from edgewatt.collectors.android.services import batteryservice
from edgewatt.collectors.android.state.flow import ANY_PHONE, CHARGING, DISCHARGING, Flow, flow_of
from edgewatt.device_profiles.loader import DeviceProfile
from edgewatt.profiler.errors import DeviceError, UsageError

# A gauge that shows a new current every 10 s was seen (OnePlus 11), so that the proof may take longer than that.
GAUGE_S: Final = 25.0
IN: Final = "charging"
OUT: Final = "not charging"

# File of the battery, and what stops the charging when it is written there.
NODES: Final = (
    ("input_suspend", "1"),
    ("charging_enabled", "0"),
    ("battery_charging_enabled", "0"),
    ("charge_disable", "1"),
)
_BY_HAND: Final = (
    "It takes a maker who wired `cmd battery suspend_input`, or root and a charger that can be told. Otherwise take "
    "the cable out and use adb over Wi-Fi (docs/phones.md), or cut the power of its USB port"
)


@dataclass(frozen=True, slots=True)
class _Cut:
    """Commands that stop the charging and let it go on, and how it is seen that it may."""

    put: str
    put_back: str
    look_back: Look


def plan_charging(phone: Phone, value: str, profile: DeviceProfile = ANY_PHONE) -> Change:
    """`charging=off`. Raises UsageError for another value, DeviceError where nothing cuts it or could prove that."""
    if value != OFF:
        raise UsageError(f"charging={value!r}: expected charging=off; it goes on again at the end")
    service = batteryservice.battery(phone.sh(batteryservice.COMMAND).stdout.decode(errors="replace"))
    if service.faked:
        raise DeviceError(
            f"{phone.uri}: cannot set charging=off: the battery's state there is faked (UPDATES STOPPED), so that "
            "nothing it says can be believed. `adb shell dumpsys battery reset` first"
        )
    before = _flow(phone, profile)
    if _is_out(before) or (before.supplies is None and service.plugged == 0 and before.status != CHARGING):
        return Change(OUT, OUT, lambda _: OUT, "", "", "")
    if before.raw is None:
        raise DeviceError(
            f"{phone.uri}: cannot set charging=off: the current of its battery cannot be read, so that nothing could "
            f"prove it. {_BY_HAND}"
        )
    cut = _cut(phone)
    return Change(
        before=IN,
        wanted=OUT,
        look=lambda p: _proof(before, _flow(p, profile)),
        put=cut.put,
        put_back=cut.put_back,
        hint=_BY_HAND,
        settle_s=GAUGE_S,
        look_back=cut.look_back,
    )


def _flow(phone: Phone, profile: DeviceProfile) -> Flow:
    return flow_of(survey(phone, battery.CANDIDATES), phone, profile)


def _is_out(flow: Flow) -> bool:
    """Whether the battery is what feeds the phone: by a current whose sign is decided, else as no supply is there."""
    if flow.direction is not None:
        return flow.direction == "out"
    return flow.supplies == () and flow.status != CHARGING


def _proof(before: Flow, now: Flow) -> str:
    """OUT once the current flows out: by its sign where that is decided, else because it turned round."""
    if now.raw is None:
        return "the current cannot be read any more"
    if _is_out(now):
        return OUT
    turned = before.raw is not None and before.raw * now.raw < 0
    if turned and before.status == CHARGING and now.direction is None:
        return OUT
    status = {CHARGING: "Charging", DISCHARGING: "Discharging"}.get(now.status or 0, "another status")
    return f"the current reads {now.raw} (it was {before.raw}), with {status}"


def _cut(phone: Phone) -> _Cut:
    """Every file of the charger's that there is, else the service; whether that has an effect shows in the current.

    Of several files all are written: which of them a charger listens to cannot be seen from outside.
    """
    root = root_of(phone)
    cuts = [] if root is None else [_by_node(phone, root, name, off) for name, off in NODES]
    there = [cut for cut in cuts if cut is not None]
    if not there:
        return _Cut("cmd battery suspend_input", "cmd battery reset", lambda _: IN)

    def look_back(p: Phone) -> str:
        return next((seen for cut in there if (seen := cut.look_back(p)) != IN), IN)

    return _Cut("; ".join(cut.put for cut in there), "; ".join(cut.put_back for cut in reversed(there)), look_back)


def _by_node(phone: Phone, root: Root, name: str, off: str) -> _Cut | None:
    path = shlex.quote(f"{phone.sysfs}/class/power_supply/battery/{name}")

    def read(p: Phone) -> int | None:
        return whole(p.sh(root.wrap(f"[ -w {path} ] && cat {path}")).stdout.decode(errors="replace"))

    old = read(phone)
    if old is None or str(old) == off:
        return None
    return _Cut(
        root.wrap(f"echo {off} >{path}"),
        root.wrap(f"echo {old} >{path}"),
        lambda p: IN if (now := read(p)) == old else f"{name} reads {now}",
    )

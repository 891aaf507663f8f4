"""Which way the battery's current really flows, whatever the software says; `dumpsys battery unplug` fakes that."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from edgewatt.collectors.android.files import battery, battery_quirks
from edgewatt.collectors.android.files.look import Look, folder, name_of, whole
from edgewatt.collectors.android.files.nodes import Seen
from edgewatt.collectors.android.phone import Phone
from edgewatt.device_profiles.loader import DeviceProfile

# A phone of which nothing is known beforehand.
ANY_PHONE: Final = DeviceProfile("any", "phone", "a phone that nobody described")
_ROOT: Final = "{sysfs}/class/power_supply"
CHARGING, DISCHARGING = 2, 3
# How a supply's type in sysfs (kernel Documentation/ABI/testing/sysfs-class-power) is called in the conditions.
_KINDS: Final = {"mains": "mains", "usb": "usb", "wireless": "wireless"}


@dataclass(frozen=True, slots=True)
class Flow:
    """What the gauge shows; None where it cannot be read.

    `raw` is the current in the gauge's own unit and sign, `sign` the raw sign while the phone drains its battery where
    that is decided, `status` BatteryManager's 1 to 5. `supplies` are those that say that they feed the phone ("mains",
    "usb", "wireless"), None where no supply can be read. `is_small`: less than any phone draws that is awake.
    """

    node: str | None = None
    raw: int | None = None
    status: int | None = None
    sign: int | None = None
    sign_is_stated: bool = False
    supplies: tuple[str, ...] | None = None
    is_small: bool = False

    @property
    def direction(self) -> Literal["in", "out", "none"] | None:
        """Where the current flows, seen from the battery; None where its sign is not decided or it cannot be read."""
        if self.raw == 0 or (self.raw is not None and self.is_small):
            return "none"
        if self.raw is None or self.sign is None:
            return None
        return "out" if self.raw * self.sign > 0 else "in"


def flow_of(seen: Mapping[str, Seen], phone: Phone, profile: DeviceProfile = ANY_PHONE) -> Flow:
    """The flow in a survey of `battery.CANDIDATES`. Raises UsageError if the profile means nothing."""
    look = Look(seen, profile, phone.sysfs, phone.proc)
    supplies = _supplies(look)
    node = battery.find(look).facts.get("battery_node")
    if node is None:
        return Flow(supplies=supplies)
    path = look.at(f"{_ROOT}/{node}")
    uevent = battery.parse_uevent(look.text(f"{path}/uevent") or "")
    raw = whole(look.text(f"{path}/current_now") or uevent.get("CURRENT_NOW", ""))
    status = battery_quirks.parse_status(look.text(f"{path}/status") or uevent.get("STATUS", ""))
    unit = look.word("battery_current_unit", battery_quirks.UNITS)
    positive = look.word("battery_current_positive", battery_quirks.SIGNS)
    gauge = battery_quirks.gauge_of(
        unit,
        positive,
        [] if raw is None else [(raw, None if supplies else status)],
        is_measured=battery.is_measured(profile),
    )
    is_small = raw is not None and gauge.scale is not None and abs(raw) * gauge.scale < battery_quirks.CLEAR_A
    return Flow(path, raw, status, gauge.sign, positive is not None, supplies, is_small)


def _supplies(look: Look) -> tuple[str, ...] | None:
    readable, found = False, []
    for path in look.matching(f"{_ROOT}/*/online"):
        online = whole(look.text(path) or "")
        kind = (look.fact(f"{folder(path)}/type") or name_of(folder(path))).lower()
        named = next((name for word, name in _KINDS.items() if kind.startswith(word)), None)
        if online is None or named is None:
            continue
        readable = True
        if online:
            found.append(named)
    return tuple(sorted(set(found))) if readable else None

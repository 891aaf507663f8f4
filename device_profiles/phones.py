"""Which profile is for which phone: by the properties in which the phone names itself."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Final

from edgewatt.device_profiles.loader import DeviceProfile, load, names

GENERIC: Final = "android_phone"

# The system properties (getprop) behind a key of [match]; any of them may fit (android.os.Build; the chips' are
# remembered).
PROPERTIES: Final[Mapping[str, tuple[str, ...]]] = {
    "manufacturer": ("ro.product.manufacturer", "ro.product.vendor.manufacturer", "ro.product.odm.manufacturer"),
    "brand": ("ro.product.brand", "ro.product.vendor.brand", "ro.product.odm.brand"),
    "model": ("ro.product.model", "ro.product.vendor.model", "ro.product.odm.model"),
    "device": ("ro.product.device", "ro.product.vendor.device", "ro.product.board"),
    "soc": ("ro.soc.model", "ro.board.platform", "ro.hardware.chipname", "ro.mediatek.platform", "ro.product.board"),
}
_NAME_LIMIT: Final = 256


def choose(properties: Mapping[str, str]) -> DeviceProfile:
    """The profile whose [match] fits these system properties; of several the one that asks for most, else GENERIC."""
    fitting = [profile for profile in phone_profiles() if profile.match and fits(profile, properties)]
    if not fitting:
        return load(GENERIC)
    return max(fitting, key=lambda profile: (len(profile.match), profile.name))


def fits(profile: DeviceProfile, properties: Mapping[str, str]) -> bool:
    """True if one of the patterns of every key of its [match] is what the phone calls itself."""
    return all(
        any(resembles(pattern, properties.get(name, "")) for name in PROPERTIES[key] for pattern in patterns)
        for key, patterns in profile.match.items()
    )


@cache
def phone_profiles() -> tuple[DeviceProfile, ...]:
    """The profiles of phones that edgewatt ships, by name."""
    return tuple(profile for profile in map(load, names()) if profile.kind == "phone")


def resembles(pattern: str, text: str) -> bool:
    """True if a pattern of a [match], with * for anything, is what a device calls itself."""
    rule = ".*".join(re.escape(part) for part in pattern.split("*"))
    return re.fullmatch(rule, text[:_NAME_LIMIT].strip().lower(), re.DOTALL) is not None

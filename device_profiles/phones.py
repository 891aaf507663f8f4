"""Which profile is for which phone: by the properties in which the phone names itself, the user's own ones first."""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Final

from edgewatt.device_profiles import loader
from edgewatt.device_profiles.loader import DeviceProfile, load, names, own_folder, own_names

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
# The key of one phone and no other, by its serial number.
_SERIAL: Final = "serial"


def choose(properties: Mapping[str, str], device_id: str = "") -> DeviceProfile:
    """The profile whose [match] fits these system properties; of several the one that asks for most, else GENERIC.

    A profile of the user's own that fits comes before all that edgewatt ships. Raises UsageError for one that is wrong.
    """
    return _best(own_profiles(), properties, device_id) or shipped(properties)


def shipped(properties: Mapping[str, str]) -> DeviceProfile:
    """As `choose`, of the profiles that edgewatt ships."""
    return _best(phone_profiles(), properties, "") or loader.shipped(GENERIC)


def _best(profiles: Iterable[DeviceProfile], properties: Mapping[str, str], device_id: str) -> DeviceProfile | None:
    fitting = [profile for profile in profiles if profile.match and fits(profile, properties, device_id)]
    return max(fitting, key=_how_particular, default=None)


def _how_particular(profile: DeviceProfile) -> tuple[bool, int, int, str]:
    """One phone, then what asks for most, then what is on top of another: a model is on top of its family."""
    return _SERIAL in profile.match, len(profile.match), len(profile.bases), profile.name


def fits(profile: DeviceProfile, properties: Mapping[str, str], device_id: str = "") -> bool:
    """True if one of the patterns of every key of its [match] is what the phone calls itself."""
    return all(
        any(resembles(pattern, text) for text in _called(key, properties, device_id) for pattern in patterns)
        for key, patterns in profile.match.items()
    )


def _called(key: str, properties: Mapping[str, str], device_id: str) -> list[str]:
    return [device_id] if key == _SERIAL else [properties.get(name, "") for name in PROPERTIES[key]]


def own_profiles() -> list[DeviceProfile]:
    """The user's own profiles of phones, by name. Raises UsageError for one that is wrong."""
    return [profile for name in own_names() if (profile := load(own_folder() / f"{name}.toml")).kind == "phone"]


@cache
def phone_profiles() -> tuple[DeviceProfile, ...]:
    """The profiles of phones that edgewatt ships, by name."""
    return tuple(profile for name in names() if (profile := loader.shipped(name)).kind == "phone")


def resembles(pattern: str, text: str) -> bool:
    """True if a pattern of a [match], with * for anything, is what a device calls itself."""
    rule = ".*".join(re.escape(part) for part in pattern.split("*"))
    return re.fullmatch(rule, text[:_NAME_LIMIT].strip().lower(), re.DOTALL) is not None

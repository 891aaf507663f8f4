"""Which profile is for which board: by what its device tree calls it."""

import re
from collections.abc import Iterable
from functools import cache
from typing import Final

from edgewatt.device_profiles.loader import DeviceProfile, load, names
from edgewatt.device_profiles.phones import resembles

FAMILY: Final = "jetson_"
# A Jetson that no profile describes: how its rails nest is unknown, so none are added.
GENERIC: Final = "jetson_board"
_NAME_LIMIT: Final = 256


def choose_board(called: Iterable[str]) -> DeviceProfile:
    """The profile whose [match] has a pattern for one of the names that a device tree gives its board; else GENERIC.

    Names are compared in lower case, with a `-` for whatever is no letter and no digit, in their order: compatible goes
    from the particular to the general (Devicetree Specification 0.4, 2.3.1).
    """
    for name in called:
        for profile in board_profiles():
            if any(resembles(pattern, _plain(name)) for pattern in profile.match.get("device", ())):
                return profile
    return load(GENERIC)


@cache
def board_profiles() -> tuple[DeviceProfile, ...]:
    """The profiles of Jetson boards that edgewatt ships, by name, without the one for unknown boards."""
    return tuple(load(name) for name in names() if name.startswith(FAMILY) and name != GENERIC)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name[:_NAME_LIMIT].lower()).strip("-")

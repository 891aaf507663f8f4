"""The energy meter of the power stats HAL (Pixel 6 and later without root): joules per rail since boot.

HAL 2.0 prints rows `[RAIL]:Subsystem   <number> mWs`, HAL 1.0 `Subsystem   RAIL   <number> mWs`. Only the cumulative
column is read: the differences of `delta` are kept inside the HAL, where another caller disturbs them. The HAL prints
microwatt-seconds through a 32-bit float (AOSP hardware/google/pixel/powerstats), so that a rail is told in 24
bits: 1 mJ at 16 kJ since boot.
"""

import math
import re
from collections.abc import Mapping
from functools import partial
from itertools import dropwhile, takewhile
from typing import Final

from edgewatt.collectors.android.files.nodes import Service, Values
from edgewatt.collectors.android.services.asking import Candidate, Offer, lines, shown
from edgewatt.collectors.generic.sysfs import unique_names
from edgewatt.device_profiles.loader import DeviceProfile
from edgewatt.device_profiles.rules import energy_sources, match
from edgewatt.profiler.channel import Channel, Unavailable, channel_name
from edgewatt.profiler.units import Quantity

COMMANDS: Final = (
    "dumpsys android.hardware.power.stats.IPowerStats/default",
    "lshal debug android.hardware.power.stats@1.0::IPowerStats/default",
)
# Assumed: each question makes the HAL read its chips.
PERIOD_S: Final = 1.0
NAME: Final = "power_stats"
# The last digit that is printed: 0.01 mWs.
SCALE: Final = 1e-5
MANTISSA_BITS: Final = 24
RAIL_LIMIT: Final = 128

_BEGIN: Final = re.compile(r"=+ PowerStats HAL [0-9.]{1,8} (?:energy meter|rail energy data) =+")
_END: Final = re.compile(r"=+ (?:End of )?PowerStats HAL .*")
_ROW: Final = re.compile(r"(\S.{0,150}?)[ \t]{1,40}([0-9]{1,14})[.,]([0-9]{2}) mWs(?:[ \t]{0,9}\([^()]{0,40}\))?")
_BRACKETED: Final = re.compile(r"\[([^\[\]]{1,100})\](?::.*)?")


def rails(text: str) -> Mapping[str, int] | None:
    """The cumulative count of each rail in SCALE joules, by its own name; None without an energy meter in the text."""
    after = dropwhile(lambda line: not _BEGIN.fullmatch(line), lines(text))
    if next(after, None) is None:
        return None
    found: dict[str, int] = {}
    for line in takewhile(lambda line: not _END.fullmatch(line), after):
        row = _ROW.fullmatch(line)
        if row and len(found) < RAIL_LIMIT:
            found.setdefault(_rail(row[1]), int(row[2] + row[3]))
    return found


def power_stats(profile: DeviceProfile) -> Candidate:
    """The candidate; joules are formed of its rails as `profile` says."""
    return Candidate("power_stats.energy_j", COMMANDS, partial(offer, profile))


def offer(profile: DeviceProfile, command: str, text: str) -> Offer | str:
    """A counter per rail that has counted, and the joules that may be formed of them."""
    first = rails(text)
    if not first:
        return _why_none(first, text)
    counting = [rail for rail, count in first.items() if count > 0]
    still = [rail for rail, count in first.items() if count == 0]
    if not counting:
        return "every rail reads 0.00 mWs since boot: nothing counts there, which is not 0 J"
    names = unique_names((f"{NAME}_{rail}", "") for rail in counting)
    channels = tuple(
        _channel(profile, name, rail, first[rail], command) for name, rail in zip(names, counting, strict=True)
    )
    terms = {channel_name(rail): (channel.column,) for rail, channel in zip(counting, channels, strict=True)}

    def parse(answer: str) -> Values:
        now = rails(answer) or {}
        return [now.get(rail) for rail in counting]

    return Offer(
        Service(command, channels, parse, PERIOD_S, "rails"),
        energy_sources(profile, "services", terms, unreadable=[channel_name(rail) for rail in still]),
        tuple(
            Unavailable(f"{channel_name(f'{NAME}_{rail}')}.energy_j", f"{command}: it reads 0.00 mWs since boot")
            for rail in still
        ),
    )


def resolution_j(count: int) -> float:
    """The step between two values of a rail near `count`: the last bit of a float of microjoule, or the last digit."""
    bits = max(math.frexp(count * SCALE * 1e6)[1] - MANTISSA_BITS, 0)
    return max(2.0**bits * 1e-6, SCALE)


def _channel(profile: DeviceProfile, name: str, rail: str, count: int, command: str) -> Channel:
    found = match(profile, channel_name(rail))
    return Channel(
        name,
        Quantity.ENERGY,
        "counter",
        source=command,
        scale=SCALE,
        resolution=resolution_j(count),
        boundary=found.rail.boundary if found else "rail",
        covers=found.covers if found else (),
    )


def _rail(label: str) -> str:
    """`[RAIL]:Subsystem` of HAL 2.0, else the last word: `Subsystem   RAIL` of HAL 1.0, or a rail alone."""
    found = _BRACKETED.fullmatch(label)
    return found[1] if found else label.rsplit(maxsplit=1)[-1]


def _why_none(first: Mapping[str, int] | None, text: str) -> str:
    if first is None:
        return f"no energy meter in it, as on every phone but Pixels (6 and later); it reads {shown(text)}"
    return "its energy meter has no rails"

"""RAPL on a board, from what a look at it said: the zones of /sys/class/powercap, as on the host, see powercap.py.

Kernel Documentation/power/powercap/powercap.rst; energy_uj counts microjoule.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edgewatt.collectors.android.files.look import Found, folder, name_of, whole
from edgewatt.collectors.android.files.nodes import Node, Values
from edgewatt.collectors.generic.sysfs import chmod
from edgewatt.collectors.host.powercap import CVE
from edgewatt.collectors.host.rapl import INT64_MAX, SCALE
from edgewatt.collectors.jetson.look import BoardLook
from edgewatt.device_profiles.loader import DeviceProfile, load
from edgewatt.device_profiles.rules import energy_sources, match
from edgewatt.profiler.channel import Channel, Unavailable, channel_name
from edgewatt.profiler.units import Quantity

STREAM: Final = "rapl"
_ZONES: Final = "{sysfs}/class/powercap/intel-rapl*"
ENERGY: Final = f"{_ZONES}/energy_uj"
CANDIDATES: Final = (ENERGY, f"{_ZONES}/name", f"{_ZONES}/max_energy_range_uj")
ZONES: Final = 64

# The memory-mapped registers (intel-rapl-mmio) are a second way to the same counters.
_ZONE: Final = re.compile(r"intel-rapl:([0-9]{1,4}(?::[0-9]{1,4}){0,3})")


@dataclass(frozen=True, slots=True)
class _Zone:
    """A counter: its file, its name, its first count in microjoule, the largest (None: not known)."""

    path: str
    label: str
    first: int | None
    largest: int | None

    def parse(self, text: str) -> Values:
        value = whole(text)
        return (value if value is not None and 0 <= value <= (self.largest or INT64_MAX) else None,)


def find(look: BoardLook, collector: str) -> Found:
    """The counters that count, the joules that may be formed of them, and why the rest is missing.

    One that did not move since the look before counts nothing, which is not 0 J.
    """
    profile = load("linux_rapl")
    zones = _zones(look)
    if not zones:
        return Found(unavailable=(Unavailable("rapl", f"no powercap zones under {folder(look.at(_ZONES))}"),))
    missing = {zone.label: reason for zone in zones if (reason := _why_not(look, zone, profile)) is not None}
    good = [zone for zone in zones if zone.label not in missing]
    nodes = tuple(_node(look, zone, profile) for zone in good)
    terms = {zone.label: (node.channels[0].column,) for zone, node in zip(good, nodes, strict=True)}
    return Found(nodes, tuple(missing.values()), energy_sources(profile, collector, terms, unreadable=missing))


def _zones(look: BoardLook) -> list[_Zone]:
    places = {
        hit[1]: folder(path)
        for path in look.matching(ENERGY)[:ZONES]
        if (hit := _ZONE.fullmatch(name_of(folder(path)))) is not None
    }
    return [
        _zone(look, number, places) for number in sorted(places, key=lambda n: [int(part) for part in n.split(":")])
    ]


def _zone(look: BoardLook, number: str, places: Mapping[str, str]) -> _Zone:
    parts, place = number.split(":"), places[number]
    above = [":".join(parts[:depth]) for depth in range(1, len(parts) + 1)]
    names = [look.fact(f"{places[n]}/name") if n in places else None for n in above]
    label = channel_name("_".join(name or f"intel-rapl_{n}" for name, n in zip(names, above, strict=True)))
    first, largest = (whole(look.text(f"{place}/{file}") or "") for file in ("energy_uj", "max_energy_range_uj"))
    known = largest is not None and max(first or 0, 1) <= largest < INT64_MAX
    return _Zone(f"{place}/energy_uj", label, first, largest if known else None)


def _why_not(look: BoardLook, zone: _Zone, profile: DeviceProfile) -> Unavailable | None:
    what, limit_w = f"{zone.label}.energy_j", profile.number("power_limit_w")
    if zone.first is None or zone.first < 0:
        denied = look.fix(zone.path)
        boot = f"keep it: echo 'z {zone.path} 0444' | sudo tee /etc/tmpfiles.d/edgewatt-rapl.conf"
        fix = f"{chmod(Path(zone.path))}  (until the next boot; to {boot})" if denied else ""
        return Unavailable(what, f"{zone.path}: {look.why(zone.path)}{f'; {CVE}' if denied else ''}", fix)
    if zone.largest is not None and zone.largest * SCALE / (2 * limit_w) < _period_s(look, profile):
        reason = f"{zone.largest} microjoule are too few: at {limit_w:.0f} W it could wrap around unseen"
        return Unavailable(what, f"{zone.path}: {reason}")
    if look.before(zone.path) is not None and whole(look.before(zone.path) or "") == zone.first:
        return Unavailable(what, f"{zone.path} stayed at {zone.first}: a counter that does not move measures nothing")
    return None


def _node(look: BoardLook, zone: _Zone, profile: DeviceProfile) -> Node:
    found = match(profile, zone.label)
    channel = Channel(
        zone.label,
        Quantity.ENERGY,
        "counter",
        source=zone.path,
        scale=SCALE,
        counter_range=None if zone.largest is None else zone.largest + 1,  # see rapl.Counter.counter_range
        period_s=profile.number("update_period_s"),
        boundary=found.rail.boundary if found else "rail",
        covers=found.covers if found else (),
    )
    return Node(zone.path, (channel,), zone.parse, _period_s(look, profile), STREAM)


def _period_s(look: BoardLook, profile: DeviceProfile) -> float:
    return look.period_s or profile.number("poll_period_s")

"""Which joules a profile lets be formed from the rails that a machine has."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from edgewatt.device_profiles.loader import DeviceProfile, Rail, Total
from edgewatt.profiler.channel import EnergySource

Term = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """A rail of a machine that a profile knows; `index` is what {n} stood for ("" without one)."""

    label: str
    rail: Rail
    index: str

    @property
    def covers(self) -> tuple[str, ...]:
        """The domains inside its number, with its index."""
        return tuple(domain.replace("{n}", self.index) for domain in self.rail.covers)


def match(profile: DeviceProfile, label: str) -> Match | None:
    """What the profile knows of the rail called `label`: its first pattern that fits, None if there is none."""
    for rail in profile.rails:
        if found := _compiled(rail.label).fullmatch(label):
            return Match(label, rail, found.groupdict().get("n", ""))
    return None


def energy_sources(
    profile: DeviceProfile, collector: str, terms: Mapping[str, Term], *, unreadable: Collection[str] = ()
) -> tuple[EnergySource, ...]:
    """The joules that may be formed, `<collector>/<what>`: rails that stand alone, then totals.

    `terms` has the columns whose product is a rail's power or energy, by label. A total misses none of its rails:
    it is not formed while one that it needs is among the `unreadable`, and names those it has beyond its need.
    """
    rails = [found for label in terms if (found := match(profile, label))]
    missing = [found for label in unreadable if (found := match(profile, label))]
    alone = (
        EnergySource(f"{collector}/{r.label}", (terms[r.label],), r.rail.boundary, r.covers)
        for r in rails
        if r.rail.alone
    )
    totals = (source for total in profile.totals for source in _totals(total, collector, rails, missing, terms))
    return (*alone, *totals)


def _totals(
    total: Total, collector: str, rails: list[Match], missing: list[Match], terms: Mapping[str, Term]
) -> Iterator[EnergySource]:
    """One source per index if the total's name has one, else one over all indices."""
    wanted = (*total.add, *total.optional)
    parts = [r for r in rails if r.rail.key in wanted]
    lacking = [r for r in missing if r.rail.key in wanted]
    indices = sorted({r.index for r in parts}) if "{n}" in total.name else [None]
    for index in indices:
        here = [r for r in parts if index in (None, r.index)]
        gone = {r.rail.key for r in lacking if index in (None, r.index)}
        chosen = [r for r in here if r.rail.key in total.add]
        if {r.rail.key for r in chosen} != set(total.add) or gone & set(total.add) or len(chosen) < total.at_least:
            continue
        extras = [key for key in total.optional if key not in gone and _everywhere(key, here, chosen)]
        chosen += [r for r in here if r.rail.key in extras]
        name = "+".join([total.name.replace("{n}", index or ""), *extras])
        covers = tuple(dict.fromkeys(domain for r in chosen for domain in r.covers))
        boundary = total.boundary or chosen[0].rail.boundary
        yield EnergySource(f"{collector}/{name}", tuple(terms[r.label] for r in chosen), boundary, covers)


def _everywhere(key: str, here: list[Match], chosen: list[Match]) -> bool:
    """True if the optional rail `key` is there: for every index that the total adds, where it has an index."""
    found = [r for r in here if r.rail.key == key]
    return bool(found) and (not found[0].index or {r.index for r in chosen} <= {r.index for r in found})


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    wild = {"{n}": "(?P<n>[0-9][0-9a-z-]*)", "*": ".*"}
    return re.compile("".join(wild.get(part, re.escape(part)) for part in re.split(r"(\{n\}|\*)", pattern)))

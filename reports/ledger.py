"""Which energies of a run lie inside which, as the device's profile says, and what is left of one less its parts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Any

from edgewatt.device_profiles.loader import DeviceProfile, load
from edgewatt.device_profiles.rules import match
from edgewatt.profiler.channel import EnergySource
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.statistics import interval_of_mean
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.units import format_interval, format_si
from edgewatt.reports.wording import Row


@dataclass(frozen=True, slots=True)
class Rest:
    """What a source has less all its parts: the mean over repeats, J per inference, and its 95 % interval (or None)."""

    of: str
    mean_j: float
    low_j: float | None
    high_j: float | None

    @property
    def is_negative(self) -> bool:
        """True where the parts come to more than the whole."""
        return self.mean_j < 0

    @property
    def told(self) -> tuple[str, str]:
        """The value and its interval in words."""
        if self.low_j is None or self.high_j is None:
            return format_si(self.mean_j, "J"), "one repeat, no interval"
        return format_interval(self.mean_j, self.low_j, self.high_j, "J")


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the results in its place: `depth` is how many sources contain it; those follow it that it contains.

    `made_of` are the products of columns that it is the sum of, `covers` the power domains inside its number. `rest` is
    None where it has no parts, or they overlap, or not all of them have joules in the same repeats.
    """

    row: Row
    depth: int
    made_of: tuple[str, ...]
    covers: tuple[str, ...]
    rest: Rest | None


def ledger_of(trace: Trace, results: Sequence[Row], repeats: Sequence[Row]) -> list[Entry]:
    """The energy sources of one configuration's `results`, each followed by what lies inside it."""
    sources = {source.name: source for source in trace.sources}
    rows = {row["energy_source"]: row for row in results if row["energy_source"] is not None}
    outer = {name: _outer(name, rows, sources, _profiles(trace)) for name in rows}
    entries: list[Entry] = []

    def place(name: str, depth: int) -> None:
        inside = [other for other in rows if outer[other] == name]
        source = sources.get(name)
        entries.append(
            Entry(
                rows[name],
                depth,
                () if source is None else tuple(" x ".join(term) for term in source.terms),
                () if source is None else source.covers,
                _rest(rows[name], [rows[other] for other in inside], sources, repeats),
            )
        )
        for other in inside:
            place(other, depth + 1)

    for name in rows:
        if outer[name] is None:
            place(name, 0)
    return entries


def _outer(
    name: str, rows: Mapping[str, Row], sources: Mapping[str, EnergySource], profiles: Sequence[DeviceProfile]
) -> str | None:
    """The innermost of the other sources that contains it: by its columns, or as a profile says of its rail."""
    holding = [other for other in rows if other != name and _contains(other, name, sources, profiles)]
    inner_first = sorted(holding, key=lambda other: -sum(_contains(h, other, sources, profiles) for h in holding))
    return inner_first[0] if inner_first else None


def _contains(outer: str, inner: str, sources: Mapping[str, EnergySource], profiles: Sequence[DeviceProfile]) -> bool:
    if outer not in sources or inner not in sources or outer == inner:
        return False
    mine, others = set(sources[inner].terms), set(sources[outer].terms)
    return mine < others or any(_is_inside(inner, outer, profile) for profile in profiles)


def _is_inside(inner: str, outer: str, profile: DeviceProfile) -> bool:
    """True where the profile knows both as rails of one collector, and the one inside the other at any depth."""
    (of_inner, _, label), (of_outer, _, outer_label) = inner.partition("/"), outer.partition("/")
    one, other = match(profile, label), match(profile, outer_label)
    if of_inner != of_outer or one is None or other is None:
        return False
    inside = {rail.key: rail.inside for rail in profile.rails}
    at = one.rail.inside
    while at is not None and at != other.rail.key:
        at = inside.get(at)
    return at is not None and other.index in {"", one.index}


def _rest(whole: Row, parts: Sequence[Row], sources: Mapping[str, EnergySource], repeats: Sequence[Row]) -> Rest | None:
    names = [part["energy_source"] for part in parts]
    if not parts or any(_overlap(sources[one], sources[other]) for one, other in combinations(names, 2)):
        return None
    energies_j: dict[int, dict[str, float]] = {}
    for row in repeats:
        if row["config_id"] == whole["config_id"] and row["energy_gross_j"] is not None and row["quality"] != "void":
            energies_j.setdefault(row["repeat"], {})[row["energy_source"]] = row["energy_gross_j"]
    wanted = (whole["energy_source"], *names)
    rests_j = [of[wanted[0]] - sum(of[name] for name in names) for of in energies_j.values() if set(wanted) <= set(of)]
    found = interval_of_mean(rests_j)
    return None if found is None else Rest(whole["energy_source"], found.mean, found.low, found.high)


def _overlap(one: EnergySource, other: EnergySource) -> bool:
    return bool(set(one.terms) & set(other.terms) or set(one.covers) & set(other.covers))


def _profiles(trace: Trace) -> list[DeviceProfile]:
    """The profiles that the run names, of its device and its instruments, as far as they are known here."""
    device: Mapping[str, Any] = trace.manifest.device
    instruments = device.get("instruments")
    named = [device, *(instruments.values() if isinstance(instruments, Mapping) else ())]
    names = dict.fromkeys(one.get("profile") for one in named if isinstance(one, Mapping))
    return [profile for name in names if isinstance(name, str) and (profile := _known(name)) is not None]


@lru_cache(maxsize=32)
def _known(name: str) -> DeviceProfile | None:
    if name.endswith(".toml"):
        return None
    try:
        return load(name)
    except UsageError:
        return None

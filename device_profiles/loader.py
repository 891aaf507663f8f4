"""Reads a device profile: TOML whose every fact names its source, checked key by key.

name = "linux_rapl"
kind = "host"                       # phone, board, gpu, meter, host
title = "what people call it"
base = "google_pixel"               # a profile that edgewatt ships: what is not said here is as it says
date = "2026-11-26"                 # when what is said here was read, where a fact says no other day

[sources]
wiki = "second-hand: ..."           # a source by a word, so that it is written once

[match]                             # which phones it is for: every key has to fit, by one of its patterns
manufacturer = ["google"]           # (see phones.py for the properties that a key stands for)
model = ["pixel 6*"]
serial = ["1a2b3c"]                 # one phone and no other
source = "where that is known from"

[facts]
soc = { value = "...", source = "wiki" }

[facts.update_period_s]             # a number's key ends in its unit
value = 0.001
source = "where that is known from"
u = 0.0001                          # of a number that was measured: its standard uncertainty, in its unit
basis = "measured"                  # measured, published, assumed or simulated
date = "2026-11-26"

[rails.dram]
label = "package-{n}_dram"          # {n}: an index, * : anything; compared with the channel's name
covers = ["dram-{n}"]               # the power domains inside the number
boundary = "rail"
inside = "psys"                     # the rail that contains it, so that the two are never added
alone = false                       # true: an energy source of its own
source = "..."

[totals.package]
name = "package-{n}"                # with {n}: one total per index
add = ["package"]                   # all of their rails have to be readable
with = ["dram"]                     # added, and named in the total, where they are
at_least = 1                        # how many rails of `add` make it a total
boundary = "board"                  # where the sum of the rails is taken: the rails' own unless it says another
source = "..."
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

from edgewatt.device_profiles.profile_shape import MATCH, MATCH_KEYS, PROFILE, RAIL, TOTAL, Kind, check_fact
from edgewatt.device_profiles.shapes import nearest
from edgewatt.profiler.channel import Boundary
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.checked import shown

Value = str | bool | int | float | tuple[str | int | float, ...]

FOLDER: Final = Path(__file__).parent
# Where else profiles lie that edgewatt ships; a name is one of all of them.
ROOMS: Final = ("android", "jetson", "nvidia")
SIZE_LIMIT: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Fact:
    """A value, in the unit at the end of its key, and where it is known from.

    `u` is the standard uncertainty of a number that was measured; `basis` and `date` are blank where nobody said them.
    The date of a file is that of each of its facts that has none.
    """

    value: Value
    source: str
    u: float | None = None
    basis: str | None = None
    date: str | None = None


@dataclass(frozen=True, slots=True)
class Rail:
    """What is known of the rails whose channel is called like `label`."""

    key: str
    label: str
    covers: tuple[str, ...]
    boundary: Boundary
    inside: str | None
    alone: bool
    source: str


@dataclass(frozen=True, slots=True)
class Total:
    """A sum of rails that may be formed: all rails of `add`, and those of `optional` where every one is readable.

    `boundary` is where the sum is taken (None: where its rails are).
    """

    key: str
    name: str
    add: tuple[str, ...]
    optional: tuple[str, ...]
    at_least: int
    source: str
    boundary: Boundary | None = None


@dataclass(frozen=True, slots=True)
class DeviceProfile:
    """Facts of one device or family of devices; rails and totals in the order of the file.

    `match` has patterns in lower case by MATCH_KEYS; empty for a profile that is chosen by its name. `bases` are the
    profiles that it is on top of, the nearest first.
    """

    name: str
    kind: Kind
    title: str
    match: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    facts: Mapping[str, Fact] = field(default_factory=dict)
    rails: tuple[Rail, ...] = ()
    totals: tuple[Total, ...] = ()
    base: str | None = None
    bases: tuple[str, ...] = ()
    date: str | None = None

    def number(self, key: str) -> float:
        """A fact that is a number, in the unit that its key ends in. Raises UsageError if there is none."""
        fact = self.facts.get(key)
        if fact is None or isinstance(fact.value, bool) or not isinstance(fact.value, int | float):
            raise UsageError(f"device profile {self.name!r} has no number facts.{key}; it has {', '.join(self.facts)}")
        return float(fact.value)


def names() -> list[str]:
    """The profiles that edgewatt ships."""
    return sorted(_shipped_files())


@cache
def _shipped_files() -> Mapping[str, Path]:
    folders = (FOLDER, *(FOLDER / room for room in ROOMS))
    return {path.stem: path for folder in folders for path in folder.glob("*.toml")}


@cache
def shipped(name: str) -> DeviceProfile:
    """The profile that edgewatt ships under this name, whatever the user has of his own. Raises UsageError."""
    files = _shipped_files()
    if name not in files:
        raise UsageError(f"device profile {shown(name)}: edgewatt ships none of that name, only {', '.join(names())}")
    return load(files[name])


def own_folder() -> Path:
    """Where the user's own profiles lie."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "edgewatt" / "profiles"


def own_names() -> list[str]:
    """The user's own profiles; none where their folder cannot be read."""
    try:
        return sorted(path.stem for path in own_folder().glob("*.toml"))
    except OSError:
        return []


def load(name_or_path: str | Path) -> DeviceProfile:
    """The user's own profile of this name, or the one that edgewatt ships, or that in this .toml file.

    Raises UsageError.
    """
    path = Path(name_or_path)
    if path.suffix != ".toml":
        name, own = str(name_or_path), own_names()
        known = dict.fromkeys([*own, *names()])
        if name not in known:
            near = nearest(name, known)
            meant = f" (did you mean {near}?)" if near else ""
            raise UsageError(f"device profile {name!r}{meant}: neither a .toml file nor one of {', '.join(known)}")
        path = own_folder() / f"{name}.toml" if name in own else _shipped_files()[name]
    try:
        with path.open("rb") as file:
            raw = file.read(SIZE_LIMIT + 1)
    except (OSError, ValueError) as error:
        raise UsageError(f"device profile {path}: cannot be read ({error})") from None
    return parse(raw, str(path))


def parse(raw: bytes, file: str) -> DeviceProfile:
    """The profile in `raw`; `file` is what errors call it. Raises UsageError: file, key, seen, expected."""
    if len(raw) > SIZE_LIMIT:
        raise UsageError(f"device profile {file}: over {SIZE_LIMIT} bytes; expected a small TOML file")
    try:
        data = tomllib.loads(raw.decode())
    except (ValueError, RecursionError) as error:
        raise UsageError(f"device profile {file}: not TOML ({str(error) or type(error).__name__})") from None
    try:
        profile = _profile(data)
        if profile.base is not None:
            profile = _on(profile, profile.base)
        _check_nesting(profile)
    except ValueError as error:
        raise UsageError(f"device profile {file}: {error}") from None
    return profile


def _on(profile: DeviceProfile, base: str) -> DeviceProfile:
    """The profile with what one that edgewatt ships says beyond it; of rails and totals all or nothing."""
    if base not in names():
        near = nearest(base, names())
        meant = f" (did you mean {near!r}?)" if near else ""
        raise ValueError(f"base is {shown(base)}{meant}, expected one of {', '.join(names())}")
    under = shipped(base)
    if under.kind != profile.kind:
        raise ValueError(f"base is {shown(base)}, a {under.kind}; expected a {profile.kind}")
    return replace(
        profile,
        facts={**under.facts, **profile.facts},
        rails=profile.rails or under.rails,
        totals=profile.totals if profile.rails else under.totals,
        bases=(base, *under.bases),
    )


def _profile(data: dict[str, Any]) -> DeviceProfile:
    PROFILE.check(data, "the file")
    kind, date, sources = data["kind"], data.get("date"), data.get("sources", {})
    if "match" in data:
        MATCH.check(data["match"], "match")
    facts = {key: check_fact(kind, key, table) for key, table in data.get("facts", {}).items()}
    return DeviceProfile(
        name=data["name"],
        kind=kind,
        title=data["title"],
        match={key: tuple(data["match"][key]) for key in MATCH_KEYS if data.get("match", {}).get(key)},
        facts={key: _fact(table, date, _said(table, sources, f"facts.{key}")) for key, table in facts.items()},
        rails=tuple(_rail(key, table, sources) for key, table in data.get("rails", {}).items()),
        totals=tuple(_total(key, table, sources) for key, table in data.get("totals", {}).items()),
        base=data.get("base"),
        date=date,
    )


def _fact(table: dict[str, Any], date: str | None, source: str) -> Fact:
    value = table["value"]
    said = tuple(value) if isinstance(value, list) else value
    return Fact(said, source, table.get("u"), table.get("basis"), table.get("date", date))


def _said(table: dict[str, Any], sources: Mapping[str, str], where: str) -> str:
    """The source of a table: what stands there, or what its word stands for."""
    source = str(table["source"])
    if source not in sources and " " not in source and (near := nearest(source, sources)):
        raise ValueError(
            f"{where}: source is {shown(source)}, expected a text or one of [sources]; did you mean {near!r}?"
        )
    return sources.get(source, source)


def _rail(key: str, table: dict[str, Any], sources: Mapping[str, str]) -> Rail:
    where = f"rails.{key}"
    RAIL.check(table, where)
    more = {"covers": tuple(table["covers"]), "source": _said(table, sources, where)}
    return Rail(key, **{"inside": None, **table, **more})


def _total(key: str, table: dict[str, Any], sources: Mapping[str, str]) -> Total:
    where = f"totals.{key}"
    TOTAL.check(table, where)
    return Total(
        key,
        name=table["name"],
        add=tuple(table["add"]),
        optional=tuple(table.get("with", ())),
        at_least=table.get("at_least", 1),
        source=_said(table, sources, where),
        boundary=table.get("boundary"),
    )


def _check_nesting(profile: DeviceProfile) -> None:
    """Refuse what would count joules twice, or add joules of two boundaries."""
    rails = {rail.key: rail for rail in profile.rails}
    for rail in profile.rails:
        if rail.inside is not None and rail.inside not in rails:
            raise ValueError(f"rails.{rail.key}.inside is {shown(rail.inside)}, expected one of {', '.join(rails)}")
    for rail in profile.rails:
        if rail.key in _containers(rails, rail.key):
            raise ValueError(f"rails.{rail.key}.inside is {shown(rail.inside)}, which lies inside {rail.key} itself")
    for total in profile.totals:
        where, parts = f"totals.{total.key}", (*total.add, *total.optional)
        if not total.add or len(set(parts)) != len(parts) or not set(parts) <= set(rails):
            raise ValueError(f"{where} adds {shown(list(parts))}, expected different ones of {', '.join(rails)}")
        for part in parts:
            if twice := _containers(rails, part) & set(parts):
                raise ValueError(f"{where} adds {part} and {min(twice)}, which contains it: joules would count twice")
        if len({rails[part].boundary for part in parts}) > 1:
            raise ValueError(f"{where} adds {shown(list(parts))}, expected rails of one boundary")


def _containers(rails: Mapping[str, Rail], key: str) -> set[str]:
    """The rails that contain `key`, at any depth; `key` is among them if they run in a circle."""
    found: set[str] = set()
    outer = rails[key].inside
    while outer is not None and outer not in found:
        found.add(outer)
        outer = rails[outer].inside
    return found

"""Reads a device profile: TOML whose every fact names its source, checked key by key.

name = "linux_rapl"
kind = "host"                       # phone, board, gpu, meter, host
title = "what people call it"
base = "google_pixel"               # a profile that edgewatt ships: what is not said here is as it says

[match]                             # which phones it is for: every key has to fit, by one of its patterns
manufacturer = ["google"]           # (see phones.py for the properties that a key stands for)
model = ["pixel 6*"]
serial = ["1a2b3c"]                 # one phone and no other
source = "where that is known from"

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
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal, get_args

from edgewatt.profiler.channel import LABEL_LIMIT, Boundary
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.checked import (
    FLAG,
    NUMBER,
    OBJECT,
    TEXT,
    Rule,
    checked,
    list_of,
    object_of,
    one_of,
    shown,
)

Kind = Literal["phone", "board", "gpu", "meter", "host"]
Value = str | bool | int | float | tuple[str | int | float, ...]

FOLDER: Final = Path(__file__).parent
SIZE_LIMIT: Final = 1 << 20
UNITS: Final = ("s", "w", "j", "v", "a", "hz", "c", "ohm", "ratio", "b", "n", "coulomb")

# What a device calls itself by.
MATCH_KEYS: Final = ("manufacturer", "brand", "model", "device", "soc", "serial")
BASES: Final = ("measured", "published", "assumed", "simulated")
_DAY: Final = re.compile(r"[0-9]{4}-[01][0-9]-[0-3][0-9]")
_PATTERN: Final = re.compile(r"[a-z0-9_+*-]*(\{n\})?[a-z0-9_+*-]*")


def _is_pattern(value: Any) -> bool:
    """At most two *: a pattern that cannot be slow on a name of LABEL_LIMIT characters."""
    if not isinstance(value, str) or not 0 < len(value) <= LABEL_LIMIT:
        return False
    return value.count("*") <= 2 and _PATTERN.fullmatch(value) is not None


def _is_value(value: Any) -> bool:
    return TEXT.holds(value) or FLAG.holds(value) or NUMBER.holds(value)


PATTERN: Final = Rule("a channel's name with at most one {n} for an index and two * for anything", _is_pattern)
_SOURCE: Final = Rule("a text that says where this is known from", lambda value: TEXT.holds(value) and value.strip())
_NAME: Final = Rule(
    "a device's name in lower case, with at most two * for anything",
    lambda v: isinstance(v, str) and 0 < len(v) <= LABEL_LIMIT and v == v.lower() and v.count("*") <= 2,
)
_DATE: Final = Rule("a date such as 2026-11-26", lambda v: isinstance(v, str) and _DAY.fullmatch(v) is not None)
_NOT_NEGATIVE: Final = Rule("a number from 0 on", lambda v: NUMBER.holds(v) and v >= 0)
_COUNT: Final = Rule("a whole number from 1 to 1000", lambda v: type(v) is int and 1 <= v <= 1000)
_VALUE: Final = Rule(
    "a text, a finite number, true, false, or a list of texts and numbers",
    lambda v: _is_value(v) or (isinstance(v, list) and all(_is_value(x) and not FLAG.holds(x) for x in v)),
)


@dataclass(frozen=True, slots=True)
class Fact:
    """A value, in the unit at the end of its key, and where it is known from.

    `u` is the standard uncertainty of a number that was measured; `basis` and `date` are blank where nobody said them.
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

    `match` has patterns in lower case by MATCH_KEYS; empty for a profile that is chosen by its name.
    """

    name: str
    kind: Kind
    title: str
    match: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    facts: Mapping[str, Fact] = field(default_factory=dict)
    rails: tuple[Rail, ...] = ()
    totals: tuple[Total, ...] = ()
    base: str | None = None

    def number(self, key: str) -> float:
        """A fact that is a number, in the unit that its key ends in. Raises UsageError if there is none."""
        fact = self.facts.get(key)
        if fact is None or isinstance(fact.value, bool) or not isinstance(fact.value, int | float):
            raise UsageError(f"device profile {self.name!r} has no number facts.{key}; it has {', '.join(self.facts)}")
        return float(fact.value)


def names() -> list[str]:
    """The profiles that edgewatt ships."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


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
        if name not in (*own, *names()):
            known = ", ".join(dict.fromkeys([*own, *names()]))
            raise UsageError(f"device profile {name!r}: neither a .toml file nor one of {known}")
        path = (own_folder() if name in own else FOLDER) / f"{name}.toml"
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
        raise ValueError(f"base is {shown(base)}, expected one of {', '.join(names())}")
    under = load(FOLDER / f"{base}.toml")
    if under.kind != profile.kind:
        raise ValueError(f"base is {shown(base)}, a {under.kind}; expected a {profile.kind}")
    return replace(
        profile,
        facts={**under.facts, **profile.facts},
        rails=profile.rails or under.rails,
        totals=profile.totals if profile.rails else under.totals,
    )


def _profile(data: dict[str, Any]) -> DeviceProfile:
    tables = {
        "base": TEXT,
        "match": OBJECT,
        "facts": object_of(OBJECT),
        "rails": object_of(OBJECT),
        "totals": object_of(OBJECT),
    }
    checked(data, "the file", {"name": TEXT, "kind": one_of(*get_args(Kind)), "title": TEXT}, tables)
    return DeviceProfile(
        name=data["name"],
        kind=data["kind"],
        title=data["title"],
        match=_match(data["match"]) if "match" in data else {},
        facts={key: _fact(key, table) for key, table in data.get("facts", {}).items()},
        rails=tuple(_rail(key, table) for key, table in data.get("rails", {}).items()),
        totals=tuple(_total(key, table) for key, table in data.get("totals", {}).items()),
        base=data.get("base"),
    )


def _match(table: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    checked(table, "match", {"source": _SOURCE}, dict.fromkeys(MATCH_KEYS, list_of(_NAME)))
    found = {key: tuple(table[key]) for key in MATCH_KEYS if table.get(key)}
    if not found:
        raise ValueError(f"match has no pattern; expected one of {', '.join(MATCH_KEYS)}")
    return found


def _fact(key: str, table: dict[str, Any]) -> Fact:
    more = {"u": _NOT_NEGATIVE, "basis": one_of(*BASES), "date": _DATE}
    checked(table, f"facts.{key}", {"value": _VALUE, "source": _SOURCE}, more)
    value = table["value"]
    elements = value if isinstance(value, list) else [value]
    if any(NUMBER.holds(element) for element in elements) and key.rpartition("_")[2] not in UNITS:
        raise ValueError(f"facts.{shown(key)} is a number; expected a key that ends in its unit: _{', _'.join(UNITS)}")
    said = tuple(value) if isinstance(value, list) else value
    return Fact(said, table["source"], table.get("u"), table.get("basis"), table.get("date"))


def _rail(key: str, table: dict[str, Any]) -> Rail:
    required = {
        "label": PATTERN,
        "covers": list_of(TEXT),
        "boundary": one_of(*get_args(Boundary)),
        "alone": FLAG,
        "source": _SOURCE,
    }
    checked(table, f"rails.{key}", required, {"inside": TEXT})
    return Rail(key, **{"inside": None, **table, "covers": tuple(table["covers"])})


def _total(key: str, table: dict[str, Any]) -> Total:
    required = {"name": PATTERN, "add": list_of(TEXT), "source": _SOURCE}
    allowed = {"with": list_of(TEXT), "at_least": _COUNT, "boundary": one_of(*get_args(Boundary))}
    checked(table, f"totals.{key}", required, allowed)
    return Total(
        key,
        name=table["name"],
        add=tuple(table["add"]),
        optional=tuple(table.get("with", ())),
        at_least=table.get("at_least", 1),
        source=table["source"],
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

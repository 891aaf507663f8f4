"""One look at a phone's files: what each said, and what a part of the catalogue makes of it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from edgewatt.collectors.android.files.nodes import Node, Seen
from edgewatt.device_profiles.loader import DeviceProfile
from edgewatt.profiler.channel import EnergySource, Unavailable
from edgewatt.profiler.errors import UsageError

# How often a stream is read where no profile and no user says it (assumed: the kernel counts load in ticks of 10 ms, so
# that a second resolves 1 %; governors decide every few ms to tens of ms).
SLOW_S: Final = 1.0
FAST_S: Final = 0.1
SHORTEST_S: Final = 1e-3
LONGEST_S: Final = 3600.0
FACT_LIMIT: Final = 128
_SAID_LIMIT: Final = 40

_WHOLE: Final = re.compile(r"\s*([+-]?[0-9]{1,18})\s*")
_DECIMAL: Final = re.compile(r"\s*([+-]?[0-9]{1,15}(?:\.[0-9]{1,15})?)\s*")


@dataclass(frozen=True, slots=True)
class Found:
    """What can be read of a phone, and what cannot: `facts` are plain JSON."""

    nodes: tuple[Node, ...] = ()
    unavailable: tuple[Unavailable, ...] = ()
    sources: tuple[EnergySource, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    def and_(self, other: "Found") -> "Found":
        """Both together."""
        return Found(
            (*self.nodes, *other.nodes),
            (*self.unavailable, *other.unavailable),
            (*self.sources, *other.sources),
            {**self.facts, **other.facts},
        )


@dataclass(frozen=True, slots=True)
class Look:
    """`seen` by path; `earlier` is a look before it (empty: there was none), which shows what moves.

    `sysfs` and `proc` are where the phone has them; `period_s` (None: each stream its own) is for every stream.
    """

    seen: Mapping[str, Seen]
    profile: DeviceProfile
    sysfs: str = "/sys"
    proc: str = "/proc"
    period_s: float | None = None
    earlier: Mapping[str, Seen] = field(default_factory=dict)

    def at(self, pattern: str) -> str:
        """The path, or the pattern of paths, that a candidate is on this phone."""
        return pattern.replace("{sysfs}", self.sysfs).replace("{proc}", self.proc)

    def text(self, path: str) -> str | None:
        """What the file said; None if it said nothing or could not be read."""
        seen = self.seen.get(path)
        return seen.text if seen is not None and seen.text is not None and seen.text.strip() else None

    def before(self, path: str) -> str | None:
        """What the file said at the earlier look; None if there was none."""
        seen = self.earlier.get(path)
        return None if seen is None else seen.text

    def fact(self, path: str) -> str | None:
        """The text of a file on one line, bounded, free of what cannot be printed."""
        return clean(self.text(path) or "") or None

    def why(self, path: str) -> str:
        """Why a file gives nothing."""
        seen = self.seen.get(path)
        if seen is None:
            return "not there"
        if seen.text is None:
            return clean(seen.reason) or "cannot be read"
        return "is empty" if not seen.text.strip() else f"says {clean(seen.text, _SAID_LIMIT)!r}"

    def matching(self, pattern: str) -> list[str]:
        """The paths, readable or not, that a candidate found; numbers in their order."""
        parts = self.at(pattern).split("*")
        rule = re.compile("[^/]*".join(re.escape(part) for part in parts))
        return sorted((path for path in self.seen if "*" not in path and rule.fullmatch(path)), key=natural)

    def every(self, default_s: float, fact: str = "") -> float:
        """How often a stream is worth reading: as the user asked, else as the profile says, else `default_s`."""
        return self.period_s or self.seconds(fact) or default_s

    def seconds(self, fact: str) -> float | None:
        """A time of the profile; None if it has none. Raises UsageError for one beyond SHORTEST_S to LONGEST_S."""
        if fact not in self.profile.facts:
            return None
        stated_s = self.profile.number(fact)
        if not SHORTEST_S <= stated_s <= LONGEST_S:
            expected = f"{SHORTEST_S:g} to {LONGEST_S:g} s"
            raise UsageError(f"device profile {self.profile.name!r}: facts.{fact} is {stated_s:g}, expected {expected}")
        return stated_s

    def word(self, fact: str, allowed: Iterable[str]) -> str | None:
        """A fact of the profile that is one of these words; None if it has none. Raises UsageError for another."""
        stated = self.profile.facts.get(fact)
        if stated is None:
            return None
        known = tuple(allowed)
        if not isinstance(stated.value, str) or (known and stated.value not in known):
            expected = f"one of {', '.join(known)}" if known else "a text"
            raise UsageError(
                f"device profile {self.profile.name!r}: facts.{fact} is {stated.value!r}, expected {expected}"
            )
        return stated.value


def whole(text: str) -> int | None:
    """The one whole number of a file; None if it holds anything else or more than 18 digits."""
    hit = _WHOLE.fullmatch(text)
    return None if hit is None else int(hit[1])


def decimal(text: str) -> float | None:
    """The one number of a file, with or without a fraction; None if it holds anything else."""
    hit = _DECIMAL.fullmatch(text)
    return None if hit is None else float(hit[1])


def clean(text: str, limit: int = FACT_LIMIT) -> str:
    """`text` on one line, bounded, free of what cannot be printed."""
    shown = "".join(c if c.isprintable() else " " for c in text[: 4 * limit])
    return " ".join(shown.split())[:limit].rstrip()


def natural(path: str) -> list[tuple[int, str]]:
    """A key that sorts numbers in a path by their value: policy10 after policy4."""
    parts = re.split(r"([0-9]{1,18})", path)
    return [(int(part), "") if at % 2 else (-1, part) for at, part in enumerate(parts)]


def folder(path: str) -> str:
    """The folder of a path."""
    return path.rpartition("/")[0]


def name_of(path: str) -> str:
    """The last part of a path."""
    return path.rpartition("/")[2]

"""What a simulation takes where no calibration says: constants in TOML, each with its unit, its tag and its source."""

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final
from zlib import crc32

import numpy as np

from edgewatt.profiler.errors import UsageError

FOLDER: Final = Path(__file__).parent
CONFIRMED: Final = "confirmed"
# Of a row of a published calibration: the tag at the end of its source, as device_profiles/published.py writes it.
_TAG: Final = re.compile(r": (confirmed|second-hand|remembered|assumed)\Z")
# An interval of 95 % is so many standard deviations wide.
_WIDTH_SD: Final = 2 * 1.959964


@dataclass(frozen=True, slots=True)
class Constant:
    """A value in `unit`; `tag` says how sure it is, `fixed` why it is not varied (blank: it is)."""

    value: Any
    unit: str
    tag: str
    source: str
    fixed: str = ""

    @property
    def varies(self) -> bool:
        """Whether a headline's range has to hold another value of it."""
        return self.tag != CONFIRMED and not self.fixed


@dataclass(frozen=True, slots=True)
class Constants:
    """The constants of a system by dotted name (`radio.wlan.send_w`), and how far the unconfirmed are varied."""

    name: str
    source: str
    by_name: Mapping[str, Constant]
    variation_ratio: float
    scenarios: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        """The value of a constant. Raises KeyError."""
        return self.by_name[name].value

    def under(self, prefix: str) -> dict[str, Constant]:
        """The constants of one table, by the last part of their names."""
        start = f"{prefix}."
        return {name[len(start) :]: of for name, of in self.by_name.items() if name.startswith(start)}


@cache
def constants_of(system: str) -> Constants:
    """The constants of `system`, from its file beside this one."""
    data = tomllib.loads((FOLDER / f"{system}.toml").read_text(encoding="utf-8"))
    plain = ("name", "source", "date", "variation_ratio", "scenarios")
    return Constants(
        data["name"],
        data["source"],
        dict(_flat("", {key: of for key, of in data.items() if key not in plain})),
        data["variation_ratio"],
        data["scenarios"],
    )


def _flat(prefix: str, table: Mapping[str, Any]) -> Iterator[tuple[str, Constant]]:
    for key, of in table.items():
        if "value" in of:
            yield f"{prefix}{key}", Constant(**of)
        else:
            yield from _flat(f"{prefix}{key}.", of)


@dataclass(frozen=True, slots=True)
class Draw:
    """Which values a world is built on: as stated, or drawn.

    `seed` draws what is measured from its interval; with `vary` all that is not confirmed within +- `variation_ratio`;
    `factors` are of single names, for one at a time. A name has one value in a draw, in whatever order it is asked.
    `asked` collects what of it is not confirmed.
    """

    seed: int | None = None
    vary: bool = False
    factors: Mapping[str, float] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    _kept: dict[str, float] = field(default_factory=dict)

    def constant(self, constants: Constants, name: str) -> float:
        """A constant of this draw."""
        of = constants.by_name[name]
        return float(of.value) * (self._factor(name, constants.variation_ratio) if of.varies else 1.0)

    def row(self, name: str, row: Mapping[str, Any], column: str, ends: tuple[str, str], ratio: float) -> float:
        """A value of a row of a calibration: from its interval, or within +- ratio if its source is unsure of it."""
        value, low, high = float(row[column]), row.get(ends[0]), row.get(ends[1])
        if is_unsure(row):
            return value * self._factor(name, ratio)
        if self.seed is None or low is None or high is None or not 0 < low <= high:
            return value
        normal = self._once(f"{name} normal", lambda: self._rng(name).normal())
        return value * float(np.exp(normal * np.log(high / low) / _WIDTH_SD))

    def _factor(self, name: str, ratio: float) -> float:
        self.asked.add(name)
        if name in self.factors:
            return self.factors[name]
        return 1.0 + ratio * self._once(name, lambda: self._rng(name).uniform(-1, 1)) if self.vary else 1.0

    def _once(self, name: str, drawn: Callable[[], float]) -> float:
        """Drawn when it is asked for first: a world asks for the same name in hundreds of cells."""
        if name not in self._kept:
            self._kept[name] = drawn()
        return self._kept[name]

    def _rng(self, name: str) -> np.random.Generator:
        return np.random.default_rng([self.seed or 0, crc32(name.encode())])


def is_unsure(row: Mapping[str, Any]) -> bool:
    """Whether a row was not measured and its source does not confirm it."""
    if row["basis"] not in ("published", "assumed"):
        return False
    tag = _TAG.search(row["source"] or "")
    return tag is None or tag[1] != CONFIRMED


def no_such(what: str, asked: str, known: Iterator[str] | list[str]) -> UsageError:
    """That something was asked for by a name that it has not."""
    return UsageError(f"{what} {asked!r}: expected one of {', '.join(known)}")

"""One table of a place's file: its values by name, each of the type and unit that its name says, or refused."""

import math
from collections.abc import Collection, Mapping
from typing import Any, Final

from edgewatt.models.carbon.interval import Interval, exact
from edgewatt.models.carbon.nearest import unknown
from edgewatt.models.carbon.place import Basis
from edgewatt.models.carbon.units import in_si
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.checked import shown

TAGS: Final = ("confirmed", "second-hand", "remembered", "assumed", "measured", "own")
_NOT_TOLD: Final = "not told"
_ENDS: Final = ("low", "value", "high")


class Table:
    """The values of a table that has no key beside `keys`. Every method raises UsageError that says where."""

    def __init__(self, data: Mapping[str, Any], where: str, keys: Collection[str]) -> None:
        self.data = data
        self.where = where
        for key in data:
            if key not in keys:
                raise UsageError(f"{where}: {unknown('key', key, keys)}")

    def text(self, key: str, default: str | None = None) -> str:
        """Text; `default` where it is not there."""
        value = self.data.get(key, default)
        if not isinstance(value, str):
            raise self._wrong(key, "text")
        return value

    def flag(self, key: str) -> None:
        """A key that is only ever true."""
        if self.data.get(key) is not True:
            raise self._wrong(key, "true, or to be left out")

    def whole(self, key: str, default: int | None = None) -> int:
        """A whole number from 0 on."""
        value = self.data.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 10**9:
            raise self._wrong(key, "a whole number from 0 on")
        return value

    def number(self, key: str, unit: str) -> float:
        """A number from 0 on, in SI."""
        return in_si(self._plain(self.data.get(key), key), unit)

    def interval(self, key: str, unit: str) -> Interval:
        """A number, or a table of low, value and high, in SI."""
        given = self.data.get(key)
        if not isinstance(given, dict):
            return exact(self.number(key, unit))
        table = Table(given, f"{self.where}: {key}", (*_ENDS, "tag", "source"))
        value, low, high = (in_si(table._plain(given.get(end), end), unit) for end in ("value", "low", "high"))
        if not low <= value <= high:
            raise UsageError(
                f"{self.where}: {key}: low, value, high are {given['low']}, {given['value']}, {given['high']}"
            )
        return Interval(value, low, high)

    def basis(self, key: str) -> Basis:
        """Where a value is from; `own` where its table does not say."""
        given = self.data[key]
        if not isinstance(given, dict):
            return Basis("own", _NOT_TOLD)
        table = Table(given, f"{self.where}: {key}", (*_ENDS, "tag", "source"))
        return Basis(table.tag(), table.text("source", _NOT_TOLD))

    def tag(self) -> str:
        """The tag, `own` where there is none."""
        tag = self.text("tag", "own")
        if tag not in TAGS:
            raise UsageError(f"{self.where}: tag {shown(tag)}: expected one of {', '.join(TAGS)}")
        return tag

    def one_of_two(self, first: str, second: str) -> str:
        """Which of two keys there is; both, or neither, is refused."""
        there = [key for key in (first, second) if key in self.data]
        if len(there) != 1:
            raise UsageError(f"{self.where}: has {' and '.join(there) or 'neither'}; expected {first} or {second}")
        return there[0]

    def _plain(self, value: Any, key: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
            raise UsageError(f"{self.where}: {key} is {shown(value)}; expected a number from 0 on")
        return float(value)

    def _wrong(self, key: str, expected: str) -> UsageError:
        seen = shown(self.data[key]) if key in self.data else "missing"
        return UsageError(f"{self.where}: {key} is {seen}; expected {expected}")

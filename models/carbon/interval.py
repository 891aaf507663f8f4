"""A value with the least and the most that it may be."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from typing import Final

from edgewatt.profiler.errors import UsageError


@dataclass(frozen=True, slots=True)
class Interval:
    """`low` <= `value` <= `high`, all finite and none negative.

    Sums and products take all low ends together and all high ends together: the interval of a result is as wide as its
    parts allow, never narrower than if they were independent. Raises UsageError where the order is another.
    """

    value: float
    low: float
    high: float

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.value <= self.high < math.inf:
            raise UsageError(f"{self.low:g} to {self.high:g} around {self.value:g}: expected 0 <= low <= value <= high")

    def __mul__(self, other: "Interval") -> "Interval":
        return Interval(self.value * other.value, self.low * other.low, self.high * other.high)

    def __add__(self, other: "Interval") -> "Interval":
        return Interval(self.value + other.value, self.low + other.low, self.high + other.high)

    def over(self, other: "Interval") -> "Interval":
        """The quotient. Raises UsageError if the divisor may be 0."""
        if other.low <= 0:
            raise UsageError(
                f"{other.value:g} ({other.low:g} to {other.high:g}) may be 0: nothing can be divided by it"
            )
        return Interval(self.value / other.value, self.low / other.high, self.high / other.low)

    def times(self, factor: float) -> "Interval":
        """All three times `factor` >= 0."""
        return Interval(self.value * factor, self.low * factor, self.high * factor)


ZERO: Final = Interval(0.0, 0.0, 0.0)
ONE: Final = Interval(1.0, 1.0, 1.0)


def exact(value: float) -> Interval:
    """A value that is what it is."""
    return Interval(value, value, value)


def within(value: float, ratio: float) -> Interval:
    """A value that may be `ratio` less or more, the least being 0."""
    return Interval(value, max(value * (1 - ratio), 0.0), value * (1 + ratio))


def total(parts: Iterable[Interval]) -> Interval:
    """The sum of parts; ZERO of none."""
    return reduce(lambda so_far, part: so_far + part, parts, ZERO)

"""Which of several points are the best trade: none of the others is better in both."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

# Whether a point lies on the front: yes by its estimates, no, or its interval still reaches it.
YES: Final = "yes"
NO: Final = "no"
UNCLEAR: Final = "cannot tell"


@dataclass(frozen=True, slots=True)
class Span:
    """A value with its interval; an end is None where there is none. Lower is better."""

    value: float
    low: float | None = None
    high: float | None = None

    @property
    def least(self) -> float:
        """The lower end, or the value itself."""
        return self.value if self.low is None else self.low

    @property
    def most(self) -> float:
        """The upper end, or the value itself."""
        return self.value if self.high is None else self.high


def on_front(points: Sequence[tuple[Span, Span]]) -> list[str]:
    """Of each point whether it is non-dominated: YES, NO, or UNCLEAR.

    A point is NO where another's intervals both lie below its own, whatever the values are within them. It is YES where
    no other is at least as low in both estimates and lower in one. What is neither is dominated by estimates alone.
    """
    return [_of(point, points) for point in points]


def _of(point: tuple[Span, Span], points: Sequence[tuple[Span, Span]]) -> str:
    x, y = point
    others = [other for other in points if other is not point]
    if any(a.most < x.least and b.most < y.least for a, b in others):
        return NO
    if any(a.value <= x.value and b.value <= y.value and (a.value, b.value) != (x.value, y.value) for a, b in others):
        return UNCLEAR
    return YES

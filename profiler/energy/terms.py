"""The terms of an uncertainty: what they are called, how they combine, which one dominates, what would shrink it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from edgewatt.profiler.statistics import LEVEL, t_quantile, welch_satterthwaite

REPEATS, EDGES, SAMPLING = "repeats", "edges", "sampling"
CLOCK, GAPS, IDLE, IDLE_DRIFT = "clock offset", "gaps", "idle", "idle drift"
GAIN, ZERO = "gain", "zero point"

# What makes each term smaller, said to whoever would like a narrower interval.
SHRINKS: Final[Mapping[str, str]] = {
    REPEATS: "measure more repeats, or longer ones",
    EDGES: "measure longer windows, or with a sensor that updates faster",
    SAMPLING: "measure longer windows, or with a sensor that looks more often",
    CLOCK: "synchronise the clocks (pulses of load that the meter sees, a cable instead of Wi-Fi), or measure longer",
    GAPS: "use a connection that loses no samples",
    IDLE: "idle for longer before and after",
    IDLE_DRIFT: "let it cool to where it began before the idle after, and keep everything else quiet",
    GAIN: "calibrate the sensor against a meter",
    ZERO: "calibrate the sensor's zero point, or look at the energy above idle, from which it cancels",
}

_UPPER: Final = (1 + LEVEL) / 2
_NORMAL: Final = t_quantile(_UPPER, math.inf)


@dataclass(frozen=True, slots=True)
class Term:
    """One standard uncertainty, in joules per iteration.

    Type A was estimated from values that vary, with `df` degrees of freedom; type B is known of the instrument.
    """

    name: str
    u_j: float
    kind: Literal["A", "B"]
    df: float = math.inf


def combined_u_j(terms: Sequence[Term]) -> float:
    """The combined standard uncertainty: the root of the sum of squares (JCGM 100:2008, equation 10)."""
    return math.hypot(*(term.u_j for term in terms))


def effective_df(terms: Sequence[Term]) -> float:
    """Welch and Satterthwaite's degrees of freedom of what was estimated (type A); inf where nothing was."""
    return welch_satterthwaite(_estimated(terms))


def half_width_j(terms: Sequence[Term]) -> float:
    """Half of the 95 % interval: sqrt((t u_A)^2 + (1.96 u_B)^2), t of Welch-Satterthwaite over the terms of type A.

    What is known of the instrument (type B) is not widened by how few the repeats were.
    """
    estimated_j = math.hypot(*(u_j for u_j, _ in _estimated(terms)))
    known_j = math.hypot(*(term.u_j for term in terms if term.kind == "B"))
    return math.hypot(t_quantile(_UPPER, effective_df(terms)) * estimated_j, _NORMAL * known_j)


def coverage_factor(terms: Sequence[Term]) -> float:
    """Half-width over combined standard uncertainty: from 1.96 (all known) to Student's t (all estimated)."""
    u_j = combined_u_j(terms)
    return half_width_j(terms) / u_j if u_j > 0 else _NORMAL


def shares(terms: Sequence[Term]) -> list[float]:
    """Which share of the variance each term has; all 0 where nothing varies."""
    squares = (
        [(term.u_j / largest) ** 2 for term in terms] if (largest := _largest_j(terms)) > 0 else [0.0 for _ in terms]
    )
    total = math.fsum(squares)
    return [square / total if total > 0 else 0.0 for square in squares]


def dominating(terms: Sequence[Term]) -> Term | None:
    """The term with the largest share; None where nothing is uncertain."""
    return max(terms, key=lambda term: term.u_j) if _largest_j(terms) > 0 else None


def _largest_j(terms: Sequence[Term]) -> float:
    return max((term.u_j for term in terms), default=0.0)


def _estimated(terms: Sequence[Term]) -> list[tuple[float, float]]:
    return [(term.u_j, term.df) for term in terms if term.kind == "A"]

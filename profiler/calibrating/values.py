"""Values with their 95 % intervals, as the rows of a calibration hold them."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from edgewatt.profiler.calibrating.spreads import Spread, spread_of
from edgewatt.profiler.statistics import LEVEL, t_quantile, welch_satterthwaite
from edgewatt.profiler.storage.checked import NUMBER, WHOLE

Row = dict[str, Any]

_UPPER: Final = (1 + LEVEL) / 2
NORMAL: Final = t_quantile(_UPPER, math.inf)


@dataclass(frozen=True, slots=True)
class Value:
    """A value and where it lies at 95 %; `low` and `high` are None where one look has no spread."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(slots=True)
class Found:
    """What a fit found: rows by table, without device, basis; and sentences on what could not be told apart."""

    rows: dict[str, list[Row]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, table: str, row: Mapping[str, Any]) -> None:
        """One more row."""
        self.rows.setdefault(table, []).append(dict(row))

    def take(self, other: "Found") -> None:
        """All that another fit found as well."""
        for table, rows in other.rows.items():
            self.rows.setdefault(table, []).extend(rows)
        self.notes.extend(other.notes)


def number(said: object) -> float | None:
    """What a run told, if it is a number."""
    return float(said) if isinstance(said, int | float) and NUMBER.holds(said) else None


def whole(said: object) -> int | None:
    """What a run told, if it is a whole number."""
    return int(said) if isinstance(said, int | float) and WHOLE.holds(said) else None


def cells(name: str, unit: str, value: Value | None) -> Row:
    """The three columns of a value with its interval.

    >>> cells("busy", "w", Value(1.0, 0.9, 1.1))
    {'busy_w': 1.0, 'busy_low_w': 0.9, 'busy_high_w': 1.1}
    """
    found = value or Value(math.nan)
    return {
        f"{name}_{unit}": known(found.value),
        f"{name}_low_{unit}": known(found.low),
        f"{name}_high_{unit}": known(found.high),
    }


def known(value: float | None) -> float | None:
    """The value, None where it is none or no number."""
    return None if value is None or not math.isfinite(value) else float(value)


def within(value: float, u: float, df: float = math.inf, *, gain_rel: float | None = None, zero: float = 0.0) -> Value:
    """A value with a standard uncertainty `u` on `df` degrees of freedom, a gain and a zero point, which are known.

    What was estimated is multiplied by Student's t, what is known of the instrument (type B) by 1.96, as
    profiler/energy/terms.py has it. An unknown gain adds nothing: the interval then is of repeatability.
    """
    if not math.isfinite(u) or df <= 0:
        return Value(value)
    half = math.hypot(t_quantile(_UPPER, df) * u, NORMAL * (gain_rel or 0.0) * value, NORMAL * zero)
    return Value(value, value - half, value + half)


def together(terms: Iterable[tuple[float, float]]) -> tuple[float, float]:
    """The uncertainty of a sum of (standard uncertainty, degrees of freedom), with Welch and Satterthwaite's own."""
    used = [(u, df) for u, df in terms if u > 0]
    return math.hypot(*(u for u, _ in used)), welch_satterthwaite(used)


def difference_of(sides: Sequence[tuple[Spread, int]], *, shared: bool) -> tuple[float, float]:
    """The uncertainty of a difference of means of so many looks each, and its degrees of freedom.

    Spreads that were learnt from the same looks (`shared`) are not two tellings of it: they have the fewer of theirs.
    """
    u, df = together([(one.sd / math.sqrt(n), one.df) for one, n in sides])
    return u, min(one.df for one, _ in sides) if shared else df


def mean_of(values: ArrayLike, u: Sequence[float] = (), *, gain_rel: float | None = None) -> Value | None:
    """The mean of repeated looks with Student's interval; of one look that of its own `u` where it is told."""
    array = np.asarray(values, np.float64)
    n = len(array)
    if not n:
        return None
    mean = float(array.mean())
    if n == 1:
        return within(mean, u[0], gain_rel=gain_rel) if len(u) else Value(mean)
    return within(mean, float(array.std(ddof=1)) / math.sqrt(n), n - 1, gain_rel=gain_rel)


def mean_alike(
    values: ArrayLike, relative: Spread, u: Sequence[float] = (), *, gain_rel: float | None = None
) -> Value | None:
    """The mean of looks that scatter by a share of themselves which others told as well; else as `mean_of`."""
    array = np.asarray(values, np.float64)
    if not len(array) or relative.df <= 0 or not math.isfinite(relative.sd):
        return mean_of(array, u, gain_rel=gain_rel)
    mean = float(array.mean())
    return within(mean, abs(mean) * relative.sd / math.sqrt(len(array)), relative.df, gain_rel=gain_rel)


def positive(value: Value | None) -> Value | None:
    """The value of what cannot be below zero: a time, a rate."""
    if value is None or value.low is None:
        return value
    return replace(value, low=max(value.low, min(0.0, value.value)))


def ratio_of(above: ArrayLike, below: ArrayLike, spreads: Sequence[Spread] = ()) -> Value | None:
    """The ratio of the geometric means of two sides, positive values, with an interval of the logarithms.

    `spreads` are those of the logarithms, of either side, where others told them as well; else it is Welch's interval.
    """
    sides = [np.log(np.asarray(side, np.float64)) for side in (above, below)]
    if not all(len(side) and np.isfinite(side).all() for side in sides):
        return None
    middle = float(sides[0].mean() - sides[1].mean())
    told = spreads or [spread_of(side) for side in sides]
    if min(one.df for one in told) <= 0:
        return Value(math.exp(middle))
    u, df = difference_of([(one, len(side)) for one, side in zip(told, sides, strict=True)], shared=bool(spreads))
    half = t_quantile(_UPPER, df) * u if u > 0 else 0.0
    return Value(math.exp(middle), math.exp(middle - half), math.exp(middle + half))

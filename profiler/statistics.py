"""Means with their intervals, without scipy: Student's t, Welch-Satterthwaite, percentiles."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

LEVEL: Final = 0.95  # of every interval that edgewatt states (architecture.md, results)

_STEPS = 200
# From so many degrees of freedom on Student's t is taken for normal: at 95 % they differ by 1e-8, and lgamma's digits
# no longer resolve the difference.
_NORMAL_FROM: Final = 1e8
_TINY = 1e-300


@dataclass(frozen=True, slots=True)
class MeanInterval:
    """A mean with its interval, in the unit of the values. `std`, `low`, `high` are None where one value has none."""

    mean: float
    n: int
    std: float | None = None
    low: float | None = None
    high: float | None = None


def interval_of_mean(values: ArrayLike, level: float = LEVEL) -> MeanInterval | None:
    """The mean of independent values (shape [n]) and its Student interval; None without a value, no bounds from one."""
    array = np.asarray(values, np.float64)
    if not array.size:
        return None
    mean, n = float(array.mean()), int(array.size)
    if n == 1:
        return MeanInterval(mean, n)
    std = float(array.std(ddof=1))
    half = t_quantile((1 + level) / 2, n - 1) * std / math.sqrt(n)
    return MeanInterval(mean, n, std, mean - half, mean + half)


@lru_cache(maxsize=1024)
def t_quantile(p: float, df: float) -> float:
    """The value below which a share `p` of Student's t with `df` degrees of freedom lies (df > 0, fractional or inf).

    Newton on log tail probability against log t, in which the tail is nearly a straight line; the bracket keeps it
    safe. Raises ValueError outside of 0 < p < 1 or for df that is not positive.
    """
    if not (0.0 < p < 1.0 and df > 0.0):
        raise ValueError(f"t_quantile: p between 0 and 1 and df above 0 are needed, got p={p}, df={df}")
    if p == 0.5:
        return 0.0
    if p < 0.5:
        return -_upper_quantile(p, df)
    return _upper_quantile(1.0 - p, df)


def _upper_quantile(tail: float, df: float) -> float:
    if df >= _NORMAL_FROM:
        return -NormalDist().inv_cdf(tail)
    goal, low, high = math.log(tail), -math.inf, math.inf
    x = math.log(max(-NormalDist().inv_cdf(tail), 1e-12))
    for _ in range(_STEPS):
        t = math.exp(x)
        above = t_tail(t, df)
        miss = math.log(above) - goal if above > 0 else -math.inf
        if miss > 0:
            low = x
        else:
            high = x
        slope = -math.exp(_log_density(t, df) + x) / above if above > 0 else -math.inf
        step = x - miss / slope if math.isfinite(miss) and slope < 0 else math.inf
        if not low < step < high:
            step = _between(low, high)
        if abs(step - x) <= 1e-13 * max(abs(x), 1.0):
            break
        x = step
    return math.exp(x)


def _between(low: float, high: float) -> float:
    if math.isinf(low):
        return high - 1.0
    return low + 1.0 if math.isinf(high) else (low + high) / 2


def _log_density(t: float, df: float) -> float:
    shape = math.lgamma((df + 1) / 2) - math.lgamma(df / 2) - math.log(df * math.pi) / 2
    return shape - (df + 1) / 2 * math.log1p(t * t / df)


def t_tail(t: float, df: float) -> float:
    """The probability that Student's t with `df` degrees of freedom exceeds `t` >= 0.

    I_x(df/2, 1/2) / 2 with x = df/(df + t^2): DLMF 8.17 (https://dlmf.nist.gov/8.17), the incomplete beta function.
    """
    square = t * t
    if math.isinf(square):
        return 0.0
    if df >= _NORMAL_FROM:
        return math.erfc(t / math.sqrt(2)) / 2
    return _incomplete_beta(df / 2, 0.5, df / (df + square), square / (df + square)) / 2


def _incomplete_beta(a: float, b: float, x: float, rest: float) -> float:
    """The regularised incomplete beta function I_x(a, b); `rest` is 1 - x, given apart so that it keeps its digits."""
    if x <= 0.0:
        return 0.0
    if rest <= 0.0:
        return 1.0
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * _log(x, rest) + b * _log(rest, x)
    front = math.exp(log_front)
    if x < (a + 1) / (a + b + 2):
        return front * _beta_fraction(a, b, x) / a
    return 1.0 - front * _beta_fraction(b, a, rest) / b


def _log(x: float, rest: float) -> float:
    return math.log1p(-rest) if rest < 0.5 else math.log(x)


def _beta_fraction(a: float, b: float, x: float) -> float:
    """The continued fraction DLMF 8.17.22, summed by Lentz's method as modified by Thompson and Barnett (1986)."""
    c, d = 1.0, 1.0 / _away_from_zero(1.0 - (a + b) * x / (a + 1))
    total = d
    for m in range(1, 10_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        change = 1.0
        for term in (even, odd):
            d = 1.0 / _away_from_zero(1.0 + term * d)
            c = _away_from_zero(1.0 + term / c)
            change = c * d
            total *= change
        if abs(change - 1.0) < 1e-15:
            break
    return total


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def welch_satterthwaite(terms: Iterable[tuple[float, float]]) -> float:
    """The degrees of freedom of a sum of (standard uncertainty, degrees of freedom); inf where nothing was estimated.

    (sum u^2)^2 / sum(u^4 / df): JCGM 100:2008, equation G.2b.
    """
    used = [(u, df) for u, df in terms if u > 0]
    largest = max((u for u, _ in used), default=1.0)
    squares = [((u / largest) ** 2, df) for u, df in used]
    total = math.fsum(square for square, _ in squares)
    shares = math.fsum((square / total) ** 2 / df for square, df in squares)
    return 1.0 / shares if shares > 0 else math.inf


def percentiles(values: ArrayLike, percents: Sequence[float]) -> list[float] | None:
    """Percentiles of pooled values (any shape) by linear interpolation between order statistics; None without a value.

    Definition 7 of Hyndman and Fan (1996), which is also numpy's and R's default.
    """
    array = np.asarray(values, np.float64)
    return [float(x) for x in np.percentile(array, percents)] if array.size else None


def median(values: ArrayLike) -> float | None:
    """The median of the values; None without one."""
    array = np.asarray(values, np.float64)
    return float(np.median(array)) if array.size else None

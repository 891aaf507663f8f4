"""What few repeats scatter by, learnt from all that were repeated alike.

Two or three windows say little of their own spread: Student's t on one or two degrees of freedom makes intervals three
to ten times too wide. Windows of one kind, at several signals or co-loads, scatter by much the same share. So each
group's variance is drawn towards that of all, the more the more alike they are: the moderated variances of Smyth
(Statistical Applications in Genetics and Molecular Biology 3, 2004, section 6; remembered), with the prior's degrees of
freedom by moments of the logarithms. Where groups do scatter differently, each keeps its own.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

# A spread of nothing is a clock's or a counter's step; relative to what all scatter by (assumed).
_LEAST: Final = 1e-3
_FAR: Final = 8.0
_MOST_DF: Final = 1e4
_ROUNDS: Final = 60
# Groups are alike unless their variances differ by so many standard errors of what chance makes of alike ones.
_DIFFER: Final = 2.0


@dataclass(frozen=True, slots=True)
class Spread:
    """A standard deviation of one window on `df` degrees of freedom."""

    sd: float
    df: float


# Of what nobody repeated.
UNKNOWN: Final = Spread(math.nan, 0.0)


def spread_of(values: ArrayLike) -> Spread:
    """That of one group by itself; of one value NaN on none."""
    array = np.asarray(values, np.float64)
    return Spread(float(array.std(ddof=1)), len(array) - 1.0) if len(array) > 1 else UNKNOWN


def pooled(groups: Sequence[Spread]) -> Spread:
    """One for all of them."""
    told = [one for one in groups if one.df > 0]
    df = math.fsum(one.df for one in told)
    return Spread(math.sqrt(math.fsum(one.df * one.sd**2 for one in told) / df), df) if told else UNKNOWN


def moderated(groups: Sequence[Spread]) -> list[Spread]:
    """The groups' spreads, each drawn towards that of all of them; a group of one value has that of the others.

    No group has more degrees of freedom than all have together. Without any that was repeated they stay as they are.
    """
    told, common = [one for one in groups if one.df > 0], pooled(groups)
    if len(groups) < 2 or not common.sd > 0:
        return list(groups)
    least = (_LEAST * common.sd) ** 2
    prior, prior_df = _prior([max(one.sd**2, least) for one in told], [one.df for one in told])
    if math.isinf(prior_df):
        return [common for _ in groups]
    found = []
    for one in groups:
        own = one.df * one.sd**2 if one.df > 0 else 0.0
        found.append(
            Spread(math.sqrt((own + prior_df * prior) / (one.df + prior_df)), min(one.df + prior_df, common.df))
        )
    return found


def _prior(variances: Sequence[float], dfs: Sequence[float]) -> tuple[float, float]:
    """Scale and degrees of freedom of the law that the groups' true variances follow; infinite where they are alike."""
    if len(variances) < 2:
        return variances[0], dfs[0]
    logs = [math.log(of) - _digamma(df / 2) + math.log(df / 2) for of, df in zip(variances, dfs, strict=True)]
    by_chance = float(np.mean([_trigamma(df / 2) for df in dfs]))
    more = float(np.var(logs, ddof=1)) - by_chance
    if more < _DIFFER * by_chance * math.sqrt(2 / (len(logs) - 1)):
        return 0.0, math.inf
    prior_df = 2 * _trigamma_inverse(more)
    return math.exp(float(np.mean(logs)) + _digamma(prior_df / 2) - math.log(prior_df / 2)), prior_df


def _digamma(x: float) -> float:
    """By its recurrence up to where the asymptotic series is exact to 1e-9."""
    below = 0.0
    while x < _FAR:
        below -= 1 / x
        x += 1
    square = 1 / x**2
    return below + math.log(x) - 0.5 / x - square * (1 / 12 - square * (1 / 120 - square / 252))


def _trigamma(x: float) -> float:
    below = 0.0
    while x < _FAR:
        below += 1 / x**2
        x += 1
    square = 1 / x**2
    return below + 1 / x + square / 2 + square / x * (1 / 6 - square * (1 / 30 - square / 42))


def _trigamma_inverse(value: float) -> float:
    """Where trigamma, which falls, has a value; by bisection of the logarithm."""
    low, high = -10.0, math.log(_MOST_DF)
    for _ in range(_ROUNDS):
        middle = (low + high) / 2
        low, high = (middle, high) if _trigamma(math.exp(middle)) > value else (low, middle)
    return math.exp((low + high) / 2)

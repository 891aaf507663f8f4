"""The smallest change that a number of repeats can resolve, before any of them is measured."""

import math
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Final

import numpy as np

from edgewatt.profiler.comparing.ratio import ASSUMED_SIGMA_SESSION
from edgewatt.profiler.statistics import LEVEL, t_quantile

POWER: Final = 0.8
# Relative standard deviation of the repeats of one configuration where nobody says otherwise: that of the simulations
# behind the gate's rule (measurement.md, "Comparing, and the gate").
ASSUMED_SPREAD: Final = 0.03
# From so many repeats on the rule of the handbook is within 0.1 % of the integral.
MANY: Final = 200

_UPPER: Final = (1 + LEVEL) / 2
_Z: Final = NormalDist().inv_cdf(_UPPER)
_ANGLES, _SCALES, _HALVINGS = 32, 96, 40


@dataclass(frozen=True, slots=True)
class Resolution:
    """By which share two configurations have to differ to be told apart; None with one repeat, which has no spread.

    `within` is of rows of one sitting, `between` of the same configuration in another one.
    """

    within: float | None
    between: float | None


def resolution(
    repeats: int, *, spread: float = ASSUMED_SPREAD, session_spread: float = ASSUMED_SIGMA_SESSION
) -> Resolution:
    """The change that is found in 80 % of cases at the 95 % level, with so many repeats on both sides.

    On the logarithms of repeats with the standard deviation s = `spread`, delta = lambda s sqrt(2/n), and the ratio is
    exp(delta). `noncentrality` gives lambda, which for many repeats is t_{0.975} + t_{0.80}, the rule of the
    NIST/SEMATECH e-Handbook of Statistical Methods, 7.2.2.2. Between sittings the session term joins as in
    comparing/ratio.py: of type B, multiplied by the normal 1.96, and drawn anew for each sitting.
    """
    if repeats < 2:
        return Resolution(None, None)
    of_repeats, of_sessions = spread * math.sqrt(2 / repeats), session_spread * math.sqrt(2)
    level, least = t_quantile(_UPPER, 2.0 * (repeats - 1)), noncentrality(repeats)
    half = math.hypot(level * of_repeats, _Z * of_sessions)
    power = (least - level) * math.hypot(of_repeats, of_sessions)
    return Resolution(within=math.expm1(least * of_repeats), between=math.expm1(half + power))


@lru_cache(maxsize=256)
def noncentrality(repeats: int) -> float:
    """So many standard errors two means of n repeats of equal spread must differ, that Welch's test finds it in 80 %.

    Both sides' sample variances are a scale x, with nu x^2 of chi^2_nu and nu = 2(n - 1), and a share r of it, of
    Beta((n-1)/2, (n-1)/2), independent of each other; Welch's degrees of freedom (1947, Biometrika 34, 28-35) are
    (n - 1)/(r^2 + (1 - r)^2). So the power is E[Phi(lambda - t_{0.975,df(r)} x)], integrated here by midpoints with
    r = sin^2 of an angle. From MANY repeats on both are as good as constant.
    """
    if repeats >= MANY:
        return t_quantile(_UPPER, 2.0 * (repeats - 1)) + t_quantile(POWER, 2.0 * (repeats - 1))
    nu = 2.0 * (repeats - 1)
    angles = (np.arange(_ANGLES) + 0.5) * (math.pi / 2 / _ANGLES)
    share = np.sin(angles) ** 2
    of_angle = (np.sin(angles) * np.cos(angles)) ** (repeats - 2)
    limits = [t_quantile(_UPPER, (repeats - 1) / float(r**2 + (1 - r) ** 2)) for r in share]
    # The scale lies within so many of its standard deviations, about 1/sqrt(2 nu), of 1.
    x = (np.arange(_SCALES) + 0.5) / _SCALES * (1 + 6 / math.sqrt(2 * nu))
    log_of_scale = (nu - 1) * np.log(x) - nu * x**2 / 2
    of_scale = np.exp(log_of_scale - log_of_scale.max())
    weights = (of_angle[:, None] * of_scale[None, :]).ravel()
    weights /= weights.sum()
    thresholds = (np.asarray(limits)[:, None] * x[None, :]).ravel()
    low, high = 0.0, 100.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        found = math.fsum(
            weight * math.erfc((threshold - middle) / math.sqrt(2)) / 2
            for weight, threshold in zip(weights.tolist(), thresholds.tolist(), strict=True)
        )
        low, high = (middle, high) if found < POWER else (low, middle)
    return high

"""How much more a device draws while it is sampled: an interleaved A/B design, and what its blocks say."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.channel import Boundary
from edgewatt.profiler.running.observer import Effect
from edgewatt.profiler.statistics import LEVEL, t_quantile

# Level, drift and effect are estimated; so many blocks more are left to say how much these are worth.
PARAMETERS: Final = 3
QUADS: Final = 3
# An interval that exceeds half of what is there is no value (measurement.md, Energy of a window).
WORTHLESS: Final = 0.5
_LONGER: Final = "longer blocks (--seconds) make the steps of a counter count for less"


@dataclass(frozen=True, slots=True)
class Block:
    """One stretch of time: `at_s` its middle, `on` the share of it in which the device was sampled.

    `power_w` is its mean power and `u_w` what is known to be uncertain of it besides chance (the step of a counter).
    """

    at_s: float
    on: float
    power_w: float
    u_w: float = 0.0


def order(seed: int, quads: int = QUADS) -> list[bool]:
    """Which blocks are sampled: ABBA or BAAB, drawn for each four, so that a drift is in both alike.

    >>> sum(order(1)) * 2 == len(order(1))
    True
    """
    first = np.random.default_rng(seed).integers(0, 2, quads).astype(bool).tolist()
    return [sampled for a in first for sampled in (a, not a, not a, a)]


def effect_of(source: str, boundary: Boundary, blocks: Sequence[Block]) -> Effect | str:
    """The watts of being sampled all the time, with their interval; or why these blocks do not tell.

    Least squares of power = level + drift x time + effect x share, Student's t of the n - 3 degrees of freedom left;
    what is uncertain of each block besides is propagated through the same estimator and added in quadrature.
    """
    seen = [b for b in blocks if math.isfinite(b.power_w)]
    n = len(seen)
    if n <= PARAMETERS:
        return f"{n} of {len(blocks)} blocks have its power, and at least {PARAMETERS + 1} are needed"
    at_s, on, power_w, u_w = (np.array([getattr(b, name) for b in seen]) for name in ("at_s", "on", "power_w", "u_w"))
    design = np.column_stack([np.ones(n), _centred(at_s), on])
    if np.linalg.matrix_rank(design) < PARAMETERS:
        return "its blocks do not tell being sampled from the drift of time"
    if not np.ptp(power_w) and not u_w.any():
        return f"it says {power_w[0]:g} W whatever is done, so nothing is measured"
    estimator = np.linalg.pinv(design)
    level, drift, watts = (estimator @ power_w).tolist()
    rest = power_w - design @ np.array([level, drift, watts])
    df = n - PARAMETERS
    u_chance = math.sqrt(float(rest @ rest) / df * float(np.linalg.inv(design.T @ design)[2, 2]))
    u_known = math.sqrt(float((estimator[2] ** 2) @ (u_w**2)))
    half = math.hypot(t_quantile((1 + LEVEL) / 2, df) * u_chance, t_quantile((1 + LEVEL) / 2, math.inf) * u_known)
    if half > WORTHLESS * abs(level):
        return f"{watts:.2g} W, give or take {half:.2g} W, says nothing beside the {level:.2g} W without it; {_LONGER}"
    return Effect(source, boundary, watts, watts - half, watts + half, level)


def _centred(values: NDArray[np.float64]) -> NDArray[np.float64]:
    span = float(np.ptp(values)) or 1.0
    return (values - float(values.mean())) / span

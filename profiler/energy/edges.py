"""What a window loses at its edges, because no sensor looks at all times (docs/decisions/0003-edges.md)."""

import math
from collections.abc import Sequence
from functools import lru_cache, reduce
from itertools import product
from operator import mul
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.energy.flow import Sampling

# Variance of f (1 - f), f uniform from 0 to 1 (second moment 1/30, mean 1/6), in units of step x interval. What a step
# costs a counter that does not know its phase; knowing it, what is left to a step up to a fifth of an interval
# away from the edge.
_AWAY: Final = 1 / 180
_PHASES: Final = 1000
# Gauss and Legendre's, of an offset within its bound.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)


def loss_s(sampling: Sampling, phase: NDArray[np.float64], took_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Joules per watt of step that a window loses at an edge: at `phase` (0 to 1) of a stretch of `took_s` seconds.

    A window that begins there and one that ends there lose the same with opposite sign: what is not (points see the
    step on one side of the edge or the other) is averaged, so that energies stay additive.
    """
    if sampling.steps:
        return took_s * phase * (1 - phase)
    if not sampling.window_s:
        return took_s * (phase**2 + (1 - phase) ** 2) / 4
    phases, losses = _losses(sampling.window_s / sampling.interval_s)
    both = np.interp(phase, phases, (losses + losses[::-1]) / 2)
    return np.asarray(both * sampling.interval_s, np.float64)


def spread(sampling: Sampling) -> float:
    """The standard uncertainty that `loss_s` leaves at an edge, in units of step x stretch.

    That of the side on which points saw the step, over all phases, and that of a step which is not quite at the edge.
    """
    if sampling.steps:
        return math.sqrt(_AWAY)
    _, losses = _losses(sampling.window_s / sampling.interval_s if sampling.window_s else 0.0)
    return math.sqrt(float(np.mean(((losses - losses[::-1]) / 2) ** 2)) + _AWAY)


@lru_cache(maxsize=256)
def _losses(window_ratio: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Phases, and what a window that begins there loses, in units of step x interval.

    The sensor averages over `window_ratio` intervals. With the edge at 0, a sample at x shows the share v of the step,
    and a share h of its triangle lies inside the window; the loss is the sum of (1 - v) h. Without averaging it is
    (1 - f)^2 / 2.
    """
    phase = (np.arange(_PHASES) + 0.5) / _PHASES
    x = np.arange(math.ceil(window_ratio / 2) + 2)[:, None] - phase
    v = np.clip(0.5 + x / window_ratio, 0, 1) if window_ratio else x > 0
    h = np.where(x < 0, (1 + x) ** 2 / 2, np.where(x < 1, 0.5 + x - x**2 / 2, 1.0))
    return phase, np.asarray(np.sum((1 - v) * h, axis=0), np.float64)


def mean_abs(*widths: float) -> float:
    """E|x| of a sum of independent centred uniform variables of full `widths`.

    The n-fold integral of |x| is x^n |x| / (n + 1)!; its signed sum over the corners of the box is the mean. Widths
    below 1e-3 of the widest change it by under 1e-6, would cost its digits, and are left out.
    """
    used = [width for width in widths if width > max(widths) / 1000]
    if not used:
        return 0.0
    total = 0.0
    for signs in product((1.0, -1.0), repeat=len(used)):
        x = math.fsum(sign * width for sign, width in zip(signs, used, strict=True)) / 2
        total += math.prod(signs) * x ** len(used) * abs(x)
    return total / (math.factorial(len(used) + 1) * reduce(mul, used))


def clock_loss_s(widths_s: Sequence[float], bounds_s: Sequence[float]) -> float:
    """Joules per watt that a window (both edges) loses to clocks wrong by up to `bounds_s`, on top of its sensor.

    The clocks' rectangles add to the sensor's `widths_s`: E|x| with them less E|x| without. For a sensor that is
    fast beside one bound that is E|offset| = bound / 2; a slow one has smeared the edges already.
    """
    return mean_abs(*widths_s, *(2 * bound_s for bound_s in bounds_s)) - mean_abs(*widths_s)


@lru_cache(maxsize=256)
def clock_loss_spread_s(widths_s: tuple[float, ...], bounds_s: tuple[float, ...]) -> float:
    """The standard deviation of that loss over the offsets that the bounds allow, whose mean `clock_loss_s` is.

    An offset o loses E|x + o| - E|x|, x being the sensor's smear. For a fast sensor and one bound that is |o|, spread
    by bound / sqrt(12): half of what the offset itself is uncertain by.
    """
    widest = max((*widths_s, *(2 * bound_s for bound_s in bounds_s)), default=0.0)
    bounds = [bound_s for bound_s in bounds_s if bound_s > widest / 2000]
    widths = [width for width in widths_s if width > widest / 1000]
    if not bounds:
        return 0.0
    offsets, weights = np.zeros(1), np.ones(1)
    for bound_s in bounds:
        offsets = np.add.outer(offsets, bound_s * _NODES).ravel()
        weights = np.multiply.outer(weights, _WEIGHTS / 2).ravel()
    losses = _mean_abs_shifted(widths, offsets)
    mean = float(weights @ losses)
    return math.sqrt(float(weights @ (losses - mean) ** 2))


def _mean_abs_shifted(widths: Sequence[float], shift: NDArray[np.float64]) -> NDArray[np.float64]:
    """E|x + shift| of a sum x of independent centred uniform variables of full `widths`, as in `mean_abs`."""
    n, total = len(widths), np.zeros_like(shift)
    for signs in product((1.0, -1.0), repeat=n):
        x = shift + math.fsum(sign * width for sign, width in zip(signs, widths, strict=True)) / 2
        total += math.prod(signs) * x**n * np.abs(x)
    return np.asarray(total / (math.factorial(n + 1) * math.prod(widths)), np.float64)

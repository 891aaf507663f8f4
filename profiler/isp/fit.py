"""White balance and gamma of a device against a reference: out = (gain x in)^gamma, per channel one gain, one gamma.

log out = gamma x log in + gamma x log gain. The slope is one of all channels and scenes, within each (so that every
scene may have its own exposure), by Deming's regression with equal errors of both pictures (Fuller 1987, section 1.3).
A gain is the mean over scenes. Intervals are Student's over jackknifed scenes (Tukey 1958): noise, exposure and white
balance that change from scene to scene are in them; what is wrong alike in every scene is not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.gauging.found import Floats, Found, Undecided
from edgewatt.profiler.isp.cells import Pair
from edgewatt.profiler.statistics import LEVEL, t_quantile, welch_satterthwaite

LEAST_SCENES: Final = 3
LEAST_CELLS: Final = 12
# The standard deviation of the logarithms within a scene that tells a slope: a tenth, of tones 10 % apart (assumed).
LEAST_SPREAD: Final = 0.1
# A cell that lies so many robust standard deviations off the line shows something that moved (assumed).
FAR_OFF: Final = 5.0
# How often such cells are left out and the line is drawn anew: the first line is drawn towards them.
PASSES: Final = 3
_LEAST_NOISE: Final = 1e-3
# What eight bits and JPEG do alike in every scene: standard uncertainty of a logarithm, found on generated photographs.
CODING: Final = 1e-3
# Two pictures of one display-referred coding: beyond is no gamma of a camera (assumed).
GAMMA: Final = (0.2, 5.0)


@dataclass(frozen=True, slots=True)
class Isp:
    """`gains` in the order of cells.CHANNELS; `gamma` None where only a neutral patch was seen.

    `residual` is the relative standard deviation of single cells around the fit; `valid` the range of the reference's
    values that was seen, in 0 to 1.
    """

    gains: tuple[Found, Found, Found]
    gamma: Found | None
    residual: float
    valid: tuple[float, float]
    scenes: int


@dataclass(frozen=True, slots=True)
class _Sums:
    """Per scene and channel, shape [scenes, 3]: cells, means of both logarithms, and sums of squares within."""

    n: Floats
    x: Floats
    y: Floats
    xx: Floats
    xy: Floats
    yy: Floats

    def without(self, scene: int) -> "_Sums":
        parts = (self.n, self.x, self.y, self.xx, self.xy, self.yy)
        return _Sums(*(np.delete(part, scene, 0) for part in parts))


def isp_of(pairs: Sequence[Pair]) -> Isp | Undecided:
    """The fit of all scenes; or why there is none."""
    used = [pair for pair in pairs if _cells(pair) >= LEAST_CELLS]
    if len(used) < LEAST_SCENES:
        return Undecided(_too_few(pairs, used))
    sums = _sums(used, None)
    if _spread(sums) < LEAST_SPREAD:
        return Undecided(
            f"the scenes have too little contrast (their logarithms spread by {_spread(sums):.2g}, {LEAST_SPREAD} "
            "are needed): photograph scenes with light and dark in them, or a card of grey steps"
        )
    found = _estimate(sums)
    for _ in range(PASSES):
        if not _is_sound(found):
            return Undecided(_no_line(found))
        sums = _sums(used, float(np.exp(found[0])))
        found = _estimate(sums)
    single = np.stack([_estimate(sums.without(scene)) for scene in range(len(used))])
    if not (_is_sound(found) and all(_is_sound(one) for one in single)):
        return Undecided(_no_line(found))
    gamma, *gains = (exponent(value, u, len(used) - 1) for value, u in zip(found, _jackknife(single), strict=True))
    off = sums.yy - 2 * np.exp(found[0]) * sums.xy + np.exp(2 * found[0]) * sums.xx
    residual = float(np.sqrt(np.maximum(off, 0).sum() / max(sums.n.sum() - sums.n.size - 1, 1)))
    every = np.concatenate([pair.reference[np.isfinite(pair.reference)] for pair in used])
    valid = (float(np.exp(every.min())), float(np.exp(every.max())))
    return Isp((gains[0], gains[1], gains[2]), gamma, residual, valid, len(used))


def exponent(value: float, u: float, df: float) -> Found:
    """The quantity whose logarithm is `value` with standard uncertainty `u`, and its Student interval."""
    half = t_quantile((1 + LEVEL) / 2, welch_satterthwaite(((u, df), (CODING, np.inf)))) * float(np.hypot(u, CODING))
    middle = float(np.exp(value))
    return Found(middle, float(np.exp(value - half)), float(np.exp(value + half)), middle * float(np.hypot(u, CODING)))


def _cells(pair: Pair) -> int:
    return int(np.isfinite(pair.reference).sum(0).min())


def _sums(pairs: Sequence[Pair], gamma: float | None) -> _Sums:
    """Over the cells of each scene; with a gamma, over those that do not lie far off its line."""
    parts = []
    for pair in pairs:
        inside = np.isfinite(pair.reference)
        if gamma is not None:
            inside = _near(pair, gamma)
        n = inside.sum(0)
        x, y = (np.where(inside, logs, 0.0) for logs in (pair.reference, pair.device))
        mean_x, mean_y = x.sum(0) / n, y.sum(0) / n
        dx, dy = (np.where(inside, logs - mean, 0.0) for logs, mean in ((x, mean_x), (y, mean_y)))
        parts.append((n, mean_x, mean_y, (dx * dx).sum(0), (dx * dy).sum(0), (dy * dy).sum(0)))
    return _Sums(*np.array(parts, np.float64).transpose(1, 0, 2))


def _near(pair: Pair, gamma: float) -> NDArray[np.bool_]:
    """The cells that lie near the line of their scene and channel, shape [cells, 3]."""
    inside = np.isfinite(pair.reference)
    off = pair.device - gamma * pair.reference
    off = np.abs(off - _middle(off, inside))
    limit = FAR_OFF * np.maximum(1.4826 * _middle(off, inside), _LEAST_NOISE)
    near: NDArray[np.bool_] = inside & (off <= limit)
    return near


def _middle(values: Floats, inside: NDArray[np.bool_]) -> Floats:
    """The lower median of each column's cells inside, shape [3]."""
    ascending = np.sort(np.where(inside, values, np.inf), 0)
    middle: Floats = ascending[(inside.sum(0) - 1) // 2, np.arange(3)]
    return middle


def _spread(sums: _Sums) -> float:
    return float(np.sqrt(min(sums.xx.sum() / sums.n.sum(), sums.yy.sum() / sums.n.sum())))


def _estimate(sums: _Sums) -> Floats:
    """Logarithms of gamma and of the three gains, shape [4]; NaN where there is no rising line."""
    xx, xy, yy = (float(part.sum()) for part in (sums.xx, sums.xy, sums.yy))
    if xy <= 0:
        return np.full(4, np.nan)
    gamma = (yy - xx + np.hypot(yy - xx, 2 * xy)) / (2 * xy)
    gains = (sums.y / gamma - sums.x).mean(0)
    return np.array([np.log(gamma), *gains])


def _is_sound(estimate: Floats) -> bool:
    low, high = np.log(GAMMA)
    return bool(np.isfinite(estimate).all() and low <= estimate[0] <= high)


def _jackknife(single: Floats) -> list[float]:
    """Standard uncertainties from the estimates that each leave one scene out, shape [scenes, values]."""
    scenes = len(single)
    off = single - single.mean(0)
    return [float(u) for u in np.sqrt((scenes - 1) / scenes * (off**2).sum(0))]


def _too_few(pairs: Sequence[Pair], used: Sequence[Pair]) -> str:
    lost = [f"{pair.scene} ({_cells(pair)} cells)" for pair in pairs if _cells(pair) < LEAST_CELLS]
    why = f"; too dark or overexposed to count: {', '.join(lost[:5])}" if lost else ""
    needed = f"{LEAST_SCENES} are needed, as intervals come from how scenes differ"
    return f"{len(used)} scenes can be compared and {needed}{why}"


def _no_line(estimate: Floats) -> str:
    gamma = float(np.exp(estimate[0]))
    if np.isfinite(gamma):
        return f"a gamma of {gamma:.3g} fits best, and no camera has one beyond {GAMMA[0]:g} to {GAMMA[1]:g}"
    return "the device's picture does not become lighter where the reference's does"

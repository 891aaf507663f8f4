"""How a sensor answers a load: its lag, its averaging window, and by how much it moves.

The value published at u is  level + size x (mean of the load from u - lag - window to u - lag) + trends + noise.
For every lag and window the rest is linear. What is not known of an instant, d, makes a value that straddles an edge of
the load unsure by size x (the load's mean d later - d earlier) / 2, so that such a value weighs less. Lag and window
are beforehand equally likely everywhere within their limits; the scale of the noise is integrated out (Student's t).
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.gauging.drive import Drive
from edgewatt.profiler.gauging.found import Floats, Found, Undecided, highest_density
from edgewatt.profiler.statistics import LEVEL, t_quantile, t_tail

# Of noise less than this share of the step is not believed: clocks of processors ramp, and heat shows; assumed.
LEAST_NOISE: Final = 0.005
# The chance that a step is seen where none is; over about so many places where it could be.
FALSE_ALARM: Final = 1e-5
_PLACES: Final = 100
_LEAST_UPDATES: Final = 8
# A window shorter than this is a point.
POINT_S: Final = 0.002
_LAGS, _WINDOWS, _ZOOMS = 72, 40, 3
# How far below its peak the logarithm of a density is worth following.
_DEPTH: Final = 12.0
# Beyond so many standard deviations a value is no noise; where there are more such, it is the model that is wrong.
_FAR, _MOST_WILD = 8.0, 0.1
_UPPER: Final = (1 + LEVEL) / 2


@dataclass(frozen=True, slots=True, eq=False)
class Readings:
    """m published values, when each was published, and the standard uncertainty of that instant; shape [m]."""

    at_s: Floats
    value: Floats
    u_s: Floats

    def moved(self, by_s: float) -> "Readings":
        """As published later."""
        return Readings(self.at_s + by_s, self.value, self.u_s)


@dataclass(frozen=True, slots=True)
class Limits:
    """Between which lag and window are looked for, in seconds."""

    lag_low_s: float
    lag_high_s: float
    window_high_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Response:
    """What was found. `size` is per unit of load, `level` without any, `covariance` of (level, size).

    `noise` is the standard deviation of single values; `residual` (shape [m]) is each value less what the
    model says, `load` the mean of the load that it saw at the likeliest lag and window. `df`: degrees of freedom.
    """

    size: Found
    level: Found
    covariance: float
    lag: Found
    window: Found | Undecided
    age: Found
    noise: float
    residual: Floats
    load: Floats
    df: int


@dataclass(frozen=True, slots=True, eq=False)
class _Cells:
    """A grid of lags and windows, all pairs of them: shapes [a], [b], [a b]."""

    lag_s: Floats
    window_s: Floats

    @property
    def pairs(self) -> tuple[Floats, Floats]:
        lag_s, window_s = np.meshgrid(self.lag_s, self.window_s, indexing="ij")
        return lag_s.ravel(), window_s.ravel()

    @classmethod
    def within(cls, lag_s: tuple[float, float], window_s: tuple[float, float]) -> "_Cells":
        return cls(_middles(*lag_s, _LAGS), _middles(*window_s, _WINDOWS))


@dataclass(frozen=True, slots=True, eq=False)
class _Fitted:
    """Of every cell: the logarithm of its density, the linear parameters and their covariance."""

    log: Floats
    linear: Floats
    covariance: Floats


def fit_response(
    readings: Readings, drive: Drive, limits: Limits, trends: Floats, *, again: bool = False
) -> Response | Undecided:
    """The answer of a sensor to `drive`; `trends` (shape [m, q]) are fitted beside it. Undecided: no step is seen.

    Values far off all others, such as one that got stuck, are left out once, if they are few.
    """
    m = len(readings.value)
    if m - trends.shape[1] - 4 < _LEAST_UPDATES:
        return Undecided(f"{m} readings are too few to see a step in them")
    design = np.column_stack([np.ones(m), trends])
    cells = _Cells.within((limits.lag_low_s, limits.lag_high_s), (0.0, limits.window_high_s))
    ratio = 0.0
    fitted = _fit(readings, drive, cells, design, ratio)
    best = int(np.argmax(fitted.log))
    size, noise, wild = _size_and_noise(readings, drive, cells, design, (fitted, best))
    if wild.any() and not again:
        kept = ~wild
        left = Readings(readings.at_s[kept], readings.value[kept], readings.u_s[kept])
        return fit_response(left, drive, limits, trends[kept], again=True)
    df = m - design.shape[1] - 3
    u = math.sqrt(max(fitted.covariance[best, -1, -1], 0.0))
    if u == 0 or _PLACES * t_tail(abs(size) / u, df) > FALSE_ALARM:
        return Undecided("no step is seen in it where the load begins and ends")
    ratio = abs(size) / noise
    for _ in range(_ZOOMS):
        cells = _zoomed(cells, _fit(readings, drive, cells, design, ratio).log, limits)
    return _judged(readings, drive, (cells, _fit(readings, drive, cells, design, ratio)), design, (limits, df))


def _fit(readings: Readings, drive: Drive, cells: _Cells, design: Floats, ratio: float) -> _Fitted:
    """Weighted least squares in every cell; `ratio` is the step over the noise (0: instants are taken for sure)."""
    lag_s, window_s = cells.pairs
    load, unsure = _load(readings, drive, lag_s, window_s, with_u=ratio > 0)
    weight = 1 / (1 + (ratio * unsure) ** 2)
    columns = np.concatenate([np.broadcast_to(design, (len(lag_s), *design.shape)), load[:, :, None]], axis=2)
    weighted = columns * weight[:, :, None]
    gram = np.einsum("gmi,gmj->gij", weighted, columns)
    diagonal = np.einsum("gii->gi", gram)
    gram = gram + np.eye(gram.shape[1]) * (1e-10 * diagonal + 1e-12 * diagonal.max(axis=1, keepdims=True))[:, None, :]
    inverse = np.linalg.inv(gram)
    linear = np.einsum("gij,gmj,m->gi", inverse, weighted, readings.value)
    off = readings.value - np.einsum("gmi,gi->gm", columns, linear)
    df = len(readings.value) - columns.shape[2] - 2
    floor = (LEAST_NOISE * linear[:, -1]) ** 2 * df if ratio > 0 else 0.0
    squares = np.maximum(np.einsum("gm,gm,gm->g", weight, off, off), np.maximum(floor, 1e-300))
    # Of a determinant of the linear part, which says how much room it has, nothing is kept: it hardly varies.
    log = np.log(weight).sum(axis=1) / 2 - df / 2 * np.log(squares)
    return _Fitted(log, linear, inverse * (squares / df)[:, None, None])


def _load(readings: Readings, drive: Drive, lag_s: Floats, window_s: Floats, *, with_u: bool) -> tuple[Floats, Floats]:
    """The mean of the load that each value saw in each cell, and how unsure that is; shape [cells, m] both."""
    width_s = np.maximum(window_s, POINT_S)[:, None]
    end_s = readings.at_s - lag_s[:, None]
    load = drive.mean(end_s - width_s, end_s)
    if not with_u:
        return load, np.zeros_like(load)
    later, earlier = (drive.mean(end_s + by_s - width_s, end_s + by_s) for by_s in (readings.u_s, -readings.u_s))
    # A step of a point may fall anywhere within the uncertainty: then its middle is no better than its ends.
    return load, np.maximum.reduce([np.abs(later - earlier) / 2, np.abs(later - load) / 2, np.abs(load - earlier) / 2])


def _size_and_noise(
    readings: Readings, drive: Drive, cells: _Cells, design: Floats, at: tuple[_Fitted, int]
) -> tuple[float, float, NDArray[np.bool_]]:
    """The step, the noise of values that no edge is near to, and which few values are far off."""
    fitted, best = at
    lag_s, window_s = (of[best : best + 1] for of in cells.pairs)
    load, unsure = _load(readings, drive, lag_s, window_s, with_u=True)
    off = readings.value - design @ fitted.linear[best, :-1] - load[0] * fitted.linear[best, -1]
    level = np.abs(load[0] - np.round(load[0]))
    clear = (unsure[0] == 0) & (level < 0.01)
    of = off[clear] if clear.sum() >= _LEAST_UPDATES else off
    size = float(fitted.linear[best, -1])
    noise = max(1.4826 * float(np.median(np.abs(of - np.median(of)))), LEAST_NOISE * abs(size), 1e-12)
    wild = np.abs(off) > _FAR * np.hypot(noise, size * unsure[0])
    return size, noise, wild if wild.mean() <= _MOST_WILD else np.zeros_like(wild)


def _zoomed(cells: _Cells, log: Floats, limits: Limits) -> _Cells:
    """The part of the grid that matters, with a cell around it."""
    table = log.reshape(len(cells.lag_s), len(cells.window_s)) > log.max() - _DEPTH
    lag = _around(cells.lag_s, table.any(axis=1), limits.lag_low_s, limits.lag_high_s)
    return _Cells.within(lag, _around(cells.window_s, table.any(axis=0), 0.0, limits.window_high_s))


def _around(at: Floats, inside: NDArray[np.bool_], low: float, high: float) -> tuple[float, float]:
    cell = at[1] - at[0]
    return max(float(at[inside].min() - cell), low), min(float(at[inside].max() + cell), high)


def _judged(
    readings: Readings, drive: Drive, at: tuple[_Cells, _Fitted], design: Floats, given: tuple[Limits, int]
) -> Response:
    (cells, fitted), (limits, df) = at, given
    share = np.exp(fitted.log - fitted.log.max())
    share /= share.sum()
    table = share.reshape(len(cells.lag_s), len(cells.window_s))
    best = int(np.argmax(fitted.log))
    linear = share @ fitted.linear
    off = fitted.linear - linear
    covariance = np.einsum("g,gij->ij", share, fitted.covariance) + np.einsum("g,gi,gj->ij", share, off, off)
    lag_s, window_s = cells.pairs
    load, _ = _load(readings, drive, lag_s[best : best + 1], window_s[best : best + 1], with_u=False)
    said = design @ fitted.linear[best, :-1] + load[0] * fitted.linear[best, -1]
    window = highest_density(cells.window_s, table.sum(axis=0))
    return Response(
        size=_student(linear[-1], covariance[-1, -1], df),
        level=_student(linear[0], covariance[0, 0], df),
        covariance=float(covariance[0, -1]),
        lag=highest_density(cells.lag_s, table.sum(axis=1)),
        window=_told(window, limits),
        age=_of_samples(lag_s + window_s / 2, share),
        noise=float(np.sqrt(np.mean((readings.value - said) ** 2))),
        residual=readings.value - said,
        load=load[0],
        df=df,
    )


def _told(window: Found, limits: Limits) -> Found | Undecided:
    """A window whose interval is no wider than a quarter of what was possible."""
    if window.high - window.low > limits.window_high_s / 4:
        return Undecided(f"anything from {max(window.low, 0.0):.2g} to {window.high:.2g} s fits")
    return Found(window.value, max(window.low, 0.0), window.high, window.u)


def _of_samples(values: Floats, share: Floats) -> Found:
    order = np.argsort(values)
    total = np.cumsum(share[order])
    low, high = (
        float(values[order][min(int(np.searchsorted(total, p)), len(total) - 1)]) for p in (1 - _UPPER, _UPPER)
    )
    mean = float(share @ values)
    return Found(mean, min(low, mean), max(high, mean), float(np.sqrt(share @ (values - mean) ** 2)))


def _student(value: float, variance: float, df: int) -> Found:
    u = math.sqrt(max(float(variance), 0.0))
    half = t_quantile(_UPPER, df) * u
    return Found(float(value), float(value) - half, float(value) + half, u)


def _middles(low: float, high: float, count: int) -> Floats:
    cell = (high - low) / count
    return np.asarray(low + cell * (np.arange(count) + 0.5))

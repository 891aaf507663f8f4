"""Weighted least squares with the variances that the windows themselves show, and what does not fit a straight model.

What a window's mean power is off by is more than its noise: what runs beside it, a governor, a room differ from
window to window, by a constant, and in proportion to what is executed. So the variance of a window is
`u^2 + tau^2 ((1 - share) + share (excess / mean excess)^2)`, with tau and share by restricted maximum likelihood
(Patterson and Thompson 1971, as textbooks give it). Windows of the same design that differ less among themselves than
from the model show a lack of fit, which no number of windows averages out: it has a term of its own.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.calibrating.values import together

Array = NDArray[np.float64]

SHARES: Final = (0.0, 0.3, 0.7, 0.95, 1.0)
_TAUS: Final = 12
# Relative to the largest singular value of scaled columns: below, the design does not tell (numpy's own is 1e-13).
_RANK: Final = 1e-7
_SEEN: Final = 1e-6
# From so many degrees of freedom on the residuals say what the variance is, smaller too; below, only that it is larger.
_ENOUGH: Final = 4
_SURE: Final = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """Coefficients [p] with covariances [p, p] of what varies from window to window, and of the lack of fit.

    `unseen` [p, k] are the combinations that no window of this design would show. `chi` is the residuals' mean square
    over what the windows' own noise explains; `variances` [n] are what was found instead. `misfit_p`: how likely a
    straight model fits so badly, None where no two windows of one design tell.
    """

    values: Array
    covariance: Array
    df: float
    misfit: Array
    misfit_df: float
    misfit_p: float | None
    residuals: Array
    variances: Array
    chi: float
    condition: float
    unseen: Array

    def of(self, row: Array) -> tuple[float, float, float]:
        """A linear combination [p] of the coefficients: value, standard uncertainty, degrees of freedom."""
        parts = [(self.covariance, self.df), (self.misfit, self.misfit_df)]
        u, df = together([(math.sqrt(max(float(row @ of @ row), 0.0)), df) for of, df in parts])
        return float(row @ self.values), u, df

    def tells(self, row: Array) -> bool:
        """Whether the design tells that combination."""
        return bool(np.all(np.abs(row @ self.unseen) <= _SEEN * max(float(np.abs(row).max()), 1e-300)))

    def mixed_with(self, k: int) -> list[int]:
        """The coefficients that the design does not tell from the k-th, itself included."""
        overlap = self.unseen @ self.unseen[k]
        return [int(j) for j in np.flatnonzero(np.abs(overlap) > _SEEN)] if self.unseen.size else []


def solve(x: Array, y: Array, u: Array, groups: NDArray[np.intp] | None = None) -> Fit:
    """The fit of `y` [n] by the columns of `x` [n, p] with standard uncertainties `u` [n].

    `groups` [n] number windows of the same design. Raises ValueError with fewer windows than columns that are told.
    """
    scale = np.linalg.norm(x, axis=0)
    scaled = x / np.where(scale > 0, scale, 1.0)
    _, singular, right = np.linalg.svd(scaled, full_matrices=True)
    rank = int(np.sum(singular > _RANK * singular[0])) if len(singular) else 0
    df = len(y) - rank
    if df < 0 or rank == 0:
        raise ValueError(f"{len(y)} windows for {rank} coefficients")
    basis, null = right[:rank].T, right[rank:].T
    seen = scaled @ basis
    floor = np.maximum(u, 1e-9 * max(float(np.abs(y).max()), 1e-9))
    variances, chi = floor**2, 0.0
    if df:
        noise = _chi(seen, y, floor**2) / df
        variances, chi = _variances(seen, y, floor), noise
    back = basis / np.where(scale > 0, scale, 1.0)[:, None]
    inverse, residuals = _inverse(seen, y, variances)
    left = back @ inverse
    square = float(np.sum(residuals**2 / variances)) / df if df else 1.0
    if df < _ENOUGH:
        square = max(square, 1.0)
    misfit, misfit_df, misfit_p, pure, pure_df = _misfit(residuals, variances, groups, rank, square)
    of_misfit = np.zeros((x.shape[1], x.shape[1]))
    if groups is not None and misfit > 0:
        together_w = np.sqrt(variances)
        same = groups[:, None] == groups[None, :]
        of_misfit = left @ (misfit * np.outer(together_w, together_w) * same) @ left.T
    return Fit(
        left @ y,
        pure * (left * variances) @ left.T,
        float(pure_df),
        of_misfit,
        float(misfit_df),
        misfit_p,
        residuals,
        variances * pure,
        chi,
        float(singular[0] / singular[rank - 1]),
        null / np.where(scale > 0, scale, 1.0)[:, None],
    )


def _inverse(seen: Array, y: Array, variances: Array) -> tuple[Array, Array]:
    """The estimator (S' V^-1 S)^-1 S' V^-1 [r, n], and what it leaves of y [n]."""
    root = 1 / np.sqrt(variances)
    q, r = np.linalg.qr(seen * root[:, None])
    inverse: Array = np.linalg.solve(r, q.T * root)
    return inverse, y - seen @ (inverse @ y)


def _chi(seen: Array, y: Array, variances: Array) -> float:
    return float(np.sum(_inverse(seen, y, variances)[1] ** 2 / variances))


def _variances(seen: Array, y: Array, u: Array) -> Array:
    """The variances of the windows: their geometric mean over a grid, weighted by their restricted likelihood.

    The likeliest alone would be too sure of itself where few windows say what those of the most power are off by.
    """
    _, left = _inverse(seen, y, np.full(len(y), float(np.median(u**2))))
    fitted = y - left
    excess = fitted - fitted.min()
    mean = float(excess.mean())
    relative = (excess / mean) ** 2 if mean > 0 else np.ones(len(y))
    spread = math.sqrt(float(np.sum(left**2)) / max(len(y) - seen.shape[1], 1))
    taus = np.geomspace(max(spread / 30, 1e-12), max(spread * 3, 1e-11), _TAUS)
    tried = [u**2] + [u**2 + tau**2 * ((1 - share) + share * relative) for tau in taus for share in SHARES]
    likelihood = _likelihood(seen, y, np.asarray(tried))
    weights = np.exp(likelihood - likelihood.max())
    return np.asarray(np.exp(weights @ np.log(tried) / weights.sum()), np.float64)


def _likelihood(seen: Array, y: Array, variances: Array) -> Array:
    """The logarithm of the restricted likelihood of each of k sets of variances, [k, n]."""
    root = 1 / np.sqrt(variances)
    q, r = np.linalg.qr(seen * root[:, :, None])
    weighted = y * root
    left = weighted - np.einsum("knr,kr->kn", q, np.einsum("knr,kn->kr", q, weighted))
    inside = 2 * np.sum(np.log(np.abs(np.diagonal(r, axis1=1, axis2=2))), axis=1)
    return np.asarray(-0.5 * (np.sum(np.log(variances), axis=1) + inside + np.sum(left**2, axis=1)), np.float64)


def _misfit(
    residuals: Array, variances: Array, groups: NDArray[np.intp] | None, rank: int, square: float
) -> tuple[float, float, float | None, float, float]:
    """Variance of what is common to windows of one design, its df, its p; and the variance and df of what is not.

    Variances are in units of `variances`. Without a lack of fit that is sure, the residuals are one whole.
    """
    n = len(residuals)
    whole = (0.0, math.inf, None, square, float(n - rank) if n > rank else math.inf)
    if groups is None:
        return whole
    _, place, size = np.unique(groups, return_inverse=True, return_counts=True)
    df_of_misfit, df_pure = len(size) - rank, n - len(size)
    if df_of_misfit < 1 or df_pure < 2:
        return whole
    standard = residuals / np.sqrt(variances)
    middle = np.bincount(place, standard) / size
    pure = float(np.sum((standard - middle[place]) ** 2)) / df_pure
    common = float(np.sum(size * middle**2)) / df_of_misfit
    p = f_tail(common / pure, df_of_misfit, df_pure) if pure > 0 else 0.0
    if p >= _SURE:
        return whole[0], whole[1], p, whole[3], whole[4]
    return (common - pure) / float(size.mean()), df_of_misfit, p, pure, df_pure


def f_tail(f: float, df1: float, df2: float) -> float:
    """How likely Fisher's F exceeds `f`, to a few percent of it (Paulson 1942)."""
    root = max(f, 0.0) ** (1 / 3)
    a, b = 2 / (9 * df1), 2 / (9 * df2)
    return 0.5 * math.erfc(((1 - b) * root - (1 - a)) / math.sqrt(b * root**2 + a) / math.sqrt(2))

"""The rules by which tools call a change a regression, on many cases at once; each says what it was read from.

Each gives, of shape [cases, rows], which rows it takes for more than chance, and the logarithm of the ratio that its
threshold is put on; RULES has the threshold that each has unless told otherwise.
"""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from benchmarks.gate_noise import Cases, Floats, Noise
from edgewatt.profiler.checking.testing import ALPHA

Flags = NDArray[np.bool_]
Found = tuple[Flags, Floats]
ASSUMED: Final = 0.02


def edgewatt(cases: Cases, noise: Noise) -> Found:
    """profiler/checking: held against it by `same_as_edgewatt`."""
    log, p = edgewatt_p(cases, noise)
    return _together(p), log


def edgewatt_passes(cases: Cases, noise: Noise, tolerance: float) -> Flags:
    """The rows that are shown not to be worse than is allowed."""
    log, repeats, dof, sessions, dof_sessions = edgewatt_parts(cases, noise)
    width = np.hypot(stats.t.isf(ALPHA, dof) * repeats, stats.t.isf(ALPHA, dof_sessions) * sessions)
    return log + width < np.log1p(tolerance)


def edgewatt_p(cases: Cases, noise: Noise) -> tuple[Floats, Floats]:
    """The logarithm of the ratio, and its one-sided p: where the bound touches 1."""
    log, repeats, dof, sessions, dof_sessions = edgewatt_parts(cases, noise)
    if not np.any(sessions):
        return log, stats.t.sf(log / repeats, dof)
    low, high = np.full(log.shape, 1e-9), np.full(log.shape, 0.5)
    for _ in range(30):
        middle = np.sqrt(low * high)
        above = np.hypot(stats.t.isf(middle, dof) * repeats, stats.t.isf(middle, dof_sessions) * sessions) > np.abs(log)
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return log, np.where(log > 0, middle, 1 - middle)


def edgewatt_parts(cases: Cases, noise: Noise) -> tuple[Floats, Floats, Floats, Floats, float]:
    """The logarithm of the ratio, what repeats and sittings leave of it, and degrees of freedom."""
    old, new = cases.medians
    n = old.shape[2]
    a, b = old.var(axis=2, ddof=1) / n, new.var(axis=2, ddof=1) / n
    dof = (a + b) ** 2 / ((a**2 + b**2) / (n - 1))
    sigma, dof_sessions = np.full((len(old), 1), ASSUMED), np.inf
    if noise.history:
        sigma, dof_sessions = cases.history.std(axis=1, ddof=1)[:, None], noise.history - 1
    sessions = np.broadcast_to(sigma * np.sqrt(2) if noise.apart else np.zeros_like(sigma), a.shape)
    return new.mean(axis=2) - old.mean(axis=2), np.sqrt(a + b), dof, sessions, dof_sessions


def _together(p: Floats) -> Flags:
    """Holm up to 10 rows, Benjamini and Hochberg above."""
    rows = p.shape[1]
    order = np.argsort(p, axis=1)
    ranked = np.take_along_axis(p, order, axis=1)
    if rows <= 10:
        found = np.logical_and.accumulate(ranked <= ALPHA / (rows - np.arange(rows)), axis=1)
    else:
        under = ranked <= ALPHA * np.arange(1, rows + 1) / rows
        found = np.logical_or.accumulate(under[:, ::-1], axis=1)[:, ::-1]
    flags = np.zeros(p.shape, bool)
    np.put_along_axis(flags, order, found, axis=1)
    return flags


def _pooled(cases: Cases) -> tuple[Floats, Floats]:
    """Every value of every process in one sample, in seconds."""
    shape = (*cases.old.shape[:2], -1)
    return np.exp(cases.old).reshape(shape), np.exp(cases.new).reshape(shape)


def pyperf(cases: Cases, noise: Noise) -> Found:
    """Of pyperf 2.10, compare_to: Student's t of all values, two-sided 95 %, and `--min-speed`."""
    del noise
    old, new = _pooled(cases)
    found = stats.ttest_ind(new, old, axis=2)
    return found.pvalue < 0.05, np.log(new.mean(axis=2) / old.mean(axis=2))


def asv(cases: Cases, noise: Noise) -> Found:
    """Of asv 0.6, continuous: Mann-Whitney U of all samples at 0.002, and the ratio of medians above `factor`."""
    del noise
    old, new = _pooled(cases)
    p = stats.mannwhitneyu(new, old, axis=2, method="asymptotic").pvalue
    return p < 0.002, np.log(np.median(new, axis=2) / np.median(old, axis=2))


def google_benchmark(cases: Cases, noise: Noise) -> Found:
    """compare.py: Mann-Whitney U of the repetitions, two-sided at 0.05."""
    del noise
    old, new = cases.medians
    p = stats.mannwhitneyu(new, old, axis=2, method="exact").pvalue
    return p < 0.05, new.mean(axis=2) - old.mean(axis=2)


def pytest_benchmark(cases: Cases, noise: Noise) -> Found:
    """pytest-benchmark 5 `--benchmark-compare-fail=mean:X%`: a plain threshold on the mean."""
    del noise
    old, new = _pooled(cases)
    log = np.log(new.mean(axis=2) / old.mean(axis=2))
    return np.ones(log.shape, bool), log


def github_action_benchmark(cases: Cases, noise: Noise) -> Found:
    """alert-threshold: the ratio of the value to that of the previous run."""
    del noise
    old, new = (np.exp(side).mean(axis=2) for side in cases.medians)
    return np.ones(new.shape, bool), np.log(new / old)


def otava(cases: Cases, noise: Noise) -> Found:
    """apache-otava 0.8 on the repeats as points in time: t-test at the best split, p below 0.001, `min_magnitude`.

    Its E-divisive proposes the splits; that of the largest t is the most that it could propose. It counts as found
    where it lies within a point of the change. Its t divides by n instead of n - 1 (read in its source).
    """
    del noise
    points = np.concatenate(cases.medians, axis=2)
    n, half = points.shape[2], points.shape[2] // 2
    best_t, best_at, best_log = (np.full(points.shape[:2], fill) for fill in (-1.0, 0.0, 0.0))
    for at in range(2, n - 1):
        a, b = points[..., :at], points[..., at:]
        log = b.mean(axis=2) - a.mean(axis=2)
        pooled = (at * a.var(axis=2) + (n - at) * b.var(axis=2)) / (n - 2)
        t = np.abs(log) / np.sqrt(pooled * (1 / at + 1 / (n - at)))
        better = t > best_t
        best_t, best_at, best_log = (np.where(better, x, y) for x, y in ((t, best_t), (at, best_at), (log, best_log)))
    p = 2 * stats.t.sf(best_t, n - 2)
    return (p < 0.001) & (np.abs(best_at - half) <= 1), best_log


def flagged(found: Found, threshold: float) -> Flags:
    """The rows that a tool calls a regression."""
    return found[0] & (found[1] > np.log1p(threshold))


RULES: Final[Mapping[str, tuple[Callable[[Cases, Noise], Found], float]]] = {
    "edgewatt": (edgewatt, 0.05),
    "pyperf": (pyperf, 0.0),
    "asv": (asv, 0.10),
    "pytest-benchmark": (pytest_benchmark, 0.05),
    "Google Benchmark": (google_benchmark, 0.0),
    "github-action-benchmark": (github_action_benchmark, 1.0),
    "apache-otava": (otava, 0.0),
}

"""The offset, fitted: least squares of the response to the train, robust, its uncertainty from clusters of residuals.

Variable projection (Golub and Pereyra 1973, Kaufman's approximation of 1975): levels and slopes are linear and solved
for at every step, the offset, the lag of the rises and the two time constants by Gauss-Newton with Levenberg's damping.

The ends of the pulses carry the offset. Where a load begins a governor may raise the clock late, in steps, and the
power with it; where it ends the power has nothing to wait for. So the rises have a lag of their own.
"""

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.synchronising.response import Levels, Means, response

Floats = NDArray[np.float64]

# Time constants lie between 2 and 50 ms (measurement.md): a logarithmic normal of which that is the middle 95 %. It
# matters only for a meter too slow to see them.
_TAU_S: Final = 0.01
_TAU_SPREAD: Final = 0.82
_TAU_LIMITS_S: Final = (2e-4, 0.2)
# Below so many readings per shortest stretch one level for all pulses has to do, and rises that do not lag.
_READINGS: Final = 10
# Huber's constant: 95 % as good as least squares for normal residuals (Huber 1964, textbook).
_HUBER: Final = 1.345
# Residuals below this share of a step are not outliers but the model's shape; assumed.
_LEAST_SCALE: Final = 0.02
_ROUNDS: Final = 30
# Readings of 20 ms at 5 kHz, after they are joined to means of 1 ms; another load's bursts are about as long.
_BLOCK: Final = 20
_LAG: Final = 1
_LEAST_LEFT: Final = 0.05
_DONE_S: Final = 1e-6
# For differences in place of derivatives: seconds, seconds, logarithms.
_STEPS: Final = (1e-6, 1e-6, 1e-4, 1e-4)


@dataclass(frozen=True, slots=True)
class Fitted:
    """The offset in seconds with its standard uncertainty and the degrees of freedom of that.

    Rises come `lag_s` later than the ends of pulses do; 0 where they do not, None where nobody can tell.
    """

    offset_s: float
    u_offset_s: float
    df: float
    rise_s: float
    fall_s: float
    lag_s: float | None
    step_w: float


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    """Readings, the edges, the cases of levels that are fitted together, and whether rises may lag."""

    means: Means
    power_w: Floats
    edge_s: Floats
    levels: Levels
    lags: bool

    @property
    def free(self) -> NDArray[np.intp]:
        """Which of offset, lag, log rise, log fall are fitted."""
        return np.array([0, 1, 2, 3] if self.lags else [0, 2, 3])

    def response(self, p: Floats, levels: Levels) -> Floats:
        """The readings at offset, lag, log rise, log fall."""
        rises = np.arange(len(self.edge_s)) % 2 == 0
        at_s = self.edge_s + p[0] + np.where(rises, p[1], 0.0)
        return response(self.means, at_s, np.exp(np.where(rises, p[2], p[3])), levels)


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    """The residuals at the parameters `p`, what the parameters move them by, and the linear part's step of power."""

    p: Floats
    residual_w: Floats
    weight: Floats
    moves: Floats
    cost: float
    variance: float
    step_w: float


def fit_offset(means: Means, power_w: Floats, edge_s: Floats, start_s: float, readings: float) -> Fitted | None:
    """The offset near `start_s` that brings the edges (begin, end, ...; shape [2 n]) onto the power; None: no fit.

    `readings` is how many of them fall into the shortest stretch between two edges.
    """
    plain = _Problem(means, power_w, edge_s, _joined(edge_s), lags=False)
    try:
        state = _best_start(plain, start_s)
        if readings < _READINGS:
            return replace(_judged(plain, _improved(plain, state)), lag_s=None)
        fine = replace(plain, levels=_separate(edge_s), lags=True)
        found = _improved(fine, state)
        if found.p[_LAG] < 0:
            # Power does not rise before it is asked for: the rises know the offset as well as the falls.
            fine = replace(fine, lags=False)
            found = _improved(fine, _solved(fine, found.p * (np.arange(4) != _LAG), found.weight))
        return _judged(fine, found)
    except np.linalg.LinAlgError:
        return None


def _joined(edge_s: Floats) -> Levels:
    """Three cases: a level, a slope throughout, and a step while a pulse lasts."""
    level, slope = np.zeros((2, len(edge_s) + 1, 3))
    level[:, 0] = 1.0
    level[:, 1] = np.concatenate([edge_s[:1], edge_s]) - edge_s[0]
    slope[:, 1] = 1.0
    level[1::2, 2] = 1.0
    return Levels(level, slope)


def _separate(edge_s: Floats) -> Levels:
    """A level for each stretch (another load may begin or end), and how fast all pulses climb and all pauses fall."""
    count = len(edge_s) + 1
    level, slope = np.zeros((2, count, count + 2))
    level[:, :count] = np.eye(count)
    slope[1::2, count] = 1.0
    slope[2::2, count + 1] = 1.0
    return Levels(level, slope)


def _best_start(problem: _Problem, start_s: float) -> _State:
    """The best of a coarse grid: a time constant delays what the peak was found by."""
    grid = [
        np.array([start_s - early_s, 0.0, math.log(rise_s), math.log(fall_s)])
        for early_s in (0.0, 0.008, 0.02)
        for rise_s in (0.004, 0.02)
        for fall_s in (0.004, 0.02)
    ]
    return min((_solved(problem, p, np.ones(len(problem.power_w))) for p in grid), key=lambda state: state.cost)


def _improved(problem: _Problem, state: _State) -> _State:
    damping, free = 1e-3, problem.free
    state = _solved(problem, state.p, np.ones(len(problem.power_w)))
    state = _solved(problem, state.p, _robust(state), moves=True)
    for _ in range(_ROUNDS):
        normal, slope = _normal(problem, state)
        step = np.zeros(4)
        step[free] = np.linalg.solve(normal + damping * np.diag(np.diag(normal)), slope)
        step[2:] = np.clip(state.p[2:] + step[2:], *np.log(_TAU_LIMITS_S)) - state.p[2:]
        tried = _solved(problem, state.p + step, state.weight)
        if tried.cost > state.cost * (1 + 1e-12):
            damping *= 8
            if damping > 1e8:
                break
            continue
        damping = max(damping / 8, 1e-9)
        state = _solved(problem, tried.p, _robust(tried), moves=True)
        if abs(step[0]) < _DONE_S and abs(step[1]) < _DONE_S:
            break
    return state


def _solved(problem: _Problem, p: Floats, weight: Floats, *, moves: bool = False) -> _State:
    """Levels and slopes by weighted least squares at `p`, and, if asked for, what a change of `p` does beyond them."""
    design = problem.response(p, problem.levels)
    weighted = design * weight[:, None]
    gram = weighted.T @ design
    gram[np.diag_indices_from(gram)] += 1e-9 * np.diag(gram) + 1e-12 * np.trace(gram) / len(gram)
    linear = np.asarray(np.linalg.solve(gram, weighted.T @ problem.power_w), np.float64)
    levels = problem.levels.times(linear)
    found_w = design @ linear
    residual_w = problem.power_w - found_w
    squares = float(weight @ residual_w**2)
    drawing_w = weight * residual_w
    variance = _together(drawing_w) * float(drawing_w @ drawing_w) / max(len(weight) - len(linear) - 4, 1)
    cost = squares + variance * float(np.sum(((p[2:] - math.log(_TAU_S)) / _TAU_SPREAD) ** 2))
    moved = np.zeros((len(weight), 4))
    if moves:
        for k, h in enumerate(_STEPS):
            moved[:, k] = (problem.response(p + h * (np.arange(4) == k), levels)[:, 0] - found_w) / h
        moved -= design @ np.linalg.solve(gram, weighted.T @ moved)
    return _State(p, residual_w, weight, moved, cost, variance, _step_w(problem, levels))


def _together(residual_w: Floats) -> float:
    """How many residuals in a row are as good as one: those of neighbours that belong to one burst of another load."""
    blocks = len(residual_w) // _BLOCK
    if not blocks:
        return 1.0
    of_block = residual_w[: blocks * _BLOCK].reshape(blocks, _BLOCK)
    squares = float(np.sum(of_block**2))
    return max(float(np.sum(of_block.sum(axis=1) ** 2)) / squares, 1.0) if squares > 0 else 1.0


def _step_w(problem: _Problem, levels: Levels) -> float:
    """The median step at the ends of the pulses: of a stretch that lies in a gap the level is not known."""
    level, slope = levels.level[:, 0], levels.slope[:, 0]
    reached_w = level[1::2] + slope[1::2] * (problem.edge_s[1::2] - problem.edge_s[::2])
    return float(np.median(reached_w - level[2::2]))


def _robust(state: _State) -> Floats:
    """Huber's weights at the residuals."""
    size_w = np.abs(state.residual_w)
    scale_w = max(1.4826 * float(np.median(size_w)), _LEAST_SCALE * abs(state.step_w), 1e-12)
    return np.asarray(np.minimum(1.0, _HUBER * scale_w / np.maximum(size_w, 1e-12 * scale_w)))


def _known(problem: _Problem, state: _State) -> Floats:
    """How much is known of each free parameter beforehand, in the units of the normal equations."""
    return np.where(problem.free >= 2, state.variance / _TAU_SPREAD**2, 0.0)


def _normal(problem: _Problem, state: _State) -> tuple[Floats, Floats]:
    """The normal equations of the free parameters, what is known of time constants included."""
    free = problem.free
    moves = state.moves[:, free]
    weighted = moves * state.weight[:, None]
    known = _known(problem, state)
    usual = np.where(free >= 2, math.log(_TAU_S), 0.0)
    return weighted.T @ moves + np.diag(known), weighted.T @ state.residual_w - known * (state.p[free] - usual)


def _without_own(share: Floats) -> Floats:
    """(1 - share)^(-1/2): residuals are smaller than errors, as each edge has drawn the fit towards itself."""
    values, vectors = np.linalg.eigh(share)
    return np.asarray(vectors / np.sqrt(np.maximum(1 - values, _LEAST_LEFT)) @ vectors.T, np.float64)


def _judged(problem: _Problem, state: _State) -> Fitted:
    """The uncertainty from what the surroundings of each edge say together (HC2, MacKinnon and White 1985, clustered).

    Residuals that belong together, such as those of one burst of another load, thus count once.
    """
    normal, _ = _normal(problem, state)
    moves = state.moves[:, problem.free]
    weighted = moves * state.weight[:, None]
    at_s, count = problem.edge_s + state.p[0], len(problem.edge_s)
    cluster = np.searchsorted((at_s[1:] + at_s[:-1]) / 2, problem.means.middle_s)
    members = [np.flatnonzero(cluster == k) for k in range(count)]
    scores = [weighted[of].T @ state.residual_w[of] for of in members]
    shares = np.stack([weighted[of].T @ moves[of] for of in members])
    inverse, turned = np.linalg.inv(normal), np.linalg.inv(np.linalg.cholesky(normal))
    of_edges = [
        turned.T @ _without_own(turned @ share @ turned.T) @ turned @ s for share, s in zip(shares, scores, strict=True)
    ]
    left = np.stack(of_edges)
    covariance = left.T @ left + inverse @ np.diag(_known(problem, state)) @ inverse
    of_offset = np.einsum("j,kjl,l->k", inverse[0], shares, inverse[0])
    of_offset = of_offset / of_offset.sum()
    return Fitted(
        float(state.p[0]),
        math.sqrt(covariance[0, 0]),
        max(1 / float(np.sum(of_offset**2)) - 1, 1.0),
        math.exp(state.p[2]),
        math.exp(state.p[3]),
        float(state.p[_LAG]),
        state.step_w,
    )

"""Schedulers that learn from what their tasks took: regression, classification, tabular Q-learning.

Each executes the same number of tasks of a scenario and then chooses for others. None is told a task's noise, nor what
is around the phone later; the grid's forecast is exact. Regression executes random choices and fits ln(kg) and
ln(lateness) of every application and choice by ridge regression; it takes the least carbon of what it predicts in time.
Classification (nearest neighbours) executes each of fewer tasks in every way, and takes what was best for its like.
Q-learning: epsilon-greedy, with the update of AutoScale, reward -kg / usual kg less a penalty if late; a bin is either
half of what it has seen.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.greenscale.deciding import taken
from edgewatt.models.greenscale.facing import ACTIONS_N, Faced
from edgewatt.models.scheduling.constants import Constants

Reals = NDArray[np.float64]
Choice = NDArray[np.intp]
# Chooses for tasks of the application at that place in the list: places x slots.
Chooses = Callable[[int, Faced], Choice]
Setting = tuple[float, float]
REGRESSION, CLASSIFICATION, Q_LEARNING = "regression", "classification", "Q-learning"
# What the two numbers of a setting are, and the nine that are tried.
KINDS: Final[Mapping[str, tuple[str, str]]] = {
    REGRESSION: ("ridge", "margin"),
    CLASSIFICATION: ("neighbours", "weight of the grid"),
    Q_LEARNING: ("learning rate", "epsilon"),
}
SETTINGS: Final[Mapping[str, Sequence[Setting]]] = {
    REGRESSION: tuple(product((0.1, 1.0, 10.0), (1.0, 0.9, 0.8))),
    CLASSIFICATION: tuple(product((1.0, 5.0, 15.0), (0.5, 1.0, 2.0))),
    Q_LEARNING: tuple(product((0.1, 0.5, 0.9), (0.05, 0.1, 0.2))),
}
_DISCOUNT: Final = 0.1
# A grid without any intensity, and nothing counted of what was built, emits nothing: ratios are of this at least.
LEAST_KG: Final = 1e-30
# What every value begins with: a task that emits as usual, in time.
_USUAL: Final = -1.0
_GRID_N: Final = 6


def learnt(kind: str, lessons: Sequence[Faced], setting: Setting, constants: Constants, seed: int) -> Chooses:
    """What a scheduler of a kind does after its lessons, as many tasks of each application."""
    rng = np.random.default_rng([seed, list(KINDS).index(kind)])
    if kind == Q_LEARNING:
        return _q_learnt(lessons, setting, constants["learning.late_penalty"], rng)
    made = _regressed if kind == REGRESSION else _classified
    each = [made(of, setting, rng) for of in lessons]

    def chooses(k: int, of: Faced) -> Choice:
        return each[k](of)

    return chooses


def _regressed(lesson: Faced, setting: Setting, rng: np.random.Generator) -> Callable[[Faced], Choice]:
    ridge, margin = setting
    action = rng.integers(lesson.actions_n, size=len(lesson.seen))
    scale = _Scale(lesson.seen)
    shown, choice = scale.one_and(lesson.seen), lesson.choices[np.arange(len(action)), action]
    kg = np.maximum(taken(lesson.costs.kg, choice), LEAST_KG)
    took = np.log(np.stack([kg, taken(lesson.costs.lateness, choice)], axis=1))
    fits = []
    for a in range(lesson.actions_n):
        x, y = shown[action == a], took[action == a]
        mean = y.mean(axis=0) if len(y) else took.mean(axis=0)
        weight = np.linalg.solve(x.T @ x + ridge * np.eye(x.shape[1]), x.T @ (y - mean))
        fits.append((weight, mean))

    def chooses(of: Faced) -> Choice:
        said = np.stack([scale.one_and(of.seen) @ weight + mean for weight, mean in fits], axis=1)
        in_time = said[..., 1] < np.log(margin)
        best = np.where(in_time, said[..., 0], np.inf).argmin(axis=1)
        return _of(of, np.where(in_time.any(axis=1), best, said[..., 1].argmin(axis=1)))

    return chooses


def _classified(lesson: Faced, setting: Setting, rng: np.random.Generator) -> Callable[[Faced], Choice]:
    neighbours, weight = int(setting[0]), setting[1]
    some = rng.permutation(len(lesson.seen))[: max(len(lesson.seen) // lesson.actions_n, 1)]
    kg, late = _tried(lesson, lesson.costs.kg)[some], _tried(lesson, lesson.costs.lateness)[some]
    label = np.where((late < 1).any(axis=1), np.where(late < 1, kg, np.inf).argmin(axis=1), late.argmin(axis=1))
    scale, weights = _Scale(lesson.seen), np.ones(lesson.seen.shape[1])
    weights[:_GRID_N] = weight
    known = scale(lesson.seen[some]) * weights

    def chooses(of: Faced) -> Choice:
        apart = ((scale(of.seen) * weights)[:, None] - known[None]) ** 2
        nearest = np.argsort(apart.sum(axis=2), axis=1, kind="stable")[:, :neighbours]
        votes = (label[nearest][..., None] == np.arange(lesson.actions_n)).sum(axis=1)
        return _of(of, votes.argmax(axis=1))

    return chooses


def _q_learnt(lessons: Sequence[Faced], setting: Setting, penalty: float, rng: np.random.Generator) -> Chooses:
    rate, epsilon = setting
    middle = np.median(np.concatenate([of.seen for of in lessons]), axis=0)
    states = [_states(k, of.seen, middle) for k, of in enumerate(lessons)]
    kg = [_tried(of, of.costs.kg).tolist() for of in lessons]
    late = [(_tried(of, of.costs.lateness) >= 1).tolist() for of in lessons]
    faced = [(k, n) for k, of in enumerate(states) for n in range(len(of))]
    order = [faced[place] for place in rng.permutation(len(faced)).tolist()]
    explores, picks = (rng.random(len(order)) < epsilon).tolist(), rng.random(len(order)).tolist()
    table = {state: [_USUAL] * of.actions_n for of, mine in zip(lessons, states, strict=True) for state in mine}
    usual, done = [0.0] * len(lessons), [0] * len(lessons)
    for step, (k, n) in enumerate(order):
        values, emitted = table[states[k][n]], kg[k][n]
        a = int(picks[step] * len(values)) if explores[step] else values.index(max(values))
        done[k] += 1
        usual[k] += (emitted[a] - usual[k]) / done[k]
        got = -emitted[a] / max(usual[k], LEAST_KG) - penalty * late[k][n][a]
        k2, n2 = order[min(step + 1, len(order) - 1)]
        values[a] += rate * (got + _DISCOUNT * max(table[states[k2][n2]]) - values[a])
    first = [_common(table, of, lesson.actions_n) for of, lesson in zip(states, lessons, strict=True)]

    def chooses(k: int, of: Faced) -> Choice:
        found = [table.get(state) for state in _states(k, of.seen, middle)]
        return _of(of, np.array([first[k] if v is None else v.index(max(v)) for v in found], np.intp))

    return chooses


def _common(table: Mapping[int, Sequence[float]], states: Sequence[int], actions_n: int) -> int:
    """What is chosen most often in known states, for a state that was never seen."""
    votes = np.zeros(actions_n)
    for state in states:
        votes[table[state].index(max(table[state]))] += 1
    return int(votes.argmax())


def _states(k: int, seen: Reals, middle: Reals) -> list[int]:
    """Application, and the half of each of six features: intensities now, signal, co-runner, load."""
    columns = (0, 1, 2, _GRID_N, _GRID_N + 1, _GRID_N + 2)
    found = np.full(len(seen), k)
    for c in columns:
        found = found * 2 + (seen[:, c] > middle[c])
    states: list[int] = found.tolist()
    return states


def _tried(of: Faced, what: Reals) -> Reals:
    """[n, actions] of every action."""
    return np.stack([taken(what, of.choices[:, a]) for a in range(of.actions_n)], axis=1)


def _of(of: Faced, action: NDArray[np.intp]) -> Choice:
    return np.asarray(of.choices[np.arange(len(action)), np.minimum(action, ACTIONS_N - 1)])


class _Scale:
    """What was seen, each column with its own mean and spread."""

    def __init__(self, seen: Reals) -> None:
        self.mean, self.sd = seen.mean(axis=0), np.maximum(seen.std(axis=0), 1e-9)

    def __call__(self, seen: Reals) -> Reals:
        return np.asarray((seen - self.mean) / self.sd)

    def one_and(self, seen: Reals) -> Reals:
        """With a column of ones."""
        return np.concatenate([np.ones((len(seen), 1)), self(seen)], axis=1)

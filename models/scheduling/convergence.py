"""How many inferences agents need: each alone with one network in one scenario, as a phone that runs one application.

An agent has converged after the inference from which on nine of ten choices that it would make are within 10 % of the
oracle's joules, and in time where something is. The paper reports 40 to 50 inferences (remembered), of a definition
that could not be read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.scheduling.autoscale import Course, Learning, Lessons, course_of, first_table, learn
from edgewatt.models.scheduling.bandit import Trust, learn_bandit
from edgewatt.models.scheduling.bandit_prior import Prior
from edgewatt.models.scheduling.baselines import Best, best
from edgewatt.models.scheduling.constants import Constants
from edgewatt.models.scheduling.scenarios import drawn
from edgewatt.models.scheduling.states import Bins
from edgewatt.models.scheduling.transfer import mapped
from edgewatt.models.scheduling.world import Action, Conditions, World, stacked

NEAR: Final = 1.1
_SHARE: Final = 0.9
_FOLLOW: Final = 0.1
# Of each agent's own draws, none of which other trials have.
_STREAM: Final = 6


@dataclass(frozen=True, slots=True)
class Cases:
    """One agent per seed, scenario and network, in this order: its world, its lessons, and the bins of conditions.

    `oracles`: what the oracle chooses for each inference in order.
    """

    world: World
    lessons: Lessons
    bins: Bins
    shape: tuple[int, int, int]
    oracles: tuple[Best, ...]


@dataclass(frozen=True, slots=True)
class Converged:
    """`good` [T, seeds, scenarios, networks]: whether a choice would have been near the oracle's. `share` [T]."""

    good: NDArray[np.bool_]

    @property
    def share(self) -> NDArray[np.float64]:
        """How many agents would choose well after so many inferences."""
        return np.asarray(self.good.mean(axis=(1, 2, 3)))

    def runs(self) -> NDArray[np.float64]:
        """[seeds]: inferences until an agent has converged, the mean over its cases; as many as there are if never."""
        return np.asarray(self._first().mean(axis=(1, 2)))

    @property
    def never(self) -> float:
        """The share of agents that have not converged."""
        return float((self._first() == len(self.good)).mean())

    def _first(self) -> NDArray[np.intp]:
        """[seeds, scenarios, networks]: the inference from which on choices are good; a tenth at least follows."""
        count = np.arange(len(self.good), 0, -1)[:, None, None, None]
        after = np.cumsum(self.good[::-1], axis=0)[::-1] / count
        enough = (after >= _SHARE) & (count >= len(self.good) * _FOLLOW)
        return np.asarray(np.where(enough.any(axis=0), enough.argmax(axis=0), len(self.good)))


def cases_of(worlds: Sequence[World], bins: Bins, constants: Constants, scenarios: Sequence[str], runs_n: int) -> Cases:
    """`runs_n` inferences of every network in every scenario, of an agent each; one world per seed."""
    networks_n = len(worlds[0].workloads)
    shape = (len(worlds), len(scenarios), networks_n)
    names = Conditions.__slots__
    every = [
        drawn(constants, scenario, runs_n, np.random.default_rng([seed, _STREAM, k, m]))
        for seed in range(len(worlds))
        for k, scenario in enumerate(scenarios)
        for m in range(networks_n)
    ]
    around = Conditions(*(np.stack([getattr(of, name) for of in every], axis=1) for name in names))
    network = np.broadcast_to(np.arange(len(every)) % networks_n, (runs_n, len(every)))
    # One network has one part of the table, so that an agent needs the states of conditions only.
    few = Bins(((), (), (), (), *bins.ends[4:]))
    lessons = Lessons(network, few.of_conditions(around), around)
    world, e = stacked([world for world in worlds for _ in range(shape[1] * shape[2])]), np.arange(len(every))
    oracles = tuple(best(world, network[t], around[t], environment=e) for t in range(runs_n))
    return Cases(world, lessons, few, shape, oracles)


def autoscale_converges(
    cases: Cases, learning: Learning, *, taught: tuple[NDArray[np.float32], Sequence[Action], Bins] | None = None
) -> Converged:
    """AutoScale's agents; `taught`: the tables [seeds, states, actions] of another phone, its actions and its bins."""
    wide = Learning(*(np.repeat(getattr(learning, of), cases.shape[1] * cases.shape[2]) for of in Learning.__slots__))
    actions = cases.world.actions
    table = first_table(cases.bins, len(actions), wide, 0)
    if taught is not None:
        source, their_actions, bins = taught
        parts = np.array([bins.of_workload(w) for w in cases.world.workloads])
        states = parts[cases.lessons.network[0], None] + np.arange(cases.bins.states_n)
        seed = np.repeat(np.arange(cases.shape[0]), cases.shape[1] * cases.shape[2])
        table = mapped(source[seed[:, None], states], their_actions, actions, table)
    course = course_of(cases.lessons)
    learn(cases.world, cases.bins, cases.lessons, wide, 0, table=table, course=course)
    return _converged(cases, course)


def bandit_converges(cases: Cases, prior: Prior, trust: Trust) -> Converged:
    """Our agents."""
    course = course_of(cases.lessons)
    learn_bandit(prior, cases.world, cases.lessons, trust, 0, course=course)
    return _converged(cases, course)


def _converged(cases: Cases, course: Course) -> Converged:
    e, world = np.arange(cases.lessons.network.shape[1]), cases.world
    good = np.zeros(course.greedy.shape, dtype=bool)
    for t, choice in enumerate(course.greedy):
        m, around = cases.lessons.network[t], cases.lessons.around[t]
        oracle = cases.oracles[t]
        mine = world.expected(e, m, choice, around)
        usable = world.accuracy[m, choice] >= np.minimum(world.required[m], world.accuracy[m, oracle.action])
        in_time = (mine.latency_s < world.qos_s[m]) | ~oracle.is_possible
        good[t] = (mine.energy_j <= NEAR * oracle.energy_j) & in_time & usable
    return Converged(good.reshape(-1, *cases.shape))

"""AutoScale's agent: tabular Q-learning over bins of states (Kim & Wu, MICRO 2020; the update of AutoFL).

    Q(S, A) <- Q(S, A) + gamma [R + mu max Q(S', .) - Q(S, A)]      gamma: learning rate, mu: discount (their names)
    R = accuracy - 100                              accuracy below what is required
    R = -E + alpha latency + beta accuracy          in time
    R = -E + beta accuracy                          too late
E in mJ, latency in ms, accuracy in percent: the paper states no units, and the sign of alpha is remembered.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.scheduling.constants import Constants, Draw
from edgewatt.models.scheduling.scenarios import drawn, joined
from edgewatt.models.scheduling.states import Bins
from edgewatt.models.scheduling.world import Conditions, Outcome, World

_NEVER: Final = np.float32(-1e30)


@dataclass(frozen=True, slots=True)
class Learning:
    """How agents learn, a value for each environment."""

    learning_rate: NDArray[np.float64]
    discount: NDArray[np.float64]
    epsilon: NDArray[np.float64]
    alpha: NDArray[np.float64]
    beta: NDArray[np.float64]
    initial_spread: NDArray[np.float64]


def learning_of(constants: Constants, draws: Sequence[Draw]) -> Learning:
    """The hyper-parameters of the paper, those that are not fixed as each draw has them."""
    names = ("learning_rate", "discount", "epsilon", "alpha", "beta", "initial_spread")
    return Learning(*(np.array([d.constant(constants, f"learning.{name}") for d in draws]) for name in names))


def reward(
    outcome: Outcome, required: NDArray[np.float64], qos_s: NDArray[np.float64], of: Learning
) -> NDArray[np.float64]:
    """The reward of each outcome (facts 1.5)."""
    in_time = outcome.latency_s < qos_s
    good = -1e3 * outcome.energy_j + of.beta * outcome.accuracy
    good = good + np.where(in_time, of.alpha * 1e3 * outcome.latency_s, 0.0)
    return np.where(outcome.accuracy < required, outcome.accuracy - 100.0, good)


@dataclass(frozen=True, slots=True)
class Lessons:
    """What is executed while agents learn: [T, E] network, part of the state, conditions; each E in its own order."""

    network: NDArray[np.intp]
    state: NDArray[np.intp]
    around: Conditions


def lessons_of(
    world: World, bins: Bins, constants: Constants, scenarios: Sequence[str], seeds: Sequence[int], each_n: int
) -> Lessons:
    """`each_n` inferences of every network in every scenario, for as many environments as there are seeds."""
    parts = [bins.of_workload(w) for w in world.workloads]
    networks, states, conditions = [], [], []
    for seed in seeds:
        rng = np.random.default_rng([seed, 1])
        around = joined([drawn(constants, s, each_n, rng) for s in scenarios for _ in parts])
        network = np.tile(np.repeat(np.arange(len(parts)), each_n), len(scenarios))
        order = rng.permutation(len(network))
        around, network = around[order], network[order]
        networks.append(network)
        states.append(np.array(parts)[network] + bins.of_conditions(around))
        conditions.append(around)
    columns = [
        np.stack([getattr(of, name) for of in conditions], axis=1)
        for name in ("co_cpu", "co_memory", "wlan_dbm", "p2p_dbm", "temperature_c")
    ]
    return Lessons(np.stack(networks, axis=1), np.stack(states, axis=1), Conditions(*columns))


@dataclass(frozen=True, slots=True)
class Course:
    """What agents did while they learnt: [T, E] the choice executed, and the one they would make without exploring."""

    chosen: NDArray[np.int16]
    greedy: NDArray[np.int16]


def course_of(lessons: Lessons) -> Course:
    """One to fill while learning."""
    return Course(*(np.zeros(lessons.network.shape, dtype=np.int16) for _ in range(2)))


def first_table(bins: Bins, actions_n: int, learning: Learning, seed: int) -> NDArray[np.float32]:
    """The random values [E, states, actions] that agents begin with."""
    shape = (len(learning.initial_spread), bins.states_n, actions_n)
    table = np.random.default_rng([seed, 5]).standard_normal(shape, dtype=np.float32)
    return np.asarray(table * learning.initial_spread.astype(np.float32)[:, None, None])


def learn(
    world: World,
    bins: Bins,
    lessons: Lessons,
    learning: Learning,
    seed: int,
    *,
    table: NDArray[np.float32] | None = None,
    course: Course | None = None,
) -> NDArray[np.float32]:
    """The tables [E, states, actions] after the lessons: one agent per environment, all of them at once.

    A choice that cannot execute a network is never taken for it; the table keeps what other networks of a state taught.
    `table`: to go on with, which is changed, instead of random values; `course`: is filled. Where a phone warms, its
    temperature begins as it idles and follows what is executed.
    """
    rng = np.random.default_rng([seed, 2])
    steps_n, environments_n = lessons.network.shape
    actions_n = len(world.actions)
    table = first_table(bins, actions_n, learning, seed) if table is None else table
    e = np.arange(environments_n)
    masks = np.where(world.valid, np.float32(0), _NEVER)
    choices = [np.flatnonzero(of) for of in world.valid]
    sizes = np.array([len(of) for of in choices])
    padded = np.array([np.resize(of, actions_n) for of in choices])
    explores = rng.random((steps_n, environments_n)) < learning.epsilon
    picks, noise = rng.random((steps_n, environments_n)), rng.standard_normal((steps_n, environments_n))
    rate, discount = learning.learning_rate.astype(np.float32), learning.discount.astype(np.float32)
    known = table[e, lessons.state[0]] + masks[lessons.network[0]]
    warm_c = world.temperature_c(e, world.idle_w)
    for t in range(steps_n):
        m, s = lessons.network[t], lessons.state[t]
        random = padded[m, (picks[t] * sizes[m]).astype(np.intp)]
        first = known.argmax(axis=1)
        a = np.where(explores[t], random, first)
        around = lessons.around[t]
        if world.warms:
            around = replace(around, temperature_c=warm_c)
        outcome = world.outcome(e, m, a, around, noise[t])
        if world.warms:
            warm_c, _ = world.warmer(e, m, warm_c, outcome)
        if course is not None:
            course.chosen[t], course.greedy[t] = a, first
        got = reward(outcome, world.required[m], world.qos_s[m], learning).astype(np.float32)
        after = min(t + 1, steps_n - 1)
        mask = masks[lessons.network[after]]
        then = (table[e, lessons.state[after]] + mask).max(axis=1)
        table[e, s, a] += rate * (got + discount * then - table[e, s, a])
        known = table[e, lessons.state[after]] + mask
    return table


def greedy(
    table: NDArray[np.float32], world: World, bins: Bins, network: NDArray[np.intp], around: Conditions
) -> NDArray[np.intp]:
    """What one agent's table [states, actions] chooses for each inference, without exploring."""
    parts = np.array([bins.of_workload(w) for w in world.workloads])
    states = parts[network] + bins.of_conditions(around)
    return np.asarray(np.where(world.valid[network], table[states], _NEVER).argmax(axis=1))

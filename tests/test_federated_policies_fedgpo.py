"""FedGPO and what it is compared with: constants, actions, updates by hand, masks, and going on where one was saved."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from edgewatt.models.federated.engines.opening import Data, Setup, opened
from edgewatt.models.federated.engines.rules import Rules
from edgewatt.models.federated.policies.abs import adaptive_batch
from edgewatt.models.federated.policies.bayesian import bayesian
from edgewatt.models.federated.policies.fedex import FedEx, fedex
from edgewatt.models.federated.policies.fedgpo import FedGpo, fedgpo
from edgewatt.models.federated.policies.fixed import FEDGPO, Fixed, Grid, Setting, best_fixed, grid_of, without_room
from edgewatt.models.federated.policies.genetic import Genetic, genetic
from edgewatt.models.federated.policies.q_table import Place
from edgewatt.models.federated.round import Choice, Ints, Outcome
from edgewatt.models.scheduling.constants import constants_of
from edgewatt.profiler.errors import UsageError
from tests.federated_policies_fleet import JOB, TinyFleet, outcome_of, ran, same, seen_of

MADE: dict[str, Callable[[int], Any]] = {
    "fedgpo": fedgpo,
    "fedgpo-own": lambda seed: fedgpo(seed, own=True),
    "ga": genetic,
    "fedex": fedex,
    "abs": adaptive_batch,
    "fixed": lambda seed: Fixed(Setting(8, 5, 3), np.random.default_rng(seed)),
}


def with_losses(outcome: Outcome, losses: list[float]) -> Outcome:
    """The same round, with losses."""
    return replace(outcome, loss=np.array(losses), loss_before=np.ones(len(losses)))


def test_every_constant_says_how_sure_it_is_and_only_the_headlines_are_confirmed() -> None:
    constants = constants_of(FEDGPO)
    tags = {name: of.tag for name, of in constants.by_name.items()}
    assert set(tags.values()) <= {"confirmed", "second-hand", "remembered", "assumed"}
    assert [name for name, tag in tags.items() if tag == "confirmed"] == ["published.convergence", "published.energy"]
    assert (constants["published.convergence"], constants["published.energy"]) == (2.4, 3.6)


def test_the_grid_is_150_settings() -> None:
    grid = grid_of()
    assert len(set(grid)) == 6 * 5 * 5
    assert grid.at((0, 1, 4)) == Setting(1, 5, 20)
    assert list(Grid((1, 2), (5,), (3, 4)))[1:3] == [Setting(1, 5, 4), Setting(2, 5, 3)]


@pytest.mark.parametrize("name", MADE)
def test_a_choice_is_of_devices_that_answer_and_of_the_known_values(name: str) -> None:
    fleet, grid = TinyFleet((6, 6, 8), {"available": np.arange(20) % 2 == 0}), grid_of()
    for choice in ran(MADE[name](3), fleet, [20, 30, 25, 40, 45, 50]):
        assert len(np.unique(choice.devices)) == len(choice.devices) >= 1
        assert (choice.devices % 2 == 0).all()
        assert not choice.target.any()
        assert set(choice.batch.tolist()) <= set(grid.batch)
        assert (choice.epochs >= 1).all()


@pytest.mark.parametrize("name", MADE)
def test_the_same_seed_chooses_the_same_and_a_saved_one_goes_on(name: str) -> None:
    fleet, course = TinyFleet(), [20.0, 30.0, 25.0, 40.0, 45.0, 50.0, 55.0, 54.0, 60.0, 61.0, 62.0, 63.0]
    whole, again = (ran(MADE[name](5), fleet, course) for _ in range(2))
    assert all(same(a, b) for a, b in zip(whole, again, strict=True))
    first, second = MADE[name](5), MADE[name](99)
    ran(first, fleet, course[:6])
    second.from_arrays({key: of.copy() for key, of in first.to_arrays().items()})
    # Only the accuracy before the first of the later rounds differs from the whole run's if it is not told.
    rest = _ran_on(second, fleet, course, 6)
    assert all(same(a, b) for a, b in zip(whole[6:], rest, strict=True))


def _ran_on(policy: Any, fleet: TinyFleet, course: list[float], done_n: int) -> list[Choice]:
    choices = []
    for number in range(done_n, len(course)):
        seen = seen_of(fleet, number + 1, course[number - 1])
        choices.append(policy.choose(seen))
        policy.learn(seen, choices[-1], outcome_of(fleet, seen, choices[-1], course[number]))
    return choices


def test_what_another_policy_saved_is_refused() -> None:
    with pytest.raises(UsageError, match=r"'fedgpo'.*'ga'"):
        fedgpo(1).from_arrays(genetic(1).to_arrays())


def greedy(seed: int = 1) -> FedGpo:
    """An agent that never explores, with a table for each kind."""
    agent = fedgpo(seed, own=False)
    agent.learning = replace(agent.learning, epsilon=0.0)
    return agent


def test_fedgpo_moves_q_of_what_was_done_by_hand() -> None:
    agent, fleet = greedy(), TinyFleet((4, 0, 0))
    seen = seen_of(fleet, 1, 50.0)
    choice = agent.choose(seen)
    assert agent.table is not None
    assert agent.server is not None
    k = grid_of().participants[agent._k]
    assert len(choice.devices) == min(k, 4)
    action = int(np.flatnonzero((agent._pairs() == [choice.batch[0], choice.epochs[0]]).all(axis=1))[0])
    place = Place(agent.bins.of_network(JOB), np.zeros(1, np.int64), agent.bins.of_devices(seen)[:1])
    before, whole_before = agent.table.values(place)[0], agent.server.values(place)[0]
    # In the first round joules are measured by themselves: R = -10 - 10 + 51 + 10 for each of like devices.
    agent.learn(seen, choice, outcome_of(fleet, seen, choice, 51.0))
    agent.choose(seen_of(fleet, 2, 51.0))
    for table, was, of in ((agent.table, before, action), (agent.server, whole_before, agent_k(k))):
        expected = was[of] + 0.9 * (41.0 + 0.1 * was.max() - was[of])
        assert table.values(place)[0][of] == pytest.approx(expected, rel=1e-5)
        others = np.arange(len(was)) != of
        assert table.values(place)[0][others] == pytest.approx(was[others])


def agent_k(k: int) -> int:
    """The action of the server that stands for K."""
    return grid_of().participants.index(k)


def test_fedgpo_learns_which_work_pays() -> None:
    agent, fleet = fedgpo(2, own=False), TinyFleet((0, 0, 20))
    accuracy = 10.0
    for number in range(1, 120):
        seen = seen_of(fleet, number, accuracy)
        choice = agent.choose(seen)
        # A model that only gains where every participant does 15 epochs or more.
        accuracy = min(accuracy + 1, 90) if (choice.epochs >= 15).all() else max(accuracy - 1, 10)
        agent.learn(seen, choice, outcome_of(fleet, seen, choice, accuracy))
    agent.learning = replace(agent.learning, epsilon=0.0)
    assert (agent.choose(seen_of(fleet, 120, accuracy)).epochs >= 15).all()


@pytest.mark.parametrize("name", ["fedgpo", "abs"])
def test_a_batch_without_room_is_not_asked_again(name: str) -> None:
    policy, fleet = MADE[name](4), TinyFleet((3, 3, 3), too_big=True)
    asked: dict[int, list[int]] = {}
    for number in range(1, 40):
        turn = opened_by(policy, fleet, number)
        for device, batch in zip(turn.devices.tolist(), turn.batch.tolist(), strict=True):
            asked.setdefault(device, []).append(batch)
    for batches in asked.values():
        assert batches[-1] == 1
        assert all(a > b or a == b == 1 for a, b in pairwise(batches))


def opened_by(policy: Any, fleet: TinyFleet, number: int) -> Choice:
    """A round in which no batch fits, in the words of the engine's `opened`."""
    seen = seen_of(fleet, number, 10.0)
    choice: Choice = policy.choose(seen)
    words = {k: f"a batch of {b} does not fit its free memory" for k, b in enumerate(choice.batch.tolist())}
    nothing = np.zeros(len(choice.devices))
    none = nothing * np.nan
    policy.learn(seen, choice, Outcome(nothing > 0, nothing, nothing, none, none, 60.0, 1.0, 1.0, 10.0, words))
    return choice


def test_adaptive_batches_follow_speed() -> None:
    policy, fleet = adaptive_batch(1), TinyFleet((2, 2, 2))
    job = replace(JOB, participants=6, update_b=0)
    for number in (1, 2):
        seen = seen_of(fleet, number, job=job)
        choice = policy.choose(seen)
        policy.learn(seen, choice, outcome_of(fleet, seen, choice, 20.0))
    # Seconds of a sample are 0.01, 0.02 and 0.03: shares 1, 1/2 and 1/3 of 32, the last rounded down to 8.
    assert choice.batch.tolist() == [32, 32, 16, 16, 8, 8]
    # 5 epochs of 7 batches of 16 are 35 steps, of 100 samples: 35 x 32 / 100 = 11.2 epochs.
    assert choice.epochs.tolist() == [11, 11, 6, 6, 3, 3]


def test_fedex_moves_theta_towards_less_loss_by_hand() -> None:
    configurations: Ints = np.array([[1, 5], [8, 5]])
    policy, fleet = FedEx(np.random.default_rng(1), configurations, 0.5), TinyFleet((4, 0, 0))
    seen = seen_of(fleet)
    one = np.ones(2, dtype=np.int64)
    choice = Choice(np.array([0, 1]), one * 0, np.array([1, 8]), one * 5)
    policy.learn(seen, choice, with_losses(outcome_of(fleet, seen, choice, 20.0), [1.0, 3.0]))
    # Baseline 2, shares 1/2, theta 1/2: g = (-1, 1); eta = sqrt(2 ln 2).
    up = np.exp(np.sqrt(2 * np.log(2)))
    assert policy.theta == pytest.approx([up / (up + 1 / up), 1 / up / (up + 1 / up)])
    assert policy.past.tolist() == [2.0, 1.0]
    before = policy.theta.copy()
    policy.learn(seen, choice, outcome_of(fleet, seen, choice, 20.0))
    assert policy.theta == pytest.approx(before)


def test_fedex_draws_27_of_30_pairs() -> None:
    pairs = fedex(1).configurations
    assert len(np.unique(pairs, axis=0)) == 27
    assert fedex(1).theta == pytest.approx(np.full(27, 1 / 27))


def test_a_population_finds_what_is_rewarded() -> None:
    rng, search = np.random.default_rng(3), Genetic(grid_of(), 8, 2, 0.2)
    best = Setting(4, 10, 15)
    for _ in range(200):
        got = search.next(rng)
        miss = [abs(np.log2(getattr(got, n) / getattr(best, n))) for n in ("batch", "epochs", "participants")]
        search.told(-float(sum(miss)), rng)
    assert best in {search.grid.at(of) for of in search.members.tolist()}


def test_the_best_fixed_setting_is_that_of_least_cost() -> None:
    costs = {Setting(1, 1, 1): np.nan, Setting(1, 5, 1): 3.0, Setting(2, 1, 1): 2.0, Setting(2, 5, 1): 2.0}
    assert best_fixed(costs.__getitem__, costs) == (Setting(2, 1, 1), 2.0)
    with pytest.raises(UsageError, match="none of 4 settings reached the target"):
        best_fixed(lambda _: np.inf, costs)


def test_the_engine_says_it_in_the_words_that_policies_look_for() -> None:
    fleet, data = TinyFleet((3, 0, 0), too_big=True), Data(np.full(3, 100), np.ones(3))
    job = replace(JOB, participants=2)
    turn = opened(
        Fixed(Setting(32, 1, 2), np.random.default_rng(1)), Setup(fleet, job, data, None, Rules(1.5, 60)), 0, 0.0
    )
    outcome = replace(outcome_of(fleet, turn.seen, turn.choice, 1.0), trouble=turn.trouble)
    assert without_room(outcome).tolist() == [True, True]
    assert not without_room(replace(outcome, trouble={0: "does not answer"})).any()


@pytest.mark.extra
def test_bayesian_optimisation_finds_what_is_rewarded_and_goes_on() -> None:
    pytest.importorskip("sklearn")
    policy, fleet = bayesian(1), TinyFleet()
    rewards = []
    for _ in range(24):
        got = policy.search.next(policy.rng)
        rewards.append(-abs(np.log2(got.batch / 4)) - abs(np.log2(got.epochs / 10)))
        policy.search.told(rewards[-1], policy.rng)
    assert np.mean(rewards[-8:]) > np.mean(rewards[:8]) + 1
    again = bayesian(2)
    again.from_arrays(policy.to_arrays())
    seen = seen_of(fleet)
    assert same(policy.choose(seen), again.choose(seen))

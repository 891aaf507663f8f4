"""AutoFL: its constants, states, tables, reward and update by hand, and that it goes on where it was saved."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from edgewatt.models.federated.policies.autofl import AutoFl, autofl
from edgewatt.models.federated.policies.q_table import Place, QTable, random_table, table_from
from edgewatt.models.federated.policies.reward import Reward, Scale, rewards, scale_of
from edgewatt.models.federated.policies.simple import cluster
from edgewatt.models.federated.policies.states import DEVICE, bins_of
from edgewatt.models.federated.round import Outcome
from edgewatt.models.scheduling.constants import Draw, constants_of
from edgewatt.profiler.errors import UsageError
from tests.federated_policies_fleet import JOB, TinyFleet, outcome_of, ran, same, seen_of

CONSTANTS = constants_of("../federated/autofl")
BINS = bins_of(CONSTANTS)
PLAIN = Reward(alpha=1.0, beta=10.0, energy=10.0)


def greedy(policy: AutoFl) -> AutoFl:
    """The same agent, which never explores."""
    policy.learning = replace(policy.learning, epsilon=0.0)
    return policy


def outcome(accuracy_percent: float, joules: list[float], fleet_j: float, replied: list[bool] | None = None) -> Outcome:
    """A round of as many participants as there are joules."""
    k = len(joules)
    taken, nothing = np.array(replied or [True] * k), np.full(k, np.nan)
    return Outcome(taken, np.ones(k), np.array(joules), nothing, nothing, 1.0, 0.0, fleet_j, accuracy_percent)


def test_every_constant_says_how_sure_it_is_and_from_where() -> None:
    for name, of in CONSTANTS.by_name.items():
        assert of.tag in ("confirmed", "second-hand", "remembered", "assumed"), name
        assert of.source, name


def test_published_shares_and_clusters_are_whole() -> None:
    for policy in ("autofl", "o_fl"):
        for name, of in CONSTANTS.under(f"published.selection.{policy}").items():
            assert sum(of.value) == pytest.approx(100, abs=0.11), name
    assert [sum(of.value) for of in CONSTANTS.under("clusters").values()] == [20] * 7


def test_there_are_96_states_of_a_device_and_each_is_another() -> None:
    around = list(product((0, 0.1, 0.25, 0.75), (0, 0.1, 0.25, 0.75), (5e6, 5.1e6), (0.2, 0.25, 1.0)))
    cpu, memory, up, classes = np.array(around).T
    fleet = TinyFleet((96, 0, 0), {"co_cpu_ratio": cpu, "co_memory_ratio": memory, "up_b_per_s": up})
    assert BINS.of_devices(seen_of(fleet, classes_ratio=classes)).tolist() == list(range(96))
    assert BINS.states_n(DEVICE) == 96


@pytest.mark.parametrize(
    ("name", "values", "bins"),
    [
        ("co_cpu_ratio", [0.0, 1e-9, 0.2499, 0.25, 0.7499, 0.75, 1.0], [0, 1, 1, 2, 2, 3, 3]),
        ("co_memory_ratio", [0.0, 1e-9, 0.25, 0.75], [0, 1, 2, 3]),
        ("up_b_per_s", [0.0, 5e6, 5e6 + 1e-6, 1e9], [0, 0, 1, 1]),
        ("co_cpu_ratio", [np.nan, np.inf], [0, 3]),
    ],
)
def test_the_ends_of_a_devices_bins_are_the_papers(name: str, values: list[float], bins: list[int]) -> None:
    fleet = TinyFleet((len(values), 0, 0), {name: np.array(values)})
    steps = {"co_cpu_ratio": 24, "co_memory_ratio": 6, "up_b_per_s": 3}
    # Elsewhere: no co-runner (0), a good network (3), all classes (2).
    elsewhere = 2 + (0 if name == "up_b_per_s" else 3)
    assert (BINS.of_devices(seen_of(fleet)) - elsewhere).tolist() == [steps[name] * of for of in bins]


def test_a_jobs_bins_are_the_papers_and_the_gap_of_convolutions_is_closed() -> None:
    none = replace(JOB, conv_n=0, fc_n=0, rc_n=0, batch=1, epochs=1, participants=1)
    conv = [BINS.of_network(replace(none, conv_n=n)) // 6 for n in (9, 10, 19, 20, 29, 30, 39, 40)]
    assert conv == [0, 1, 1, 2, 2, 3, 3, 3]
    assert [BINS.of_network(replace(none, rc_n=n)) for n in (4, 5, 9, 10)] == [0, 1, 1, 2]
    assert BINS.of_job(none) == 0
    most = replace(none, conv_n=99, fc_n=10, rc_n=10, batch=32, epochs=10, participants=50)
    assert BINS.of_job(most) == 647


def test_the_update_is_the_papers() -> None:
    table = QTable(np.array([[1.0, 2.0], [3.0, 0.5]], dtype=np.float32), states_n=96)
    here, after = Place(7, np.array([0, 1]), np.array([5, 5])), Place(7, np.array([0, 1]), np.array([5, 6]))
    then, action = table.best(after)
    assert then.tolist() == [2.0, 3.0]
    assert action.tolist() == [1, 0]
    table.teach(here, np.array([0, 1]), np.array([10.0, -20.0]) + 0.1 * then, rate=0.9)
    # 1 + 0.9 (10 + 0.1 x 2 - 1) and 0.5 + 0.9 (-20 + 0.1 x 3 - 0.5)
    assert table.values(here) == pytest.approx(np.array([[9.28, 2.0], [3.0, -17.68]]))
    assert table.values(after) == pytest.approx(np.array([[9.28, 2.0], [3.0, 0.5]]))
    assert table.best(here)[1].tolist() == [0, 0]
    assert table.values(Place(8, np.array([0]), np.array([5]))).tolist() == [[1.0, 2.0]]


def test_devices_that_share_a_cell_move_it_once_to_the_mean() -> None:
    table = QTable(np.zeros((1, 2), dtype=np.float32), states_n=4)
    three = Place(0, np.zeros(3, dtype=np.int64), np.full(3, 2))
    table.teach(three, np.array([1, 1, 0]), np.array([10.0, 20.0, np.nan]), rate=0.9)
    assert table.values(three)[0] == pytest.approx([0.0, 13.5])
    assert table.rows_n == 1


def test_an_action_that_a_table_does_not_have_is_never_its_best() -> None:
    rng = np.random.default_rng(3)
    allowed = np.array([[True, False], [True, True]])
    table = random_table(allowed, 96, 1.0, rng)
    place = Place(0, np.array([0, 1]), np.array([0, 0]))
    table.teach(place, np.array([0, 0]), np.array([-1e6, -1e6]), rate=0.9)
    assert table.best(place)[1].tolist() == [0, 1]


def test_a_table_goes_on_after_it_was_saved() -> None:
    rng = np.random.default_rng(1)
    table = random_table(np.ones((3, 4), dtype=bool), 96, 1.0, rng)
    for whole in (5, 9):
        place = Place(whole, rng.integers(0, 3, 20), rng.integers(0, 96, 20))
        table.teach(place, rng.integers(0, 4, 20), rng.normal(size=20), rate=0.9)
    other, everywhere = table_from(table.to_arrays(), 96), [np.repeat(range(3), 96), np.tile(range(96), 3)]
    for one in (table, other):
        one.teach(place, np.ones(20, dtype=np.int64), np.ones(20), rate=0.5)
    for whole in (5, 9, 11):
        assert np.array_equal(table.values(Place(whole, *everywhere)), other.values(Place(whole, *everywhere)))
        assert np.array_equal(table.best(Place(whole, *everywhere)), other.best(Place(whole, *everywhere)))


def test_the_reward_has_the_papers_two_branches() -> None:
    scale = Scale(fleet_j=200.0, device_j=4.0)
    rose = rewards(outcome(62.0, [2.0, 8.0], 100.0), 60.0, PLAIN, scale)
    # -10 x 100/200 - 10 x 2/4 + 62 + 10 x 2, and with 8/4
    assert rose.tolist() == [72.0, 57.0]
    for before in (62.0, 70.0):
        assert rewards(outcome(62.0, [2.0, 8.0], 100.0), before, PLAIN, scale).tolist() == [-38.0, -38.0]


def test_who_does_not_reply_is_rewarded_as_if_nothing_was_gained() -> None:
    got = rewards(outcome(62.0, [2.0, 8.0, np.nan], 100.0, [True, False, True]), 60.0, PLAIN, Scale(200.0, 4.0))
    assert got.tolist() == [72.0, -38.0, -38.0]


def test_an_accuracy_that_is_no_number_is_the_worst_reward() -> None:
    assert rewards(outcome(np.nan, [2.0], 100.0), 60.0, PLAIN, Scale(200.0, 4.0)).tolist() == [-100.0]


def test_joules_are_measured_by_the_first_round_that_has_some() -> None:
    assert scale_of(outcome(1.0, [2.0, 8.0, np.nan], 100.0)) == Scale(100.0, 5.0)
    assert scale_of(outcome(1.0, [], 0.0)) == Scale()
    policy, fleet = autofl(0), TinyFleet()
    first = ran(policy, fleet, [20.0, 30.0])[0]
    seen = seen_of(fleet, 1, 10.0)
    assert policy.scale == scale_of(outcome_of(fleet, seen, first, 20.0))


def test_a_round_is_learnt_when_the_states_after_it_are_seen() -> None:
    fleet, policy = TinyFleet(), greedy(autofl(2, own=True))
    seen = seen_of(fleet, 1, 40.0)
    choice = policy.choose(seen)
    assert policy.table is not None
    place = Place(BINS.of_job(JOB), np.arange(20), BINS.of_devices(seen)).at(choice.devices)
    cells = np.arange(4), choice.target
    before = policy.table.values(place)[cells]
    policy.learn(seen, choice, outcome_of(fleet, seen, choice, 45.0))
    assert policy.table.values(place)[cells].tolist() == before.tolist()
    # In the next round another application runs beside every device: a state in which nothing was taught yet.
    later = TinyFleet(beside={"co_cpu_ratio": np.full(20, 0.5)})
    policy.choose(seen_of(later, 2, 45.0))
    then = policy.table.first[choice.devices].max(axis=1)
    joules = outcome_of(fleet, seen, choice, 45.0).joules
    reward = -10 - 10 * joules / joules.mean() + 45 + 10 * 5
    expected = before + 0.9 * (reward + 0.1 * then - before)
    assert policy.table.values(place)[cells] == pytest.approx(expected, rel=1e-6)


def test_without_exploring_it_takes_the_highest_q_and_their_best_targets() -> None:
    fleet, policy = TinyFleet(), greedy(autofl(5))
    choice = policy.choose(seen_of(fleet))
    assert policy.table is not None
    best, action = policy.table.first.max(axis=1), policy.table.first.argmax(axis=1)
    assert choice.devices.tolist() == sorted(np.argsort(-best)[:4].tolist())
    assert choice.target.tolist() == action[choice.devices].tolist()
    assert (choice.batch == 16).all()
    assert (choice.epochs == 5).all()


def test_when_it_explores_devices_and_their_targets_are_random() -> None:
    fleet, policy = TinyFleet(), autofl(5)
    policy.learning = replace(policy.learning, epsilon=1.0)
    choices = [policy.choose(seen_of(fleet)) for _ in range(120)]
    devices, targets = (np.concatenate([getattr(c, n) for c in choices]) for n in ("devices", "target"))
    assert np.bincount(devices, minlength=20).min() > 5
    seen = [sorted(set(targets[fleet.kind_of[devices] == kind].tolist())) for kind in range(3)]
    assert seen == [[0, 1, 2], [0, 1], [0]]


def test_ties_within_a_shared_table_are_broken_at_random() -> None:
    fleet, policy = TinyFleet((0, 0, 30)), greedy(autofl(5, own=False))
    chosen = np.concatenate([policy.choose(seen_of(fleet)).devices for _ in range(60)])
    assert np.bincount(chosen, minlength=30).min() > 0


@pytest.mark.parametrize("own", [True, False])
def test_nobody_starves(own: bool) -> None:  # noqa: FBT001
    # Accuracy that rises, then goes up and down.
    accuracy = [*np.linspace(10, 90, 60), *(90 + np.tile([1.0, 0.5], 60))]
    chosen = np.concatenate([c.devices for c in ran(autofl(11, own=own), TinyFleet(), accuracy)])
    assert np.bincount(chosen, minlength=20).min() > 0


def test_it_learns_to_leave_the_dear_devices_alone() -> None:
    fleet = TinyFleet((10, 0, 10))
    choices = ran(autofl(4, own=False), fleet, np.linspace(10, 99, 150).tolist())
    late = np.concatenate([c.devices for c in choices[75:]])
    assert (fleet.kind_of[late] == 0).mean() > 0.8


def test_the_same_seed_chooses_the_same_and_another_does_not() -> None:
    one, again, other = (ran(autofl(seed), TinyFleet(), np.linspace(10, 60, 20).tolist()) for seed in (3, 3, 4))
    assert all(map(same, one, again))
    assert not all(map(same, one, other))


@pytest.mark.parametrize("rounds_n", [0, 1, 12])
def test_it_goes_on_where_it_was_saved(rounds_n: int, tmp_path: Path) -> None:
    accuracy, fleet = np.linspace(10, 60, 20).tolist(), TinyFleet()
    policy = autofl(3)
    ran(policy, fleet, accuracy[:rounds_n])
    np.savez(tmp_path / "policy.npz", **policy.to_arrays())
    rest = accuracy[rounds_n:]
    went, resumed = ran(policy, fleet, rest), autofl(99)
    with np.load(tmp_path / "policy.npz", allow_pickle=False) as saved:
        resumed.from_arrays(dict(saved))
    assert all(map(same, went, ran(resumed, fleet, rest)))
    assert policy.to_arrays().keys() == resumed.to_arrays().keys()


def test_what_another_policy_or_fleet_saved_is_refused() -> None:
    policy = autofl(3)
    with pytest.raises(UsageError, match="expected what it saved, saw policy 'fedavg-random'"):
        policy.from_arrays(cluster("fedavg-random", 1).to_arrays())
    with pytest.raises(UsageError, match="none that can be read"):
        policy.from_arrays({"words": np.array("{")})
    ran(policy, TinyFleet(), [20.0])
    with pytest.raises(UsageError, match=r"learnt \(20, 3\) tables and targets, and this fleet has \(3, 3\)"):
        policy.choose(seen_of(TinyFleet((1, 1, 1))))


def test_large_fleets_share_a_table_by_kind() -> None:
    for n, tables_n in ((1000, 1000), (1001, 3)):
        policy = autofl(0)
        policy.choose(seen_of(TinyFleet((n - 20, 10, 10))))
        assert policy.table is not None
        assert len(policy.table.first) == tables_n


def test_a_draw_varies_what_is_not_confirmed() -> None:
    as_stated, varied = autofl(0), autofl(0, draw=Draw(seed=1, vary=True))
    assert as_stated.reward == PLAIN
    assert varied.reward != PLAIN
    assert varied.learning.learning_rate == as_stated.learning.learning_rate == 0.9


def test_a_round_in_which_nobody_answers_teaches_nothing() -> None:
    fleet, policy = TinyFleet(beside={"available": np.zeros(20, dtype=bool)}), autofl(0)
    choices = ran(policy, fleet, [10.0, 10.0, 10.0])
    assert [len(c.devices) for c in choices] == [0, 0, 0]
    assert policy.table is not None
    assert policy.table.rows_n == 0
    assert policy.notes == {"few": "round 1: 0 of 20 devices answer, 4 are wanted: all take part"}

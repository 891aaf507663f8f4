"""The design points beside AutoFL: clusters, oracles, FedNova and FEDL."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product
from typing import Protocol

import numpy as np
import pytest

from edgewatt.models.federated.policies.clusters import filled, scaled
from edgewatt.models.federated.policies.oracle import O_FL, O_PARTICIPANT, oracle
from edgewatt.models.federated.policies.picking import top_of
from edgewatt.models.federated.policies.prior_work import fedl, fednova, root
from edgewatt.models.federated.policies.saving import Resumable
from edgewatt.models.federated.policies.simple import cluster
from edgewatt.models.federated.policies.trade import Bill, bill_of, traded
from edgewatt.models.federated.round import Choice, Ints, Policy
from edgewatt.profiler.errors import UsageError
from tests.federated_policies_fleet import JOB, JOULES, SECONDS, TinyFleet, outcome_of, ran, same, seen_of

SIMPLE = ("fedavg-random", "power", "performance", *(f"C{n}" for n in range(8)))
FLEET = TinyFleet()
TWENTY = replace(JOB, participants=20)


class Both(Policy, Resumable, Protocol):
    """A policy that can be resumed."""


MAKERS: dict[str, Callable[[TinyFleet, int], Both]] = {
    **{name: lambda _, seed, name=name: cluster(name, seed) for name in ("fedavg-random", "C3")},
    **{name: lambda fleet, seed, name=name: oracle(name, fleet, seed) for name in (O_PARTICIPANT, O_FL)},
    "fednova": lambda _, seed: fednova(seed),
    "fedl": fedl,
}


def cost_of(bill: Bill, per_s: float, target: Sequence[int] | Ints) -> float:
    """The joules, and the seconds of the slowest at so many watts."""
    each = np.arange(len(target)), np.array(target)
    return float(bill.joules[each].sum() + per_s * bill.seconds[each].max())


def tiers(choice: Choice, fleet: TinyFleet = FLEET) -> list[int]:
    """How many of each tier."""
    return np.bincount(fleet.kind_of[choice.devices], minlength=3).tolist()


@pytest.mark.parametrize(
    ("counts", "k", "expected"),
    [
        ([20, 0, 0], 10, [10, 0, 0]),
        ([15, 5, 0], 10, [8, 2, 0]),
        ([10, 5, 5], 10, [5, 3, 2]),
        ([5, 5, 10], 20, [5, 5, 10]),
        ([5, 10, 5], 1, [0, 1, 0]),
        ([5, 10, 5], 0, [0, 0, 0]),
        ([0, 5, 15], 50, [0, 13, 37]),
    ],
)
def test_a_cluster_is_scaled_to_k(counts: list[int], k: int, expected: list[int]) -> None:
    assert scaled(np.array(counts), k).tolist() == expected


@pytest.mark.parametrize(
    ("counts", "have", "expected"),
    [
        ([5, 5, 10], [9, 9, 99], [5, 5, 10]),
        ([20, 0, 0], [15, 3, 99], [15, 3, 2]),
        ([5, 10, 5], [30, 0, 99], [5, 0, 15]),
        ([0, 0, 20], [30, 8, 0], [12, 8, 0]),
        ([10, 5, 5], [4, 4, 4], [4, 4, 4]),
    ],
)
def test_what_a_tier_lacks_comes_from_the_nearest(counts: list[int], have: list[int], expected: list[int]) -> None:
    assert filled(np.array(counts), have).tolist() == expected


@pytest.mark.parametrize(
    ("name", "expected"), [("C1", [20, 0, 0]), ("performance", [20, 0, 0]), ("C5", [5, 5, 10]), ("power", [0, 0, 20])]
)
def test_a_cluster_takes_random_devices_of_its_tiers(name: str, expected: list[int]) -> None:
    fleet, policy = TinyFleet((24, 10, 24)), cluster(name, 1)
    choices = [policy.choose(seen_of(fleet, job=TWENTY)) for _ in range(30)]
    for choice in choices:
        assert tiers(choice, fleet) == expected
        assert len(set(choice.devices.tolist())) == 20
        assert not choice.target.any()
    seen = np.bincount(np.concatenate([c.devices for c in choices]), minlength=58)
    assert [seen[fleet.kind_of == tier].min() > 0 for tier in range(3)] == [n > 0 for n in expected]
    assert not policy.notes


def test_fedavg_takes_random_devices_of_all() -> None:
    choices = [c.devices for c in ran(cluster("fedavg-random", 2), FLEET, [20.0] * 200)]
    counts = np.bincount(np.concatenate(choices), minlength=20)
    assert counts.sum() == 800
    assert counts.min() > 20


@pytest.mark.parametrize("name", SIMPLE)
def test_every_cluster_passes_over_who_does_not_answer_and_says_what_it_did(name: str) -> None:
    answers = np.arange(20) % 7 == 0
    fleet = TinyFleet(beside={"available": answers})
    policy = cluster(name, 1)
    for number in (3, 4):
        choice = policy.choose(seen_of(fleet, number))
        assert choice.devices.tolist() == [0, 7, 14]
    assert policy.notes["few"] == "round 3: 3 of 20 devices answer, 4 are wanted: all take part"
    if name == "performance":
        assert policy.notes["high"].endswith("1 of the high tier answer, 3 are wanted: filled from the nearest tier")


def test_a_fleet_without_a_tier_is_served_from_the_nearest() -> None:
    policy = cluster("performance", 1)
    assert tiers(policy.choose(seen_of(TinyFleet((0, 5, 8)))), TinyFleet((0, 5, 8))) == [0, 4, 0]
    assert list(policy.notes) == ["high"]


def test_a_policy_that_nobody_knows_is_named() -> None:
    with pytest.raises(UsageError, match="cluster 'C9': expected one of fedavg-random, power, performance, C0, C1"):
        cluster("C9", 0)
    with pytest.raises(UsageError, match="oracle 'o': expected one of o-participant, o-fl"):
        oracle("o", FLEET, 0)


@pytest.mark.parametrize("name", MAKERS)
def test_a_policy_goes_on_where_it_was_saved_and_another_seed_differs(name: str) -> None:
    fleet = TinyFleet((12, 12, 16))
    policy, resumed, other = (MAKERS[name](fleet, seed) for seed in (1, 2, 3))
    ran(policy, fleet, [20.0, 30.0, 40.0])
    saved = policy.to_arrays()
    rest = [50.0] * 6
    went = ran(policy, fleet, rest, 4)
    resumed.from_arrays(saved)
    again = ran(resumed, fleet, rest, 4)
    assert all(map(same, went, again))
    assert not all(map(same, went, ran(other, fleet, rest, 4)))


@pytest.mark.parametrize("name", MAKERS)
def test_a_policy_gets_along_with_few_devices_and_with_none(name: str) -> None:
    answers = np.zeros(20, dtype=bool)
    answers[[2, 19]] = True
    for available, expected in ((answers, [2, 19]), (np.zeros(20, dtype=bool), [])):
        fleet = TinyFleet(beside={"available": available})
        for choice in ran(MAKERS[name](fleet, 1), fleet, [20.0, 30.0]):
            assert choice.devices.tolist() == expected


@pytest.mark.parametrize("name", MAKERS)
def test_a_batch_that_fits_nowhere_still_makes_a_choice(name: str) -> None:
    fleet = TinyFleet(too_big=True)
    for choice in ran(MAKERS[name](fleet, 1), fleet, [20.0, 30.0]):
        assert len(choice.devices) == 4
        assert not choice.target.any()


def test_targets_are_traded_as_an_exhaustive_search_does() -> None:
    rng = np.random.default_rng(0)
    bill = bill_of(FLEET, seen_of(FLEET), np.array([0, 1, 6, 7, 12]))
    options = [np.flatnonzero(row) for row in bill.fits]
    for per_s in (0.0, 0.1, 1.0, 10.0, 1000.0):
        varied = replace(bill, compute_j=bill.compute_j * rng.uniform(0.5, 2, bill.fits.shape))
        least = min(cost_of(varied, per_s, target) for target in product(*options))
        assert cost_of(varied, per_s, traded(varied, per_s)) == pytest.approx(least)


def test_a_bill_is_what_the_fleet_takes_and_nothing_where_there_is_no_target() -> None:
    bill = bill_of(FLEET, seen_of(FLEET), np.array([3, 8, 15]))
    assert bill.compute_s == pytest.approx(SECONDS * 500)
    assert bill.compute_j == pytest.approx(JOULES * 500)
    assert bill.fits.tolist() == [[True] * 3, [True, True, False], [True, False, False]]
    assert bill.send_s[bill.fits] == pytest.approx(0.1)


def test_o_fl_never_costs_more_than_o_participant_and_that_not_more_than_any_cluster() -> None:
    rng = np.random.default_rng(4)
    fleet = TinyFleet((20, 20, 20), {"co_cpu_ratio": rng.random(60), "up_b_per_s": rng.uniform(1e5, 1e7, 60)})
    seen = seen_of(fleet)

    def cost(policy: Policy) -> float:
        return outcome_of(fleet, seen, policy.choose(seen), 50.0).fleet_j

    best, plain = cost(oracle(O_FL, fleet, 1)), cost(oracle(O_PARTICIPANT, fleet, 1))
    assert best < plain
    assert plain <= min(cost(cluster(name, seed)) for name in SIMPLE for seed in range(5))


def test_o_participant_trains_where_a_plain_trainer_does_and_o_fl_where_it_is_cheap() -> None:
    fleet = TinyFleet((20, 0, 0))
    assert not oracle(O_PARTICIPANT, fleet, 1).choose(seen_of(fleet)).target.any()
    assert (oracle(O_FL, fleet, 1).choose(seen_of(fleet)).target == 2).all()


def test_interference_moves_the_oracles_away_from_the_devices_that_have_it() -> None:
    beside = np.zeros(20)
    beside[[0, 1, 2]] = 1.0
    fleet = TinyFleet((6, 6, 8), {"co_cpu_ratio": beside})
    chosen = oracle(O_PARTICIPANT, fleet, 1).choose(seen_of(fleet)).devices
    assert not set(chosen.tolist()) & {0, 1, 2}


def test_devices_with_all_classes_are_preferred_to_devices_with_few() -> None:
    classes = np.where(np.arange(20) % 2, 1.0, 0.1)
    fleet = TinyFleet((8, 6, 6))
    chosen = oracle(O_FL, fleet, 1).choose(seen_of(fleet, classes_ratio=classes)).devices
    assert (chosen % 2 == 1).all()


def test_an_oracle_prefers_data_that_the_model_has_not_seen() -> None:
    fleet = TinyFleet((16, 0, 0), {"co_cpu_ratio": np.linspace(0, 1, 16)})
    choices = ran(oracle(O_PARTICIPANT, fleet, 1), fleet, [20.0] * 40)
    # The dearest takes twice the joules, and the second time is worth 0.41 of the first.
    assert [c.devices.tolist() for c in choices[:4]] == np.arange(16).reshape(4, 4).tolist()
    times = np.bincount(np.concatenate([c.devices for c in choices]))
    assert times.argmax() < 2
    assert times.argmin() > 13


def test_a_saved_oracle_is_refused_on_another_fleet() -> None:
    policy = oracle(O_FL, FLEET, 1)
    ran(policy, FLEET, [20.0])
    with pytest.raises(UsageError, match="saved on a fleet of 20 devices, this one has 3"):
        oracle(O_FL, TinyFleet((1, 1, 1)), 1).from_arrays(policy.to_arrays())


def test_fednova_gives_each_kind_the_epochs_that_take_the_median_time() -> None:
    policy, job = fednova(1), replace(JOB, participants=20)
    seen = seen_of(FLEET, job=job)
    first = policy.choose(seen)
    assert (first.epochs == 5).all()
    policy.learn(seen, first, outcome_of(FLEET, seen, first, 20.0))
    # Seconds of 500 samples and of sending: 5.1, 10.1 and 15.1; the median of 6, 6 and 8 devices is 10.1.
    second = policy.choose(seen)
    by_kind = [set(second.epochs[FLEET.kind_of == kind].tolist()) for kind in range(3)]
    assert by_kind == [{10}, {5}, {3}]
    policy.learn(seen, second, outcome_of(FLEET, seen, second, 30.0))
    assert policy.speed is not None
    # Half of the old 5.1 s / 500 and half of the new 10.1 s / 1000.
    assert policy.speed[0] == pytest.approx((5.1 / 500 + 10.1 / 1000) / 2)


def test_fedls_local_accuracy_solves_its_equation() -> None:
    assert root(1.0) == 1.0
    for c in (1 + 1e-12, 1.001, 2.0, 7.0, 1e6):
        x = root(c)
        assert x >= 1
        assert x - np.log(x) == pytest.approx(c)


def test_fedl_works_more_where_sending_is_dear_and_less_where_it_is_cheap() -> None:
    epochs = []
    for up_b_per_s in (1e9, 1e6, 1e4, 1e2):
        fleet = TinyFleet(beside={"up_b_per_s": np.full(20, up_b_per_s)})
        choice = fedl(fleet, 1).choose(seen_of(fleet, job=replace(JOB, epochs=10)))
        epochs.append(int(choice.epochs[0]))
        assert (choice.epochs == choice.epochs[0]).all()
    assert epochs == sorted(epochs)
    assert epochs[0] == 1
    assert epochs[-1] == 10


def test_fedl_saves_energy_or_time_as_its_kappa_says() -> None:
    seen = seen_of(TinyFleet((0, 20, 0)))
    targets = []
    for time_w in (0.01, 100.0):
        policy = fedl(TinyFleet((0, 20, 0)), 1)
        policy.time_w = time_w
        targets.append(set(policy.choose(seen).target.tolist()))
    assert targets == [{1}, {0}]


def test_the_top_is_the_top_and_ties_are_drawn() -> None:
    rng, value = np.random.default_rng(0), np.array([5.0, 1.0, 3.0, 3.0, 3.0, -np.inf])
    devices = np.arange(10, 16)
    drawn = {tuple(top_of(devices, value, 2, rng).tolist()) for _ in range(100)}
    assert drawn == {(10, 12), (10, 13), (10, 14)}
    assert top_of(devices, value, 0, rng).tolist() == []
    assert top_of(devices, value, 9, rng).tolist() == devices.tolist()

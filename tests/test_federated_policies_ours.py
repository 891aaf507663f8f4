"""Our policy: its table, beliefs, worth of data and plans by hand, plans against all plans, and that it goes on."""

from dataclasses import replace
from itertools import chain, combinations, product

import numpy as np
import pytest

from edgewatt.models.federated.policies.genetic import genetic
from edgewatt.models.federated.policies.ours import Ours, Taste, ours_of
from edgewatt.models.federated.policies.ours_costs import begin, steps_of, table_of
from edgewatt.models.federated.policies.ours_plan import NOBODY, Terms, Ways, planned
from edgewatt.models.federated.policies.ours_progress import memory_of, pace_of
from edgewatt.models.federated.round import Choice, Outcome
from edgewatt.profiler.errors import UsageError
from tests.federated_policies_fleet import JOB, JOULES, SECONDS, TinyFleet, outcome_of, same, seen_of

BATCHES = (1, 4, 16)


def choice_of(devices: list[int], batch: int = 16, epochs: int = 5, target: int = 0) -> Choice:
    """All alike."""
    one = np.ones(len(devices), dtype=np.int64)
    return Choice(np.array(devices), one * target, one * batch, one * epochs)


def with_losses(outcome: Outcome, before: list[float], during: list[float]) -> Outcome:
    """The same round, with losses."""
    return replace(outcome, loss_before=np.array(before), loss=np.array(during))


def test_the_table_is_what_the_calibration_states() -> None:
    table = table_of(TinyFleet(), JOB, BATCHES)
    for b, batch in enumerate(BATCHES):
        assert table.step_s[0, :, b] == pytest.approx(SECONDS[0] * batch)
        assert table.step_j[2, 0, b] == pytest.approx(JOULES[2, 0] * batch)
    assert np.isinf(table.step_s[1, 2]).all()
    assert table.idle_w == pytest.approx(2.0)
    assert table.processor[0].tolist() == [0, 0, 1]
    # Half a CPU beside it takes 1.5 times as long on a CPU, and a GPU does not mind.
    assert table.slopes[0, 0, 0] == pytest.approx([np.log(1.5) / 0.5, 0.0])
    assert table.slopes[0, 0, 1] == pytest.approx([0.0, 0.0])


def test_only_targets_that_none_beats_are_kept() -> None:
    fleet = TinyFleet()
    table = table_of(fleet, JOB, BATCHES)
    assert set(table.kept[0].tolist()) == {0, 1, 2}
    assert set(table.kept[2].tolist()) == {0}
    expected = begin(table).per_step(table, seen_of(fleet), np.array([0, 19]))
    assert expected.shape == (2, 2, table.kept.shape[1], len(BATCHES))
    assert expected[0, 1, 0] == pytest.approx(0.03 * np.array(BATCHES))


def test_beliefs_begin_with_the_calibration_and_learn_what_is_not_so() -> None:
    fleet = TinyFleet(beside={"co_cpu_ratio": np.where(np.arange(20) % 2, 0.5, 0.0)})
    seen, table = seen_of(fleet), table_of(fleet, JOB, BATCHES)
    beliefs, choice = begin(table), choice_of([0, 1, 2, 3])
    first = beliefs.per_step(table, seen, choice.devices)[:, :, 0, 2]
    assert first[0] == pytest.approx([0.16, 0.24, 0.16, 0.24])
    outcome = outcome_of(fleet, seen, choice, 20.0)
    send_s = JOB.update_b / 1e7
    slower = replace(
        outcome, seconds=(outcome.seconds - send_s) * 2 + send_s, joules=(outcome.joules - send_s) / 2 + send_s
    )
    for _ in range(20):
        beliefs.learn(table, seen, choice, slower)
    # Billed are 500 samples, and believed 35 steps of 16.
    part = 500 / (35 * 16)
    learnt = beliefs.per_step(table, seen, np.array([0, 1]))[:, :, 0, 2]
    assert learnt[0] == pytest.approx(first[0, :2] * 2 * part, rel=0.05)
    assert learnt[1] == pytest.approx(first[1, :2] / 2 * part, rel=0.05)
    # The GPU, and other kinds, are as the calibration says.
    assert beliefs.per_step(table, seen, np.array([19]))[0, 0, 0, 2] == pytest.approx(0.48 * 1.5)


def test_a_single_reply_moves_a_belief_by_kalman() -> None:
    fleet = TinyFleet()
    seen, table = seen_of(fleet), table_of(fleet, JOB, (20,))
    beliefs, choice = begin(table), choice_of([0], batch=20)
    outcome = outcome_of(fleet, seen, choice, 20.0)
    beliefs.learn(table, seen, choice, replace(outcome, seconds=(outcome.seconds - 0.1) * 1.2 + 0.1))
    # One offset of deviation 0.2 and noise of 0.15: gain 0.04 / (0.04 + 0.0225).
    assert beliefs.mean[0, 0, 0, 0] == pytest.approx(0.64 * np.log(1.2))
    assert beliefs.covariance[0, 0, 0, 0, 0] == pytest.approx(0.04 * 0.36)
    beliefs.learn(table, seen, choice, replace(outcome, seconds=np.array([np.nan])))
    beliefs.learn(table, seen, choice, replace(outcome, replied=np.array([False])))
    assert beliefs.mean[0, 0, 0, 0] == pytest.approx(0.64 * np.log(1.2))


def test_steps_are_counted_by_epoch() -> None:
    assert steps_of(np.array([7, 16, 17]), np.int64(16), np.int64(5)).tolist() == [5, 5, 10]


def test_pace_is_learnt_from_losses() -> None:
    fleet, pace = TinyFleet(), pace_of(np.array(BATCHES))
    seen, choice = seen_of(fleet), choice_of([0, 1, 2, 3], batch=16)
    # 7 batches in 5 epochs: the mean of 35 losses that fall by exp(-1 / 20) each.
    ratio = float(np.exp(-np.arange(35) / 20).mean())
    told = with_losses(outcome_of(fleet, seen, choice, 20.0), [2.0] * 4, [2.0 * ratio] * 4)
    for _ in range(30):
        pace.learn(seen, choice, told)
    assert pace.steps()[2] == pytest.approx(20.0, rel=0.02)
    for _ in range(30):
        pace.learn(seen, choice, replace(told, loss=told.loss_before * np.exp(-np.arange(35) / 5).mean()))
    assert pace.steps()[2] == pytest.approx(5.0, rel=0.05)
    # What one batch needs is a hint of what the others do.
    assert (pace.steps() < 8).all()
    before = pace.mean.copy()
    pace.learn(seen, choice, with_losses(told, [np.nan] * 4, [0.0] * 4))
    # Of a single step the loss is that before it, whatever the pace.
    one = seen_of(fleet, samples_n=np.full(20, 8))
    pace.learn(one, choice_of([0, 1, 2, 3], batch=16, epochs=1), with_losses(told, [1.0] * 4, [1.0] * 4))
    assert pace.mean == pytest.approx(before)


def test_data_is_worth_more_if_there_is_more_of_it_and_it_is_not_fitted_and_rested() -> None:
    fleet, memory = TinyFleet((20, 0, 0)), memory_of(20)
    samples = np.full(20, 100)
    samples[:2] = 200, 0
    seen = seen_of(fleet, samples_n=samples, classes_ratio=np.where(np.arange(20) == 2, 0.1, 1.0))
    plain = memory.weights(seen, 0.6)
    assert plain[:4] == pytest.approx([2, 0, 0.1, 1])
    choice = choice_of([3, 4, 5])
    outcome = with_losses(outcome_of(fleet, seen, choice, 20.0), [0.5, 1.0, 1.5], [0.4, 0.8, 1.0])
    memory.learn(seen, choice, replace(outcome, replied=np.array([True, True, False])))
    # Means of the two that replied are 0.75; a turn is 20 / 4 rounds; one that did not reply counts half.
    fresh = 1 - 0.6 * np.exp(-1 / 5)
    weights = memory.weights(seen_of(fleet, 2, samples_n=samples), 0.6)
    assert weights[3:7] == pytest.approx([fresh * 2 / 3, fresh * 4 / 3, 0.5, 1.0])
    late = memory.weights(seen_of(fleet, 400, samples_n=samples), 0.6)
    assert late[3] == pytest.approx(2 / 3)


def exhaustive(ways: Ways, terms: Terms) -> float:
    """The highest progress per joule of any set of devices in any ways."""
    shape = ways.seconds.shape
    best = -np.inf
    everyone = range(shape[0])
    for who in chain.from_iterable(combinations(everyone, n) for n in range(1, min(terms.most_n, shape[0]) + 1)):
        for does in product(product(range(shape[1]), range(shape[2])), repeat=len(who)):
            places = list(zip(who, does, strict=True))
            j = sum(ways.joules[i, w, c] for i, (w, c) in places)
            t = max(ways.seconds[i, w, c] for i, (w, c) in places)
            q = sum(ways.weight[i] for i in who)
            v = sum(ways.weight[i] * ways.progress[i, c] for i, (_, c) in places)
            best = max(best, v / (terms.spread + q) / (terms.base_j + j + terms.idle_w * t))
    return best


def test_a_plan_is_as_good_as_the_best_of_all_plans() -> None:
    found = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        seconds, joules = rng.lognormal(0, 1, (4, 2, 2)), rng.lognormal(0, 1, (4, 2, 2))
        progress, weight = rng.uniform(0.1, 1, (4, 2)), rng.uniform(0.2, 2, 4)
        ways = Ways(seconds, joules, progress, weight)
        terms = Terms(idle_w=float(rng.choice([0.0, 1.0, 5.0])), base_j=0.1, spread=2.0, most_n=3)
        plan, best = planned(ways, terms), exhaustive(ways, terms)
        assert plan.value <= best * (1 + 1e-9)
        found.append(plan.value / best)
    assert np.mean(found) > 0.98
    assert min(found) > 0.85


def small_ways(seconds: list[float], joules: list[float]) -> Ways:
    """Devices with one target and one way each."""
    n = len(seconds)
    shape = n, 1, 1
    return Ways(np.reshape(seconds, shape), np.reshape(joules, shape), np.ones((n, 1)), np.ones(n))


def test_a_straggler_is_left_out_because_everybody_waits() -> None:
    ways = small_ways([1.0, 1.0, 10.0], [1.0, 1.0, 0.1])
    waits = planned(ways, Terms(idle_w=5.0, base_j=0.0, spread=1.0, most_n=3))
    assert sorted(waits.who.tolist()) == [0, 1]
    # Progress of 2 of 3, for 2 J and 5 W during a second.
    assert waits.value == pytest.approx(2 / 3 / 7)
    assert 2 in planned(ways, Terms(idle_w=0.0, base_j=0.0, spread=1.0, most_n=3)).who.tolist()


def test_nobody_is_planned_where_nothing_can_be_done() -> None:
    assert planned(small_ways([np.inf], [np.inf]), Terms(1.0, 0.0, 1.0, 3)) is NOBODY
    assert planned(small_ways([], []), Terms(1.0, 0.0, 1.0, 3)) is NOBODY


def play(policy: Ours, fleet: TinyFleet, numbers: range) -> list[Choice]:
    """Rounds with losses that fall."""
    choices = []
    for number in numbers:
        seen = seen_of(fleet, number)
        choices.append(policy.choose(seen))
        k = len(choices[-1].devices)
        outcome = outcome_of(fleet, seen, choices[-1], 50.0)
        policy.learn(seen, choices[-1], with_losses(outcome, [1.0 + 0.01 * n for n in range(k)], [0.5] * k))
    return choices


def test_it_takes_the_cheap_and_lets_others_have_their_turn() -> None:
    fleet = TinyFleet()
    choices = play(ours_of(fleet, JOB), fleet, range(15))
    gpu = np.concatenate([c.target for c in choices])[fleet.kind_of[np.concatenate([c.devices for c in choices])] == 0]
    assert (gpu == 2).mean() > 0.9
    # Six of the high tier are cheapest by far; all of them take part.
    assert set(range(6)) <= set(np.concatenate([c.devices for c in choices]).tolist())
    assert all(len(np.unique(c.devices)) == len(c.devices) for c in choices)


def test_the_same_seed_chooses_the_same_and_a_saved_one_goes_on() -> None:
    fleet = TinyFleet()
    whole, again = (play(ours_of(fleet, JOB, seed=3), fleet, range(6)) for _ in range(2))
    assert all(same(a, b) for a, b in zip(whole, again, strict=True))
    first, second = ours_of(fleet, JOB, seed=3), ours_of(fleet, JOB, seed=9)
    play(first, fleet, range(3))
    second.from_arrays(first.to_arrays())
    assert all(same(a, b) for a, b in zip(whole[3:], play(second, fleet, range(3, 6)), strict=True))
    with pytest.raises(UsageError, match=r"'ours'.*'ga'"):
        second.from_arrays(genetic(1).to_arrays())
    other = ours_of(TinyFleet((2, 2, 0), kinds=fleet.kinds[:2]), replace(JOB, participants=2))
    with pytest.raises(UsageError, match="calibration"):
        other.from_arrays(first.to_arrays())


def test_bad_conditions_end_in_a_choice() -> None:
    dead = TinyFleet((3, 0, 0), {"up_b_per_s": np.zeros(3)})
    assert len(ours_of(TinyFleet((3, 0, 0)), JOB).choose(seen_of(dead)).devices) == 3
    none = TinyFleet((3, 0, 0), {"available": np.zeros(3, dtype=bool)})
    assert not len(ours_of(none, JOB).choose(seen_of(none)).devices)
    full = TinyFleet((3, 0, 0), too_big=True)
    assert ours_of(full, JOB).choose(seen_of(full)).batch.tolist() == [16] * 3


def test_a_batch_without_room_is_not_asked_again() -> None:
    fleet = TinyFleet((1, 0, 0))
    policy, seen = ours_of(fleet, JOB), seen_of(fleet)
    batches = []
    for _ in range(5):
        choice = policy.choose(seen)
        batches.append(int(choice.batch[0]))
        nothing, none = np.zeros(1), np.full(1, np.nan)
        words = {0: f"a batch of {choice.batch[0]} does not fit its free memory"}
        policy.learn(seen, choice, Outcome(nothing > 0, nothing, nothing, none, none, 1.0, 1.0, 1.0, 10.0, words))
    # Until nothing is left, and the job's settings are as good as any.
    assert sorted(set(batches) - {JOB.batch}, reverse=True) == [b for b in dict.fromkeys(batches) if b != JOB.batch]
    assert batches[-1] == JOB.batch
    assert batches.count(batches[0]) == 1 or batches[0] == JOB.batch


def test_of_a_large_fleet_some_devices_are_thought_of() -> None:
    fleet = TinyFleet((300, 300, 400))
    choices = play(ours_of(fleet, JOB), fleet, range(3))
    assert all(1 <= len(c.devices) <= 20 for c in choices)
    assert all((fleet.kind_of[c.devices] == 0).mean() > 0.5 for c in choices)


def test_the_spread_grows_as_the_loss_falls() -> None:
    fleet = TinyFleet()
    policy, seen, choice = ours_of(fleet, JOB), seen_of(fleet), choice_of([0, 1])
    everybody = np.arange(20)
    assert policy._terms(seen, everybody).spread == policy.taste.spread
    for loss in (2.0, 0.5):
        policy.learn(seen, choice, with_losses(outcome_of(fleet, seen, choice, 20.0), [loss] * 2, [loss / 2] * 2))
    # The geometric mean of 2 and 0.5 is 1: half of the first, to the power of a half.
    assert policy.level.tolist() == pytest.approx([2.0, 1.0])
    assert policy._terms(seen, everybody).spread == pytest.approx(policy.taste.spread * 2**0.5)


def test_patience_makes_rounds_shorter() -> None:
    ways = small_ways([1.0, 1.0, 3.0], [4.0, 4.0, 1.0])
    spans = [planned(ways, Terms(idle_w, 0.0, 3.0, 3)).who.tolist() for idle_w in (0.1, 50.0)]
    assert [2 in of for of in spans] == [True, False]
    fleet = TinyFleet()
    patient, plain = (ours_of(fleet, JOB, Taste(patience=p))._terms(seen_of(fleet), np.arange(20)) for p in (4.0, 1.0))
    assert patient.idle_w == pytest.approx(4 * plain.idle_w)

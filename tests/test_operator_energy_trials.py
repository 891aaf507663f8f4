"""Intervals of operators' energies hold what they say; what the designs cannot tell apart is a group."""

import numpy as np
import pytest

from tests.operator_trials import Case, trial

CASES = {
    "all prefixes": Case(),
    "without anything common": Case(common=0.0),
    "three rounds": Case(rounds=3),
    "two rounds": Case(rounds=2),
    "designs that scatter unlike": Case(unlike=True),
    "a drift": Case(drift=0.05),
    "a slow error": Case(slow=0.02),
    "a good meter": Case(own=0.003, common=0.01),
    "a coarse gauge": Case(own=0.03, common=0.05),
    "operators alone beside prefixes": Case(alone=(0, 3, 5, 7)),
    "a large network": Case(operators=40, ends=tuple(range(3, 39, 4))),
    "three operators": Case(operators=3),
}
# In how many of the trials 95 % intervals have to hold.
LEAST, MOST = 0.90, 0.99


@pytest.mark.parametrize("name", ["all prefixes", "operators alone beside prefixes"])
def test_intervals_hold_in_twenty_seeds(name: str) -> None:
    held = [one for seed in range(20) for one in trial(CASES[name], seed).held]
    assert len(held) > 150, "most operators are told on their own"
    assert LEAST <= np.mean(held) <= MOST


@pytest.mark.long
@pytest.mark.parametrize("name", CASES)
def test_intervals_hold_in_hundreds_of_seeds(name: str) -> None:
    trials = [trial(CASES[name], seed) for seed in range(400)]
    held = [one for each in trials for one in each.held]
    parts = np.mean([len(each.parts) for each in trials])
    print(f"{name}: {np.mean(held):.3f} of {len(held)}, {parts:.1f} parts of rank {trials[0].solution.designs.rank}")
    assert LEAST <= np.mean(held) <= MOST


@pytest.mark.long
@pytest.mark.parametrize("name", CASES)
def test_the_whole_holds_in_hundreds_of_seeds(name: str) -> None:
    """Its interval is mostly that of the rounds, of which there are few: Student's t of two is 12.7."""
    trials = [trial(CASES[name], seed) for seed in range(400)]
    held = [each.holds(each.solution.part(range(len(each.truth)))) for each in trials]
    print(f"{name}: {np.mean(held):.3f}")
    assert LEAST <= np.mean(held) <= 1.0


def test_parts_are_what_the_rank_says_as_long_as_all_are_decided() -> None:
    case = Case(operators=9, ends=(1, 4, 6), own=1e-4, common=1e-4)
    for seed in range(5):
        found = trial(case, seed)
        assert [part.columns for part in found.parts] == [(0, 1, 2), (3, 4, 5), (6, 7), (8, 9)]
        assert found.solution.designs.rank == 4


def test_the_sum_of_the_parts_is_the_network() -> None:
    for seed in range(5):
        found = trial(Case(alone=(2, 4)), seed)
        whole = found.solution.part(range(len(found.truth)))
        assert sum(part.value for part in found.parts) == pytest.approx(whole.value, rel=1e-12)
        assert found.solution.covariance(found.parts).sum() == pytest.approx(
            found.solution.covariance([whole]).item(), rel=1e-6
        )


def test_a_coarser_instrument_tells_fewer_parts() -> None:
    coarse, fine = (np.mean([len(trial(Case(own=own), seed).parts) for seed in range(5)]) for own in (0.1, 0.001))
    assert coarse < fine

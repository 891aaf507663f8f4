"""Designs, their rank and their groups; the estimator; and the rule by which parts are told."""

import math

import numpy as np
import pytest

from edgewatt.profiler.operator_energy.allocating import allocated
from edgewatt.profiler.operator_energy.design import Designs
from edgewatt.profiler.operator_energy.grouping import decided
from edgewatt.profiler.operator_energy.measured import Measured, Scatter, chi_squared_tail, measured_of
from edgewatt.profiler.operator_energy.solving import Solution, solve
from edgewatt.profiler.statistics import t_quantile


def designs(*stretches: tuple[int, int], operators: int, whole: int = -1) -> Designs:
    return Designs.of_stretches(stretches, operators, len(stretches) + whole if whole < 0 else whole)


def independent(values: list[float], u: float | list[float], df: float = math.inf) -> Measured:
    return Measured(np.array(values), (Scatter("known", np.broadcast_to(u, len(values)).astype(float), "B", df),))


def solved(values: list[float], u: float | list[float], *stretches: tuple[int, int], operators: int) -> Solution:
    return solve(designs(*stretches, operators=operators), independent(values, u))


def test_all_prefixes_leave_the_first_operator_with_what_every_inference_costs() -> None:
    all_prefixes = designs((0, 0), (0, 1), (0, 2), operators=3)
    assert all_prefixes.rank == 3
    assert all_prefixes.groups == [(0, 1), (2,), (3,)]
    eigenvalues = np.linalg.eigvalsh(all_prefixes.counts @ all_prefixes.counts.T)
    assert all_prefixes.condition == pytest.approx(math.sqrt(eigenvalues[-1] / eigenvalues[0]))


def test_an_operator_alone_tells_what_every_inference_costs_apart() -> None:
    more = designs((0, 0), (1, 1), (0, 1), operators=2)
    assert (more.rank, more.groups) == (3, [(0,), (1,), (2,)])
    solution = solve(more, independent([3.0, 5.0, 7.0], 0.01))
    assert [solution.part((column,)).value for column in range(3)] == pytest.approx([1.0, 2.0, 4.0])


def test_a_network_that_was_measured_only_whole_is_one_group() -> None:
    alone = designs((0, 4), operators=5)
    assert (alone.rank, alone.groups, alone.condition) == (1, [(0, 1, 2, 3, 4, 5)], 1.0)
    (part,) = decided(solve(alone, independent([2.0], 0.1)))
    assert part.value == pytest.approx(2.0)
    assert part.is_decided


def test_a_group_is_what_runs_together_in_its_own_numbers() -> None:
    """Operators 0 and 1 run together, the second one twice as often in both designs; operator 2 in one of them."""
    twice = Designs(np.array([[1.0, 1.0, 2.0, 0.0], [1.0, 2.0, 4.0, 0.0], [1.0, 1.0, 2.0, 1.0]]), whole=2)
    assert (twice.rank, twice.groups) == (3, [(0,), (1, 2), (3,)])
    solution = solve(twice, independent([5.0, 9.0, 12.0], 0.01))
    assert [solution.part(group).value for group in twice.groups] == pytest.approx([1.0, 4.0, 7.0])


def test_operators_that_do_not_run_in_the_network_are_no_part_of_it() -> None:
    other = Designs(np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0]]), whole=0)
    assert other.groups == [(0, 1)]


@pytest.mark.parametrize(
    "counts", [np.ones(3), np.zeros((2, 3)), np.array([[1.0, -1.0]]), np.array([[1.0, math.nan]]), np.ones((1, 1))]
)
def test_what_is_no_design_is_refused(counts: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"expected a row|counts are"):
        Designs(counts, 0)


def test_what_prefixes_share_and_what_they_do_not() -> None:
    """Between two prefixes both their errors count; an error common to all counts by its share only."""
    both = designs((0, 0), (0, 1), operators=2)
    values, own, common = np.array([2.0, 3.0]), np.array([0.03, 0.04]), np.array([0.2, 0.3])
    solution = solve(both, Measured(values, (Scatter("own", own, "B"), Scatter("clock", common, "B", common=True))))
    part = solution.part((2,))
    assert part.value == pytest.approx(1.0)
    assert part.half_width == pytest.approx(t_quantile(0.975, math.inf) * math.hypot(0.05, 0.1))
    first, second = (solution.part(group) for group in both.groups)
    assert solution.covariance([first, second])[0, 1] == pytest.approx(0.2 * 0.1 - 0.03**2)


def test_a_design_that_is_known_better_counts_for_more() -> None:
    """An operator alone, known ten times as well as the difference of prefixes, decides what it costs."""
    spare = designs((0, 0), (1, 1), (0, 1), (2, 2), (0, 2), operators=3)
    solution = solve(spare, independent([1.0, 2.0, 3.5, 4.0, 7.0], [0.01, 0.01, 1.0, 0.01, 1.0]))
    assert solution.spare == 1
    assert solution.part((2,)).value == pytest.approx(2.0 - solution.part((0,)).value, abs=0.05), (
        "2.0 is each inference and the operator"
    )
    assert solution.additive_p is not None
    assert solution.additive_p > 0.01


def test_operators_that_do_not_add_up_are_found() -> None:
    """Two operators cost 2 each beside an inference of 1, and 9 together."""
    stretches = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2))
    fits, misses = (
        solved([3.0, 3.0, 3.0, 5.0, whole], 0.05, *stretches, operators=3).additive_p for whole in (7.0, 9.0)
    )
    assert fits is not None
    assert fits > 0.5
    assert misses is not None
    assert misses < 1e-6
    assert solved([3.0, 5.0], 0.05, (0, 0), (0, 1), operators=2).additive_p is None, "nothing is spare"


def test_a_negative_operator_joins_its_neighbour() -> None:
    """The second operator comes out at -0.2: with the first the sum is known to 5 %, with the third to 5.5 %."""
    stretches = ((0, 0), (0, 1), (0, 2), (0, 3))
    parts = decided(solved([4.0, 3.8, 9.0, 10.0], 0.1, *stretches, operators=4))
    assert [part.columns for part in parts] == [(0, 1, 2), (3,), (4,)]
    assert [part.value for part in parts] == pytest.approx([3.8, 5.2, 1.0])
    assert all(part.is_decided for part in parts)


def test_what_is_too_wide_at_the_end_joins_what_is_before_it() -> None:
    parts = decided(solved([4.0, 8.0, 8.01], 0.1, (0, 0), (0, 1), (0, 2), operators=3))
    assert [part.columns for part in parts] == [(0, 1), (2, 3)]


def test_a_network_of_which_nothing_is_known_is_one_part_without_a_value() -> None:
    (part,) = decided(solved([0.4, 0.9, 1.0], 1.0, (0, 0), (0, 1), (0, 2), operators=3))
    assert part.columns == (0, 1, 2, 3)
    assert not part.is_decided


def test_the_effect_of_a_round_is_told_from_that_of_each_value() -> None:
    means = np.array([1.0, 2.0, 4.0])
    of_round = np.array([-0.1, 0.0, 0.1])
    found = measured_of(means[:, None] * (1 + of_round))
    own, common = found.scatter
    assert (own.df, common.df) == (4.0, 2.0)
    assert own.u == pytest.approx(np.zeros(3), abs=1e-12)
    assert common.u == pytest.approx(means * 0.1 / math.sqrt(3))
    assert common.common
    assert found.values == pytest.approx(means)


def test_designs_that_scatter_unlike_keep_their_own_scatter() -> None:
    draw = np.random.default_rng(1)
    spread = np.array([0.001] * 11 + [0.1])
    values = 1 + spread[:, None] * draw.standard_normal((12, 8))
    u = np.sqrt(np.diag(measured_of(values).covariance))
    assert u[11] > 3 * u[:11].max()
    assert len(measured_of(values).scatter) == 13, "one for each design, and the rounds"


def test_a_repeat_that_failed_leaves_its_round_out() -> None:
    values = np.array([[1.0, 1.1, 0.9, 5.0], [2.0, 2.2, 1.8, math.nan]])
    assert measured_of(values).values == pytest.approx([1.0, 2.0])


def test_without_two_whole_rounds_each_design_has_its_own_repeats() -> None:
    values = np.array([[1.0, 1.1, math.nan], [2.0, math.nan, 2.2], [3.0, math.nan, math.nan]])
    known = Scatter("edges", np.array([0.0, 0.0, 0.3]), "B")
    found = measured_of(values, [known])
    assert found.values == pytest.approx([1.05, 2.1, 3.0])
    assert np.sqrt(np.diag(found.covariance)) == pytest.approx([0.05, 0.1, 0.3], rel=1e-5)
    with pytest.raises(ValueError, match="without a single value"):
        measured_of(np.full((2, 2), math.nan))


@pytest.mark.parametrize(("value", "df", "tail"), [(3.841, 1, 0.05), (18.307, 10, 0.05), (6.635, 1, 0.01), (0.0, 4, 1)])
def test_chi_squared_has_its_tabled_quantiles(value: float, df: float, tail: float) -> None:
    assert chi_squared_tail(value, df) == pytest.approx(tail, abs=0.004)


def test_shares_by_time_are_the_whole_exactly_and_no_narrower() -> None:
    times = np.random.default_rng(3).lognormal(0, 2, 60).tolist()
    parts = allocated(times, 0.7, 0.63, 0.77)
    assert math.fsum(part.value for part in parts) == 0.7
    assert all(part.half_width == pytest.approx(0.1 * part.value) for part in parts)
    assert parts[5].value / parts[6].value == pytest.approx(times[5] / times[6])


@pytest.mark.parametrize("times", [[], [0.0, 0.0], [1.0, -1.0], [math.nan, 1.0]])
def test_shares_need_times(times: list[float]) -> None:
    with pytest.raises(ValueError, match="times from 0 on"):
        allocated(times, 1.0, 1.0, 1.0)

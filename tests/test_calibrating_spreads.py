"""What few repeats scatter by: each group's own, drawn towards that of all."""

import math
from collections.abc import Sequence

import numpy as np
import pytest

from edgewatt.profiler.calibrating.offload_spreads import send_spreads
from edgewatt.profiler.calibrating.spreads import UNKNOWN, Spread, moderated, pooled, spread_of
from edgewatt.profiler.calibrating.values import mean_alike, mean_of, ratio_of
from edgewatt.profiler.statistics import t_quantile

RNG_SEED = 8


def test_alike_groups_have_one_spread_on_all_degrees_of_freedom() -> None:
    own = [Spread(1.0, 2), Spread(1.1, 2), Spread(0.9, 2), Spread(1.0, 2)]
    found = moderated(own)
    assert {one.df for one in found} == {8}
    assert found[0].sd == pytest.approx(math.sqrt((1 + 1.21 + 0.81 + 1) / 4))


def test_groups_that_differ_keep_most_of_their_own() -> None:
    own = [Spread(10.0**k, 30) for k in range(-2, 3)]
    for one, found in zip(own, moderated(own), strict=True):
        assert 0.95 * one.sd < found.sd < 1.7 * one.sd
        assert one.df <= found.df < 40


def test_a_group_of_one_value_has_the_spread_of_the_others() -> None:
    found = moderated([UNKNOWN, Spread(2.0, 3), Spread(2.0, 3)])
    assert found[0] == Spread(2.0, 6)
    assert moderated([UNKNOWN, UNKNOWN]) == [UNKNOWN, UNKNOWN]
    assert pooled([UNKNOWN]) is UNKNOWN


def test_without_any_scatter_nothing_is_invented() -> None:
    assert [one.sd for one in moderated([Spread(0.0, 2), Spread(0.0, 2)])] == [0.0, 0.0]


@pytest.mark.parametrize("differ", [0.0, 0.5])
def test_intervals_of_three_values_hold_and_are_half_as_wide_as_students(differ: float) -> None:
    rng = np.random.default_rng(RNG_SEED)
    held, widths = [], []
    for _ in range(300):
        sd = np.exp(differ * rng.standard_normal(5))
        values = rng.standard_normal((5, 3)) * sd[:, None]
        for row, true, one in zip(values, sd, moderated([spread_of(row) for row in values]), strict=True):
            half = t_quantile(0.975, one.df) * one.sd / math.sqrt(3)
            held.append(abs(row.mean()) <= half)
            widths.append(half / true)
    assert 0.92 <= np.mean(held) <= 0.97
    assert np.median(widths) < 0.6 * t_quantile(0.975, 2) / math.sqrt(3)


def test_a_mean_by_what_others_scatter() -> None:
    value = mean_alike([10.0], Spread(0.02, 10))
    assert value is not None
    assert value.high is not None
    assert value.high - 10 == pytest.approx(t_quantile(0.975, 10) * 0.2)
    assert mean_alike([10.0, 11.0], UNKNOWN) == mean_of([10.0, 11.0])


def test_a_ratio_of_spreads_learnt_together_has_no_more_df_than_they() -> None:
    value = ratio_of([2.0] * 3, [1.0] * 3, [Spread(0.01, 4)] * 2)
    assert value is not None
    assert value.high is not None
    assert math.log(value.high / 2) == pytest.approx(t_quantile(0.975, 4) * 0.01 * math.sqrt(2 / 3))


def _exchanges(rng: np.random.Generator, sizes: Sequence[int], rate_rel: float) -> list[list[np.ndarray]]:
    found = []
    for sent_b in sizes:
        rates = 1e6 * np.exp(rate_rel * rng.standard_normal(2))
        found.append([0.004 * np.exp(0.15 * rng.standard_normal(400)) + sent_b / rate for rate in rates])
    return found


def test_each_size_scatters_by_the_share_of_its_time_that_is_transfer() -> None:
    sizes = [1_000, 10_000, 100_000, 1_000_000]
    found = send_spreads(_exchanges(np.random.default_rng(RNG_SEED), sizes, 0.03), sizes, Spread(0.03, 1000))
    assert [one.sd for one in found] == pytest.approx([0.009, 0.022, 0.03, 0.03], rel=0.6)
    assert found[0].sd < found[1].sd < found[3].sd
    assert all(one.df > 10 for one in found)


def test_sizes_that_scatter_by_more_than_their_rate_are_all_wider() -> None:
    sizes = [1_000, 10_000, 100_000, 1_000_000]
    windows = _exchanges(np.random.default_rng(RNG_SEED), sizes, 0.0)
    moved = [[one * by for one, by in zip(of, (0.9, 1.1), strict=True)] for of in windows]
    quiet, shaken = (send_spreads(of, sizes, Spread(0.01, 50)) for of in (windows, moved))
    assert all(one.sd > 3 * other.sd for one, other in zip(shaken, quiet, strict=True))


def test_one_size_alone_has_its_own_spread() -> None:
    windows = _exchanges(np.random.default_rng(RNG_SEED), [1_000], 0.03)
    assert send_spreads(windows, [1_000], Spread(0.03, 10)) == [spread_of(np.log([one.mean() for one in windows[0]]))]
    assert send_spreads([[]], [None], UNKNOWN) == [UNKNOWN]

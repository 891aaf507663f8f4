"""Student's t against scipy, and the small statistics that every interval rests on."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from edgewatt.profiler.statistics import (
    interval_of_mean,
    median,
    percentiles,
    t_quantile,
    t_tail,
    welch_satterthwaite,
)

DF = [1, 1.5, 2, 2.7182, 3, 4, 5.5, 9, 29.9, 100, 1234.5, 1e4, 1e5, 1e6, 1e7, 1e8, 1e10, 1e15]
P = [0.5001, 0.6, 0.75, 0.9, 0.95, 0.975, 0.99, 0.995, 0.9995, 0.99999, 1 - 1e-9]


@pytest.mark.parametrize("df", DF)
def test_quantile_agrees_with_scipy(df: float) -> None:
    for p in P:
        assert t_quantile(p, df) == pytest.approx(stats.t.isf(1 - p, df), rel=1e-6, abs=1e-9), (p, df)


@given(st.floats(1e-6, 1 - 1e-6), st.floats(1.0, 1e6))
def test_quantile_agrees_with_scipy_anywhere(p: float, df: float) -> None:
    assert t_quantile(p, df) == pytest.approx(stats.t.ppf(p, df), rel=1e-6, abs=1e-9)


@given(st.floats(0, 50), st.floats(0.5, 1e6))
def test_tail_agrees_with_scipy(t: float, df: float) -> None:
    assert t_tail(t, df) == pytest.approx(stats.t.sf(t, df), rel=1e-7, abs=1e-300)


def test_quantile_is_odd_and_normal_at_infinity() -> None:
    assert t_quantile(0.5, 3) == 0.0
    assert t_quantile(0.025, 7) == pytest.approx(-t_quantile(0.975, 7), rel=1e-12)
    assert t_quantile(0.975, math.inf) == pytest.approx(1.959963984540054)


@pytest.mark.parametrize(("p", "df"), [(0.0, 3), (1.0, 3), (math.nan, 3), (0.9, 0), (0.9, -1), (0.9, math.nan)])
def test_quantile_refuses_what_has_no_answer(p: float, df: float) -> None:
    with pytest.raises(ValueError, match="t_quantile"):
        t_quantile(p, df)


def test_interval_of_mean() -> None:
    values = [1.0, 2.0, 4.0, 5.0]
    got = interval_of_mean(values)
    assert got is not None
    assert (got.mean, got.n) == (3.0, 4)
    assert got.std == pytest.approx(np.std(values, ddof=1))
    low, high = stats.t.interval(0.95, 3, loc=3.0, scale=stats.sem(values))
    assert (got.low, got.high) == (pytest.approx(low), pytest.approx(high))


def test_one_value_has_no_interval_and_none_has_no_mean() -> None:
    one = interval_of_mean([2.5])
    assert one is not None
    assert (one.mean, one.n, one.std, one.low, one.high) == (2.5, 1, None, None, None)
    assert interval_of_mean([]) is None
    assert median([]) is None
    assert percentiles([], [50]) is None


def test_interval_of_mean_covers() -> None:
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(1000):
        got = interval_of_mean(rng.normal(10, 1, 5))
        assert got is not None
        assert got.low is not None
        assert got.high is not None
        held += got.low <= 10 <= got.high
    assert 930 <= held <= 970


def test_welch_satterthwaite() -> None:
    assert welch_satterthwaite([(2.0, 4.0)]) == pytest.approx(4.0)
    assert welch_satterthwaite([(1.0, 4.0), (1.0, 4.0)]) == pytest.approx(8.0)
    assert welch_satterthwaite([(1.0, 4.0), (1.0, math.inf)]) == pytest.approx(16.0)
    assert welch_satterthwaite([(1e-200, 3.0), (0.0, 1.0)]) == pytest.approx(3.0)
    assert welch_satterthwaite([]) == math.inf
    assert welch_satterthwaite([(1.0, math.inf)]) == math.inf


def test_welch_degrees_agree_with_scipys_test() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(0, 1, 5), rng.normal(0, 3, 9)
    df = welch_satterthwaite([(a.std(ddof=1) / math.sqrt(5), 4), (b.std(ddof=1) / 3, 8)])
    assert df == pytest.approx(stats.ttest_ind(a, b, equal_var=False).df)


def test_percentiles_interpolate() -> None:
    assert percentiles([1, 2, 3, 4, 5], [50, 90, 99]) == pytest.approx([3.0, 4.6, 4.96])
    assert median([3, 1, 2, 10]) == 2.5

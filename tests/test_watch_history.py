"""The bounded memory of a live view: what it keeps, what it forgets, and what it never hides."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewatt.profiler.watching.history import BINS, History
from tests.watching_views import S

NOW = 1_000 * S


def folded(*samples: tuple[float, float], columns: int = 1, now_ns: int = NOW) -> History:
    """One fold of (seconds before now, value)."""
    history = History(columns)
    t_ns = np.array([now_ns - round(before * S) for before, _ in samples], np.int64)
    history.fold(t_ns, np.array([[value for _, value in samples]] * columns), now_ns)
    return history


@settings(max_examples=12)
@given(
    st.lists(
        st.lists(
            st.tuples(st.integers(-5 * S, 150 * S), st.one_of(st.just(np.nan), st.floats(-1e6, 1e6))),
            min_size=1,
            max_size=30,
        ),
        min_size=1,
        max_size=4,
    )
)
def test_it_is_what_counting_by_hand_gives(folds: list[list[tuple[int, float]]]) -> None:
    history, by_bin = History(1), {}
    for samples in folds:
        t_ns = np.array([NOW - before for before, _ in samples], np.int64)
        history.fold(t_ns, np.array([[value for _, value in samples]]), NOW)
        for before, value in samples:
            by_bin.setdefault(min(NOW - before, NOW) // S, []).append(value)
    newest = max(by_bin)
    later = NOW + S  # the bin of now is whole then
    mean, low, high = (of[0] for of in history.series(later))
    for at, this in enumerate(range(later // S - BINS, later // S)):
        values = [value for value in by_bin.get(this, []) if np.isfinite(value)]
        if this in by_bin and this > newest - BINS:
            expected = (np.mean(values), min(values), max(values)) if values else (np.nan,) * 3
            assert (mean[at], low[at], high[at]) == pytest.approx(expected, rel=1e-9, abs=1e-6, nan_ok=True)
        elif history.usual_s < 0.5:
            assert np.isnan(mean[at])
    assert history.rows(later, BINS) == sum(len(of) for this, of in by_bin.items() if this > newest - BINS)


def test_a_peak_of_one_sample_in_five_thousand_is_there() -> None:
    t_ns = NOW - 2 * S + np.arange(5000) * (S // 5000)
    watt = np.full(5000, 1.0)
    watt[1234] = 9.0
    history = History(1)
    history.fold(t_ns, watt[np.newaxis], NOW)
    _, low, high = history.series(NOW)
    assert np.nanmax(high) == 9.0
    assert np.nanmin(low) == 1.0


def test_a_stamp_from_the_future_pushes_nothing_out() -> None:
    history = folded((3.0, 1.0), (2.0, 1.0))
    history.fold(np.array([NOW + 10**6 * S]), np.array([[5.0]]), NOW)
    mean, _, _ = history.series(NOW + S)
    assert np.nanmin(mean) == 1.0
    assert mean[0, -1] == 5.0


def test_a_second_without_a_sample_at_ten_hertz_is_a_gap() -> None:
    history = folded(*((before / 10, 1.0) for before in range(60, 30, -1)), *((b / 10, 1.0) for b in range(19, 0, -1)))
    mean, _, _ = history.series(NOW)
    assert np.isnan(mean[0, -3:]).tolist() == [True, False, False]


def test_what_comes_every_ten_seconds_has_no_gaps_and_ends_when_it_stops() -> None:
    history = folded(*((float(before), 1.0) for before in range(100, 9, -10)))
    mean, _, _ = history.series(NOW)
    assert not np.isnan(mean[0, -100:]).any()
    assert np.isnan(history.series(NOW + 30 * S)[0][0, -20:]).all()


def test_nothing_came() -> None:
    history = History(3)
    history.fold(np.empty(0, np.int64), np.empty((3, 0)), NOW)
    assert all(np.isnan(of).all() and of.shape == (3, BINS) for of in history.series(NOW))
    assert history.rows(NOW, 10) == 0

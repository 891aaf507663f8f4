"""Trains of pulses: pseudo-random, bounded, and unlike themselves when shifted."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.profiler.synchronising.peak import find_peak
from edgewatt.profiler.synchronising.train import LONGEST_S, SHORTEST_S, TRAIN_S, Edges, length_s, train

SEEDS = st.integers(0, 2**63 - 1)


@given(SEEDS, st.floats(2.0, 30.0))
def test_pulses_and_pauses_have_the_lengths_of_the_design(seed: int, seconds: float) -> None:
    pulses = train(seed, seconds)
    lengths_s = np.array(pulses)
    assert lengths_s.min() >= SHORTEST_S
    assert lengths_s.max() <= LONGEST_S
    assert length_s(pulses) == pytest.approx(seconds, abs=1.0)


def test_a_seed_says_it_all() -> None:
    assert train(7) == train(7)
    assert train(7) != train(8)
    assert length_s(train(7)) == pytest.approx(TRAIN_S, abs=SHORTEST_S)


@given(SEEDS)
def test_a_train_fits_onto_itself_at_one_place_only(seed: int) -> None:
    edge_s = _edges_s(train(seed))
    t_s = np.arange(-5.0, TRAIN_S + 5.0, 0.002)
    power_w = np.asarray(1.0 + (np.searchsorted(edge_s, t_s, "right") % 2), np.float64)
    peak = find_peak(t_s, power_w, edge_s, -4.0, 4.0)
    assert peak is not None
    assert peak.is_there
    assert peak.is_only_one
    assert peak.shift_s == pytest.approx(0.0, abs=0.005)


@pytest.mark.parametrize("seconds", [0.0, 1.5, -3.0, float("nan"), float("inf")])
def test_no_train_is_that_long(seconds: float) -> None:
    with pytest.raises(ValueError, match="a train takes at least"):
        train(0, seconds)


@pytest.mark.parametrize("pairs", [[], [(1, 1)], [(5, 3)], [(1, 4), (3, 6)]])
def test_edges_that_are_no_train_are_refused(pairs: list[tuple[int, int]]) -> None:
    with pytest.raises(ValueError, match="a train has at least one pulse"):
        Edges.of(pairs)


def test_edges_know_their_middle() -> None:
    edges = Edges.of([(100, 200), (300, 500)], bound_ns=7)
    assert edges.all_ns.tolist() == [100, 200, 300, 500]
    assert edges.middle_ns == 300
    assert edges.seconds == pytest.approx([-2e-7, -1e-7, 0.0, 2e-7])


def _edges_s(of: list[tuple[float, float]]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.concatenate([[0.0], np.cumsum(np.array(of).ravel())[:-1]])

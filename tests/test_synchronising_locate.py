"""A meter beside a device on the lab's timeline: the offset, what is stated of it, and who is refused.

The figures of 200 seeds are those of `python -m tests.sync_figures`.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewatt.profiler.synchronising.locate import (
    AMBIGUOUS,
    NO_PEAK,
    NOT_SEEN,
    TOO_SLOW,
    Located,
    NotLocated,
    Power,
    locate,
)
from edgewatt.profiler.synchronising.train import Edges, train
from tests.sync_figures.bench import Scene, bench
from tests.sync_figures.figures import REFUSED, SCENES, drifts, errors

SEEDS = range(2)
MANY = range(1000, 1040)


@pytest.mark.parametrize("name", [name for name in SCENES if name != "bursts 20 Hz"])
def test_the_offset_is_found(name: str) -> None:
    found = errors(SCENES[name], SEEDS)
    assert not found.refused
    assert (np.abs(found.error_s) < 4 * found.u_s).all()
    assert np.abs(found.error_s).max() < 0.004
    assert found.u_s.max() < 0.025


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("name", "rms_ms"), [("bursts 5 Hz", 1.0), ("nothing else", 0.05), ("governor and steps of another load", 1.0)]
)
def test_what_is_stated_of_the_offset_holds(name: str, rms_ms: float) -> None:
    """Issue 5: bias under 1 ms, and 95 % that are 90 to 99 %; of 40 seeds five may miss."""
    found = errors(SCENES[name], MANY)
    assert not found.refused
    assert abs(found.bias_s) < 1e-3
    assert found.rms_s < rms_ms * 1e-3
    assert found.covered >= 0.875


@pytest.mark.parametrize("name", REFUSED)
def test_a_meter_on_something_else_is_refused(name: str) -> None:
    """The mutant "meter on another phone", and those that resemble it."""
    found = errors(REFUSED[name], SEEDS)
    assert not len(found.error_s)
    assert set(found.refused) == {AMBIGUOUS if name == "periodic wave" else NO_PEAK}


@pytest.mark.parametrize("rise_fall_s", [(0.002, 0.002), (0.05, 0.002), (0.002, 0.05), (0.05, 0.05), (0.01, 0.004)])
def test_rise_and_fall_are_told_apart(rise_fall_s: tuple[float, float]) -> None:
    """A plain correlation would be off by about half of a rise time."""
    one = bench(3, Scene(bursts_hz=0.0, rise_fall_s=rise_fall_s))
    found = one.look()
    assert isinstance(found, Located)
    assert (found.rise_s, found.fall_s) == pytest.approx(rise_fall_s, rel=0.05)
    assert abs(one.error_s(found)) < 2e-4
    assert found.lag_s == pytest.approx(0.0, abs=5e-4)


def test_a_governor_delays_the_rises_and_not_the_offset() -> None:
    one = bench(5, Scene(governor=True, bursts_hz=0.0))
    found = one.look()
    assert isinstance(found, Located)
    assert found.lag_s is not None
    assert found.lag_s > 2e-3
    assert abs(one.error_s(found)) < 5e-4


def test_two_trains_give_the_drift() -> None:
    found = drifts(range(2))
    assert not found.refused
    assert np.abs(found.error_s).max() < 20e-6
    assert (np.abs(found.error_s) < 4 * found.u_s).all()


def test_coarse_stamps_are_in_the_uncertainty() -> None:
    one = bench(2, Scene(bursts_hz=0.0))
    edges = one.edges[0]
    coarse = locate(Edges(edges.begin_ns, edges.end_ns, bound_ns=10_000_000), one.power)
    assert isinstance(coarse, Located)
    assert coarse.u_offset_s == pytest.approx(0.01 / np.sqrt(3), rel=0.01)


def test_a_far_away_clock_is_found_near_where_it_is_expected() -> None:
    one = bench(1, Scene())
    day_ns = 86_400 * 10**9
    edges = Edges(one.edges[0].begin_ns + day_ns, one.edges[0].end_ns + day_ns)
    found = locate(edges, one.power, near_ns=-day_ns)
    assert isinstance(found, Located)
    there = one.look()
    assert isinstance(there, Located)
    assert found.offset_ns + day_ns == pytest.approx(there.offset_ns, abs=1000)
    elsewhere = locate(edges, one.power)
    assert isinstance(elsewhere, NotLocated)
    assert elsewhere.code == NOT_SEEN


def test_power_that_does_not_move_is_no_peak() -> None:
    t_ns = np.arange(0, 20 * 10**9, 200_000)
    flat = Power.points(t_ns, np.full(len(t_ns), 2.5))
    refused = locate(bench(0, Scene()).edges[0], flat)
    assert isinstance(refused, NotLocated)
    assert refused.code == NO_PEAK


def test_a_meter_of_one_reading_a_second_cannot_see_pulses() -> None:
    t_ns = np.arange(0, 30 * 10**9, 10**9)
    refused = locate(bench(0, Scene()).edges[0], Power.points(t_ns, np.full(len(t_ns), 2.5)))
    assert isinstance(refused, NotLocated)
    assert (refused.code, "a reading every 1 s" in refused.why) == (TOO_SLOW, True)


@settings(max_examples=60)
@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), max_size=400),
    st.integers(1, 10**8),
    st.integers(0, 2**32),
    st.integers(0, 10**9),
)
def test_any_power_gives_an_offset_or_a_reason(power_w: list[float], step_ns: int, seed: int, from_ns: int) -> None:
    edges_ns = np.cumsum(np.rint(np.array(train(seed % 50)).ravel() * 1e9).astype(np.int64))
    t_ns = from_ns + step_ns * np.arange(len(power_w))
    found = locate(Edges(edges_ns[::2], edges_ns[1::2]), Power.points(t_ns, np.array(power_w)))
    assert isinstance(found, NotLocated)
    assert found.why

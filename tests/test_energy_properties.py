"""Energy of windows: what holds for any samples and any windows, and a slow reference."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgewatt.profiler.batch import COUNTER_ABSENT, Gap
from edgewatt.profiler.channel import Channel
from edgewatt.profiler.energy.flow import GAP_INTERVALS
from edgewatt.profiler.energy.windows import WindowEnergies, energy_of_windows
from edgewatt.profiler.units import Quantity
from tests.energy_samples import JOULES, POWER, S, chunked, of_counter, of_power


def reference(
    t: NDArray[np.int64], p: NDArray[np.float64], gaps: Sequence[Gap], gap_ns: float, a: int, b: int
) -> tuple[float, float]:
    """Energy and covered nanoseconds of [a, b], one stretch between samples after the other."""
    energy, covered = 0.0, 0
    for k in range(1, len(t)):
        took = int(t[k] - t[k - 1])
        low, high = max(a, int(t[k - 1])), min(b, int(t[k]))
        lost = any(gap.t0_ns < t[k] and gap.t1_ns > t[k - 1] for gap in gaps)
        if low >= high or took > gap_ns or lost or not np.isfinite(p[k - 1] + p[k]):
            continue
        at = [p[k - 1] + (p[k] - p[k - 1]) * (x - int(t[k - 1])) / took for x in (low, high)]
        energy += (at[0] + at[1]) / 2 * (high - low) / 1e9
        covered += high - low
    return energy, covered


POWERS = st.one_of(st.floats(-10, 300), st.just(math.nan))


@st.composite
def traces(draw: st.DrawFn, powers: st.SearchStrategy[float] = POWERS) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    steps = draw(st.lists(st.integers(0, 12), min_size=0, max_size=40))
    t = draw(st.integers(-(10**15), 10**15)) + np.cumsum(np.asarray([0, *steps], np.int64)) * 100
    return t, np.asarray(draw(st.lists(powers, min_size=len(t), max_size=len(t))))


@st.composite
def windows(draw: st.DrawFn, t: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    edge = st.one_of(st.integers(int(t[0]) - 300, int(t[-1]) + 300), st.sampled_from(t.tolist()))
    pairs = np.asarray(draw(st.lists(st.tuples(edge, edge), max_size=12)), np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def interval_ns(t: NDArray[np.int64]) -> float:
    took = np.diff(t)
    return GAP_INTERVALS * float(np.median(took[took > 0])) if np.any(took > 0) else math.inf


@given(st.data())
@settings(max_examples=100)
def test_agrees_with_the_reference(data: st.DataObject) -> None:
    t, p = data.draw(traces())
    t0, t1 = data.draw(windows(t))
    at = st.integers(int(t[0]) - 200, int(t[-1]) + 200)
    gaps = [Gap(min(pair), max(pair), "x") for pair in data.draw(st.lists(st.tuples(at, at), max_size=3))]
    got = of_power(t, p, t0, t1, gaps=gaps, min_coverage=0)
    for k, (a, b) in enumerate(zip(t0.tolist(), t1.tolist(), strict=True)):
        energy, covered = reference(t, p, gaps, interval_ns(t), a, b)
        if covered:
            assert got.energy_j[k] == pytest.approx(energy, rel=1e-9, abs=1e-15)
            assert got.coverage[k] == covered / (b - a)
        else:
            assert math.isnan(got.energy_j[k])
            assert got.coverage[k] == 0.0


@given(st.data())
def test_energies_and_losses_are_additive(data: st.DataObject) -> None:
    t, p = data.draw(traces(st.floats(-10, 300)))
    window_s = data.draw(st.sampled_from([None, 100e-9, 350e-9, 2e-6]))
    a, b, c = sorted(data.draw(st.tuples(*[st.integers(int(t[0]), int(t[-1]))] * 3)))
    channel = Channel("rail", Quantity.POWER, window_s=window_s)
    got = of_power(t, p, [a, a, b], [c, b, c], channel=channel, min_coverage=0)
    if a < b < c and got.coverage.min() > 0:
        assert got.energy_j[0] == pytest.approx(got.energy_j[1] + got.energy_j[2], rel=1e-9, abs=1e-15)
        assert got.edge_loss_j[0] == pytest.approx(got.edge_loss_j[1] + got.edge_loss_j[2], rel=1e-9, abs=1e-15)
        assert got.updates[0] == got.updates[1] + got.updates[2]


@given(st.data())
def test_order_of_windows_does_not_matter(data: st.DataObject) -> None:
    t, p = data.draw(traces())
    t0, t1 = data.draw(windows(t))
    order = np.asarray(data.draw(st.permutations(range(len(t0)))), np.intp)
    plain, mixed = (of_power(t, p, t0[o], t1[o], min_coverage=0, spread=True) for o in (slice(None), order))
    same(plain[order], mixed, rel=0)


@given(st.data())
@settings(max_examples=100)
def test_chunks_do_not_matter(data: st.DataObject) -> None:
    t, p = data.draw(traces())
    t0, t1 = data.draw(windows(t))
    sizes = data.draw(st.lists(st.integers(0, 9), max_size=30))
    channel = data.draw(
        st.sampled_from(
            [
                POWER,
                Channel("rail", Quantity.POWER, period_s=1.5e-6),
                Channel("rail", Quantity.POWER, window_s=500e-9),
                Channel("rail", Quantity.POWER, window_s=1e-7),
                Channel("rail", Quantity.POWER, window_s=4e-6, period_s=2e-6),
                JOULES,
                Channel("package-0", Quantity.ENERGY, "counter", scale=1e-6, counter_range=70_000),
            ]
        )
    )
    values = p if channel.kind == "gauge" else np.where(np.isnan(p), COUNTER_ABSENT, p * 100).astype(np.int64)
    one, many = (
        energy_of_windows(chunked(t, {channel.column: values}, s), [(channel,)], t0, t1, min_coverage=0, spread=True)
        for s in ((), sizes)
    )
    same(one, many, rel=1e-9)


@given(st.lists(st.integers(0, 400), min_size=2, max_size=60), st.integers(0, 2**40), st.data())
def test_wraps_do_not_matter(moved: list[int], start: int, data: st.DataObject) -> None:
    t = np.arange(len(moved) + 1) * S
    total = start + np.cumsum([0, *moved])
    t0, t1 = data.draw(windows(t))
    turns = Channel("package-0", Quantity.ENERGY, "counter", scale=1e-6, counter_range=1 << 16)
    wrapped, whole = of_counter(t, total % (1 << 16), t0, t1, channel=turns), of_counter(t, total, t0, t1)
    same(wrapped, whole, rel=1e-9)


def same(one: WindowEnergies, other: WindowEnergies, *, rel: float) -> None:
    assert one.interval_s == other.interval_s
    assert np.array_equal(one.updates, other.updates)
    assert np.array_equal(one.coverage, other.coverage)
    for name in ("energy_j", "edge_loss_j", "u_edge_j", "u_sampling_j"):
        a, b = getattr(one, name), getattr(other, name)
        assert (a is None) == (b is None)
        if a is not None:
            rounding = {"u_sampling_j": 1e-10}.get(name, 1e-15)  # of a variance that is 0
            np.testing.assert_allclose(a, b, rtol=rel, atol=rounding if rel else 0, err_msg=name)

"""What a window loses at its edges: the formulas against simulated sensors of random phase (docs/decisions/0003)."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from edgewatt.profiler.batch import Batch
from edgewatt.profiler.channel import Channel
from edgewatt.profiler.energy.edges import clock_loss_s, mean_abs
from edgewatt.profiler.energy.windows import WindowEnergies, energy_of_windows
from edgewatt.profiler.units import Quantity

S = 1_000_000_000
TS = 0.1
DRAWS = 300
IDLE_W, BUSY_W = 1.0, 5.0
POINT = Channel("rail", Quantity.POWER, period_s=TS)
COUNTER = Channel("package-0", Quantity.ENERGY, "counter", scale=1e-9)


def averaging(window_s: float) -> Channel:
    return Channel("rail", Quantity.POWER, period_s=TS, window_s=window_s)


def used_j(t: NDArray[np.float64], begin: float, end: float) -> NDArray[np.float64]:
    """Joules used up to each time: idle, and busy from `begin` to `end`."""
    joules: NDArray[np.float64] = IDLE_W * t + (BUSY_W - IDLE_W) * (np.clip(t, begin, end) - begin)
    return joules


def readings(
    channel: Channel, t: NDArray[np.float64], begin: float, end: float
) -> NDArray[np.float64] | NDArray[np.int64]:
    if channel.kind == "counter":
        return np.rint(used_j(t, begin, end) / channel.scale).astype(np.int64)
    if channel.window_s:
        return (used_j(t, begin, end) - used_j(t - channel.window_s, begin, end)) / channel.window_s
    return np.where((t >= begin) & (t < end), BUSY_W, IDLE_W)


def measured(
    channel: Channel, rng: np.random.Generator, *, shift_s: float = 0.0, away_s: float = 0.0
) -> tuple[WindowEnergies, float]:
    """One window in which the load is on, seen at a random phase, and the joules really used in it.

    The load comes and goes up to `away_s` from the window's edges; the samples' clock is `shift_s` behind.
    """
    begin = 2.0 + rng.uniform(0, TS)
    end = begin + 1.5 + rng.uniform(0, TS)
    on, off = begin + rng.uniform(-away_s, away_s), end + rng.uniform(-away_s, away_s)
    t_ns = np.rint((np.arange(60) * TS + rng.uniform(0, TS)) * S).astype(np.int64)
    values = readings(channel, t_ns / S, on, off)
    edges = [[round((edge + shift_s) * S)] for edge in (begin, end)]
    got = energy_of_windows([Batch(t_ns, {channel.column: values})], [(channel,)], edges[0], edges[1])
    return got, float(np.diff(used_j(np.array([begin, end]), on, off))[0])


CASES = [
    pytest.param(POINT, id="point"),
    pytest.param(COUNTER, id="counter"),
    pytest.param(averaging(TS), id="contiguous"),
    pytest.param(averaging(0.25 * TS), id="looks a quarter of the time"),
    pytest.param(averaging(2.6 * TS), id="long average"),
    pytest.param(averaging(8 * TS), id="longer average"),
]


@pytest.mark.parametrize("channel", CASES)
def test_what_edges_lose_is_put_back(channel: Channel) -> None:
    rng = np.random.default_rng(11)
    draws = [measured(channel, rng) for _ in range(DRAWS)]
    errors = np.array([got.energy_j[0] - true for got, true in draws])
    corrected = errors + np.array([got.edge_loss_j[0] for got, _ in draws])
    standard_error = corrected.std() / math.sqrt(DRAWS)
    assert errors.mean() < -10 * standard_error
    assert abs(corrected.mean()) < 3.5 * standard_error + 1e-6
    assert corrected.std() < errors.std() or channel is POINT
    assert np.sqrt(np.mean(corrected**2)) <= np.mean([got.u_edge_j[0] for got, _ in draws])


@pytest.mark.parametrize("channel", CASES)
def test_uncertainty_covers_steps_that_are_not_quite_at_the_edge(channel: Channel) -> None:
    rng = np.random.default_rng(12)
    draws = [measured(channel, rng, away_s=0.2 * TS) for _ in range(DRAWS)]
    corrected = np.array([got.energy_j[0] + got.edge_loss_j[0] - true for got, true in draws])
    u_j = np.mean([got.u_edge_j[0] for got, _ in draws])
    assert 0.75 * u_j < np.sqrt(np.mean(corrected**2)) < 1.25 * u_j


@pytest.mark.parametrize("late", [0.0, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("channel", CASES[:3])
def test_sensors_in_step_with_the_load_lose_nothing_either(channel: Channel, late: float) -> None:
    """Edges at always the same phase of the sensor, on a sample too: no chance averages the loss."""
    t_ns = np.arange(60) * S // 10
    begin_ns, end_ns = (2 * S + round(late * TS * S), 4 * S + round(late * TS * S))
    values = readings(channel, t_ns / S, begin_ns / S, end_ns / S)
    got = energy_of_windows([Batch(t_ns, {channel.column: values})], [(channel,)], [begin_ns], [end_ns])
    assert got.energy_j[0] + got.edge_loss_j[0] == pytest.approx(2 * BUSY_W, rel=1e-6)
    assert got.energy_j[0] < 2 * BUSY_W * 0.999 or (late == 0.0 and channel is not POINT)


def test_uncertainty_in_closed_form() -> None:
    rng = np.random.default_rng(1)
    for channel, variance in ((POINT, 1 / 48 + 1 / 180), (COUNTER, 1 / 180)):
        got, _ = measured(channel, rng)
        assert got.u_edge_j[0] == pytest.approx(math.sqrt(2 * variance) * (BUSY_W - IDLE_W) * TS, rel=1e-3)


def test_no_step_no_loss() -> None:
    t_ns = np.arange(50) * S // 10
    for channel in (POINT, averaging(TS), averaging(3 * TS)):
        got = energy_of_windows([Batch(t_ns, {channel.column: t_ns / S})], [(channel,)], [S], [3 * S])
        assert got.edge_loss_j[0] == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("channel", [CASES[0], CASES[1], CASES[4]])
@pytest.mark.parametrize("bound_s", [0.01, 0.1, 0.4])
def test_a_clock_that_is_off_loses_what_the_sensor_has_not_lost_already(channel: Channel, bound_s: float) -> None:
    rng, errors = np.random.default_rng(7), []
    loss_j = np.mean([measured(channel, rng)[0].edge_loss_j[0] for _ in range(DRAWS)])
    for _ in range(DRAWS):
        got, true = measured(channel, rng, shift_s=rng.uniform(-bound_s, bound_s))
        errors.append(got.energy_j[0] + loss_j - true)
    expected = -(BUSY_W - IDLE_W) * clock_loss_s(got.widths_s, [bound_s])
    assert np.mean(errors) == pytest.approx(expected, abs=4 * np.std(errors) / math.sqrt(DRAWS))


def test_fast_sensors_leave_the_whole_offset_to_the_clock() -> None:
    assert clock_loss_s((0.0, 0.0, 0.0), [0.4]) == pytest.approx(0.2)
    assert clock_loss_s((1e-3, 1e-3, 0.0), [0.4]) == pytest.approx(0.2, rel=0.01)
    assert clock_loss_s((2e-4, 2e-4, 0.0), [0.4]) == pytest.approx(0.2, rel=0.001)
    assert clock_loss_s((1e-3, 1e-3, 0.0), [0.4, 0.4]) == pytest.approx(0.8 / 3, rel=0.01)


def test_a_clock_without_error_loses_nothing() -> None:
    assert clock_loss_s((0.1, 0.1, 0.0), []) == clock_loss_s((0.1, 0.1, 0.0), [0.0]) == 0.0
    assert clock_loss_s((), []) == 0.0


@pytest.mark.parametrize("widths", [(1.0,), (1.0, 1.0), (0.2, 3.0), (1.0, 1.0, 0.05), (1.0, 1.0, 6.0, 0.5)])
def test_mean_abs_of_rectangles(widths: tuple[float, ...]) -> None:
    rng = np.random.default_rng(3)
    x = sum(width * rng.uniform(-0.5, 0.5, 400_000) for width in widths)
    assert mean_abs(*widths) == pytest.approx(float(np.mean(np.abs(x))), rel=5e-3)
    assert mean_abs(0.0, *widths) == mean_abs(*widths)

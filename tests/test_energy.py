"""Energy of windows in closed form: what is exact, what is not covered, and what is refused."""

import math

import numpy as np
import pytest

from edgewatt.profiler.batch import Gap
from edgewatt.profiler.channel import Channel
from edgewatt.profiler.energy.flow import GAP_INTERVALS
from edgewatt.profiler.energy.windows import energy_of_windows, pooled
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.units import Quantity
from tests.energy_samples import AMPERE, JOULES, MS, POWER, VOLT, S, chunked, of_counter, of_power

# Closed forms


def test_constant_power() -> None:
    got = of_power(np.arange(11) * S, np.full(11, 2.5), [0, 500 * MS, 3 * S], [10 * S, 700 * MS, 3 * S + 1])
    assert got.energy_j == pytest.approx([25.0, 0.5, 2.5e-9])
    assert got.coverage.tolist() == [1.0, 1.0, 1.0]
    assert got.edge_loss_j.tolist() == [0.0, 0.0, 0.0]
    assert got.u_edge_j.tolist() == [0.0, 0.0, 0.0]
    assert got.updates.tolist() == [10, 0, 0]
    assert got.interval_s == 1.0


def test_ramp_is_exact_between_samples_too() -> None:
    t = np.arange(101) * 10 * MS
    t0, t1 = np.array([1, 3 * MS, 123_456_789]), np.array([S - 1, 995 * MS, 123_456_790])
    got = of_power(t, t / S * 4.0, t0, t1)
    assert got.energy_j == pytest.approx(2.0 * ((t1 / S) ** 2 - (t0 / S) ** 2), rel=1e-9)
    assert got.edge_loss_j == pytest.approx([0.0, 0.0, 0.0], abs=4.0 * 0.01**2 / 8)  # slope x interval^2


def test_volt_times_ampere_and_a_second_rail() -> None:
    columns = {VOLT.column: np.full(5, 4.0, np.float32), AMPERE.column: [0, 1, 2, 3, 4], POWER.column: np.ones(5)}
    got = energy_of_windows(chunked(np.arange(5) * S, columns), [(VOLT, AMPERE), (POWER,)], [S], [3 * S])
    assert got.energy_j == pytest.approx([4.0 * 4.0 + 2.0])


def test_step_between_samples_is_a_straight_line() -> None:
    got = of_power(np.arange(7) * S, [0, 0, 0, 6, 6, 6, 6], [0, 2 * S, 2_500 * MS], [6 * S, 3 * S, 3 * S])
    assert got.energy_j == pytest.approx([21.0, 3.0, 2.25])


def test_pulse_train() -> None:
    t = np.arange(0, 10 * S + 1, MS)
    power_w = 1.0 + 3.0 * (t // (100 * MS) % 2)
    got = of_power(t, power_w, [0], [10 * S])
    assert got.energy_j == pytest.approx([25.0], rel=2e-4)


def test_counter_difference_is_exact_at_its_updates() -> None:
    raw = np.cumsum([0, 1_000_000, 3_000_000, 500_000, 2_000_000])
    got = of_counter(np.arange(5) * S, raw, [0, S, 1_500 * MS], [4 * S, 3 * S, 3_500 * MS])
    assert got.energy_j == pytest.approx([6.5, 3.5, 3.0])
    assert got.updates.tolist() == [4, 2, 2]


def test_counter_that_repeats_its_value_is_followed_by_its_updates() -> None:
    raw = [7, 7, 7, 1007, 1007, 2007, 2007, 2007, 4007, 4007]
    got = of_counter(np.arange(10) * S, raw, [3 * S, 4 * S], [8 * S, 7 * S])
    assert got.energy_j == pytest.approx([3000e-6, 500e-6 + 2 / 3 * 2000e-6])
    assert got.updates.tolist() == [2, 1]


def test_nobody_knows_since_when_a_first_value_stood() -> None:
    got = of_counter(np.arange(4) * S, [7, 7, 1007, 2007], [0, 2 * S], [3 * S, 3 * S])
    assert got.coverage == pytest.approx([1 / 3, 1.0])
    assert math.isnan(got.energy_j[0])


def test_counter_wraps() -> None:
    channel = Channel("package-0", Quantity.ENERGY, "counter", scale=1e-6, counter_range=1000)
    got = of_counter(np.arange(4) * S, [900, 100, 300, 100 + 400], [0], [3 * S], channel=channel)
    assert got.energy_j == pytest.approx([600e-6])


def test_counter_that_restarted_is_a_gap_and_no_negative_energy() -> None:
    got = of_counter(np.arange(6) * S, [5000, 6000, 7000, 10, 20, 30], [0, 3 * S, 0], [5 * S, 5 * S, 2 * S])
    assert got.coverage == pytest.approx([0.8, 1.0, 1.0])
    assert math.isnan(got.energy_j[0])
    assert got.energy_j[1:] == pytest.approx([20e-6, 2000e-6])


def test_counter_bridges_a_gap_as_long_as_it_cannot_have_wrapped() -> None:
    t = np.array([0, 1, 2, 3, 103, 104]) * S
    raw = np.array([0, 10, 20, 30, 1030, 1040])
    gap = [Gap(3 * S + 1, 103 * S - 1, "unplugged")]
    for counter_range, covered in ((None, 1.0), (2**32, 1.0), (2001, 1.0), (1999, 0.04 / 1.04)):
        channel = Channel("x", Quantity.ENERGY, "counter", scale=1.0, counter_range=counter_range)
        got = of_counter(t, raw % (counter_range or 2**40), [0], [104 * S], channel=channel, gaps=gap, min_coverage=0)
        assert got.coverage == pytest.approx([covered]), counter_range
        assert got.energy_j == pytest.approx([1040.0 if covered == 1.0 else 40.0])


def test_charge_counter_times_voltage() -> None:
    charge = Channel("battery", Quantity.CHARGE, "counter", scale=1e-3)
    volt = Channel("battery", Quantity.VOLTAGE)
    columns = {charge.column: np.array([0, 1000, 2000, 3000]), volt.column: np.array([4.0, 4.0, 3.8, np.nan])}
    samples = chunked(np.arange(4) * S, columns)
    got = energy_of_windows(samples, [(charge, volt)], [0, 0], [2 * S, 3 * S])
    assert got.energy_j[0] == pytest.approx(4.0 + 3.9)
    assert math.isnan(got.energy_j[1])


def test_two_counters_of_one_stream_add_up() -> None:
    dram = Channel("dram-0", Quantity.ENERGY, "counter", scale=1e-3)
    columns = {JOULES.column: np.arange(2000) * 1_000_000, dram.column: np.arange(2000) // 7 * 7000}
    samples = chunked(np.arange(2000) * S, columns, [1, 3, 500])
    got = energy_of_windows(samples, [(JOULES,), (dram,)], [700 * S], [1400 * S])
    assert got.energy_j == pytest.approx([700 + 700])
    assert got.updates.tolist() == [100]


# What a sensor's averaging does to the place of its readings


def test_a_sensor_that_averages_since_its_last_reading_is_a_staircase() -> None:
    contiguous = Channel("rail", Quantity.POWER, period_s=1.0, window_s=1.0)
    got = of_power(
        np.arange(5) * S, [9, 1, 2, 3, 4], [0, S, 1_500 * MS], [4 * S, 2 * S, 2_500 * MS], channel=contiguous
    )
    assert got.energy_j == pytest.approx([10.0, 2.0, 2.5])


def test_a_long_average_speaks_of_the_middle_of_its_window() -> None:
    slow = Channel("rail", Quantity.POWER, window_s=4.0)
    t = np.arange(20) * S
    got = of_power(t, (t / S - 2.0) * 1.0, [3 * S], [9 * S], channel=slow)
    assert got.energy_j == pytest.approx([(81 - 9) / 2])


def test_readings_that_repeat_are_followed_by_their_changes() -> None:
    held = Channel("gpu", Quantity.POWER, period_s=0.1)
    t = np.arange(0, 10 * S, 20 * MS)
    true_w = np.where(t // (100 * MS) % 20 < 10, 50.0, 250.0) + t // (100 * MS) % 7
    got = of_power(t, true_w, [S], [9 * S], channel=held)
    assert got.interval_s == 0.1
    assert got.updates.tolist() == [80]
    assert got.energy_j == pytest.approx([8 * 153.0], rel=0.01)


def test_a_steady_sensor_that_is_read_too_often_still_updates() -> None:
    held = Channel("gpu", Quantity.POWER, period_s=0.1)
    for sizes in ((), (7, 50, 1, 33)):
        samples = chunked(np.arange(0, 10 * S, 20 * MS), {held.column: np.full(500, 5.0)}, sizes)
        got = energy_of_windows(samples, [(held,)], [S], [9 * S])
        assert got.energy_j == pytest.approx([40.0])
        assert got.updates.tolist() == [80]


# Gaps and what is not there


def test_not_measured_is_uncovered_and_not_zero() -> None:
    power_w = [1.0, 1.0, np.nan, 1.0, 1.0]
    got = of_power(np.arange(5) * S, power_w, [0, 0, 1_500 * MS, 3 * S], [4 * S, S, 1_600 * MS, 4 * S])
    assert got.coverage == pytest.approx([0.5, 1.0, 0.0, 1.0])
    assert np.isnan(got.energy_j).tolist() == [True, False, True, False]
    assert np.isnan(got.u_edge_j).tolist() == [True, False, True, False]


def test_infinite_is_not_measured() -> None:
    got = of_power(np.arange(5) * S, [1.0, np.inf, -np.inf, 1.0, 1.0], [0, 3 * S], [4 * S, 4 * S])
    assert got.coverage == pytest.approx([0.25, 1.0])
    assert got.energy_j[1] == pytest.approx(1.0)


def test_a_partly_covered_window_carries_its_coverage_and_is_not_scaled() -> None:
    power_w = [1.0, 1.0, np.nan, 1.0, 1.0]
    got = of_power(np.arange(5) * S, power_w, [0, 1_400 * MS], [4 * S, 1_600 * MS], min_coverage=0.4)
    assert got.energy_j[0] == pytest.approx(2.0)
    assert got.coverage == pytest.approx([0.5, 0.0])
    assert math.isnan(got.energy_j[1])


def test_a_recorded_gap_is_not_bridged() -> None:
    t = np.arange(11) * S
    gaps = [Gap(3 * S + 1, 4 * S - 1, "lost"), Gap(7 * S, 9 * S, "lost"), Gap(5 * S, 5 * S, "nothing")]
    got = of_power(t, np.ones(11), [0, 3 * S, 5 * S, 9 * S], [10 * S, 4 * S, 7 * S, 10 * S], gaps=gaps)
    assert got.coverage == pytest.approx([0.7, 0.0, 1.0, 1.0])


def test_a_long_silence_is_a_gap_that_nobody_recorded() -> None:
    t = np.array([0, 1, 2, 2 + GAP_INTERVALS, 3 + GAP_INTERVALS, 4 + 2 * GAP_INTERVALS]) * S
    got = of_power(t, np.ones(6), [0, 0], [3 * S, t[-1]], min_coverage=0)
    assert got.coverage == pytest.approx([1.0, (3 + GAP_INTERVALS) / (4 + 2 * GAP_INTERVALS)])


def test_windows_without_length_or_outside_of_the_trace() -> None:
    got = of_power(
        np.arange(5) * S, np.ones(5), [S, 3 * S, -9 * S, 9 * S, -S, 3 * S], [S, 2 * S, -8 * S, 10 * S, 2 * S, 9 * S]
    )
    assert np.isnan(got.energy_j).all()
    assert got.coverage == pytest.approx([0, 0, 0, 0, 2 / 3, 1 / 6])
    assert got.updates.tolist() == [0, 0, 0, 0, 3, 1]
    assert got.duration_s[1] == -1.0


@pytest.mark.parametrize("n", [0, 1])
def test_an_empty_trace_and_one_sample_say_nothing(n: int) -> None:
    for got in (
        of_power(np.arange(n) * S, np.ones(n), [0, 5], [S, 9]),
        of_counter(np.arange(n) * S, np.ones(n), [0, 5], [S, 9]),
        energy_of_windows([], [(POWER,)], [0, 5], [S, 9]),
    ):
        assert np.isnan(got.energy_j).all()
        assert got.coverage.tolist() == [0.0, 0.0]


def test_no_windows() -> None:
    assert len(of_power(np.arange(5) * S, np.ones(5), [], [])) == 0


def test_stamps_that_repeat_cost_nothing() -> None:
    got = of_power(np.array([0, 1, 1, 2, 3, 3]) * S, [1, 1, 5, 5, 5, 9], [0, S], [3 * S, 3 * S])
    assert got.energy_j == pytest.approx([11.0, 10.0])
    got = of_counter(np.array([0, 1, 1, 2, 3, 3]) * S, [0, 10, 20, 30, 40, 50], [0, S], [3 * S, 2 * S])
    assert got.energy_j == pytest.approx([40e-6, 20e-6])


def test_time_that_goes_back_is_refused() -> None:
    with pytest.raises(UsageError, match="goes back by 1000000000 ns at t_ns=2000000000"):
        of_power(np.array([0, 1, 2, 1, 3]) * S, np.ones(5), [0], [S])


@pytest.mark.parametrize(
    "term", [(), (VOLT,), (AMPERE,), (POWER, POWER), (JOULES, VOLT), (JOULES, JOULES), (Channel("e", Quantity.ENERGY),)]
)
def test_terms_that_give_no_joules_are_refused(term: tuple[Channel, ...]) -> None:
    with pytest.raises(UsageError, match="no joules can be formed"):
        energy_of_windows([], [term], [0], [1])


def test_starts_and_ends_have_to_pair() -> None:
    with pytest.raises(UsageError, match="as many starts as ends"):
        energy_of_windows([], [(POWER,)], [0, 1], [1])


# Pooling and undersampling


def test_short_windows_are_pooled() -> None:
    t = np.arange(101) * 10 * MS
    power_w = np.where(t // (50 * MS) % 2, 3.0, 1.0)
    t0 = np.arange(0, 1000, 5) * MS
    alone = of_power(t, power_w, t0, t0 + 5 * MS)
    assert alone.updates.max() < 2
    both = pooled(alone, np.arange(200) % 2, 3)
    assert both.energy_j[:2].sum() == pytest.approx(of_power(t, power_w, [0], [S]).energy_j[0])
    assert both.updates.tolist() == [0, 100, 0]
    assert both.duration_s == pytest.approx([0.5, 0.5, 0.0])
    assert both.coverage == pytest.approx([1.0, 1.0, 0.0])
    assert both.u_edge_j[0] == pytest.approx(np.sqrt(np.sum(alone.u_edge_j[::2] ** 2)))
    assert math.isnan(both.energy_j[2])


def test_a_refused_window_spoils_its_pool() -> None:
    alone = of_power(np.arange(5) * S, [1, 1, np.nan, 1, 1], [0, 2 * S, 3 * S], [S, 3 * S, 4 * S])
    both = pooled(alone, [0, 0, 1], 2)
    assert math.isnan(both.energy_j[0])
    assert both.energy_j[1] == pytest.approx(1.0)
    assert both.coverage == pytest.approx([0.5, 1.0])


def test_sampling_term_is_the_error_of_a_mean() -> None:
    rng = np.random.default_rng(2)
    t, power_w = np.arange(10_001) * 10 * MS, rng.choice([1.0, 5.0], 10_001)
    t0 = np.arange(0, 100, 10) * S
    got = of_power(t, power_w, t0, t0 + 10 * S, spread=True)
    inside = [power_w[(t > a) & (t <= a + 10 * S)] for a in t0]
    assert got.u_sampling_j == pytest.approx([10.0 * p.std(ddof=1) / math.sqrt(len(p)) for p in inside], rel=1e-6)
    assert np.std(got.energy_j - 30.0) == pytest.approx(np.mean(got.u_sampling_j), rel=0.5)


def test_sampling_term_skips_what_was_not_measured() -> None:
    power_w = [np.nan, 1.0, 3.0, np.nan, 5.0, 1.0]
    got = of_power(np.arange(6) * S, power_w, [0, 4 * S], [5 * S, 5 * S], spread=True, min_coverage=0)
    assert got.u_sampling_j is not None
    assert got.u_sampling_j[0] == pytest.approx(5 * np.std([1, 3, 5, 1], ddof=1) / 2)
    assert math.isnan(got.u_sampling_j[1])


def test_no_sampling_term_for_what_sees_everything() -> None:
    contiguous = Channel("rail", Quantity.POWER, window_s=1.0)
    assert of_power(np.arange(5) * S, np.ones(5), [0], [S], channel=contiguous, spread=True).u_sampling_j is None
    assert of_counter(np.arange(5) * S, np.arange(5), [0], [S], spread=True).u_sampling_j is None

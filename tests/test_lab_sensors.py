"""What simulated sensors show, against the power that they look at."""

import math
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewatt.virtual_lab.clocks import Oscillator
from edgewatt.virtual_lab.power.load import bursts, loop, pulses
from edgewatt.virtual_lab.power.reference import reference_phone
from edgewatt.virtual_lab.power.timeline import Timeline
from edgewatt.virtual_lab.sensors.battery import Battery
from edgewatt.virtual_lab.sensors.counters import (
    ChargeCounter,
    ChargeCounterModel,
    EnergyCounter,
    EnergyCounterModel,
)
from edgewatt.virtual_lab.sensors.gauges import Gauge, GaugeModel
from edgewatt.virtual_lab.sensors.updates import Updates

S = 1_000_000_000
MS = 1_000_000
BIG = "cpu-cluster-2"
END = 60 * S
EVERY_MS = np.arange(0, END, MS)


def new_phone() -> Timeline:
    timeline = Timeline(reference_phone())
    begin_ns, end_ns = loop(np.random.default_rng(0), 5 * S, 4000, latency_s=0.007, spread=0.05, gap_s=0.002)
    timeline.record(
        pulses("inference", begin_ns, end_ns),
        bursts(np.random.default_rng(1), "background", 0, END, rate_hz=3.0, length_s=0.05),
    )
    return timeline


phone = cache(new_phone)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def gauge(timeline: Timeline, seed: int = 0, **model: object) -> Gauge:
    """An error-free gauge of the battery's power every 100 ms, but for what is said."""
    given: dict[str, object] = {"quantity": "power_w", "source": "battery", "updates": Updates(0.1), **model}
    return Gauge(GaugeModel(**given), timeline, rng(seed), Battery())  # type: ignore[arg-type]


def test_a_reading_is_the_latest_update_before_it() -> None:
    timeline = phone()
    one = gauge(timeline, updates=Updates(0.1, jitter_s=0.02), window_s=0.05)
    measured_ns, shown_w = one.measured_ns(EVERY_MS), one.read(EVERY_MS)
    updates_ns = np.unique(measured_ns)
    assert (measured_ns <= EVERY_MS).all()
    assert measured_ns.tolist() == updates_ns[np.searchsorted(updates_ns, EVERY_MS, side="right") - 1].tolist()
    assert (np.abs(np.diff(updates_ns) - 100 * MS) <= 40 * MS).all()
    assert np.diff(updates_ns).std() > 5 * MS
    mean_w = timeline.energy_j(measured_ns - 50 * MS, measured_ns, "battery") / 0.05
    np.testing.assert_allclose(shown_w, mean_w, rtol=1e-12)


def test_a_point_sensor_shows_the_power_of_its_instant_and_a_slow_one_that_of_before() -> None:
    timeline = phone()
    point, slow = gauge(timeline), gauge(timeline, delay_s=0.03)
    np.testing.assert_allclose(
        point.read(EVERY_MS), timeline.power_w(point.measured_ns(EVERY_MS), "battery"), rtol=1e-12
    )
    before_ns = slow.measured_ns(EVERY_MS) - 30 * MS
    np.testing.assert_allclose(slow.read(EVERY_MS), timeline.power_w(before_ns, "battery"), rtol=1e-12)


def test_a_gauge_that_updates_every_10_s_has_six_values_in_a_minute() -> None:
    assert len(np.unique(gauge(phone(), updates=Updates(10.0), window_s=1.0).read(EVERY_MS))) in (6, 7)


@settings(max_examples=40)
@given(st.integers(0, 2**32))
def test_the_mean_of_a_long_window_is_the_truth_with_gain_and_offset(seed: int) -> None:
    timeline = phone()
    one = gauge(
        timeline, seed, updates=Updates(0.1), window_s=0.1, gain_sd=0.05, offset_sd=0.05, noise_sd=0.2, lsb=0.001
    )
    first_ns, last_ns = (int(ns) for ns in one.measured_ns([5 * S, 59 * S]))
    updates_ns = np.unique(one.measured_ns(np.arange(first_ns + MS, last_ns + MS, MS)))[1:]
    truth_w = float(timeline.energy_j(updates_ns[0] - 100 * MS, updates_ns[-1], "battery")) / (len(updates_ns) * 0.1)
    assert one.read(updates_ns).mean() == pytest.approx(truth_w * one.gain + one.offset, abs=5 * 0.2 / math.sqrt(540))
    assert one.gain != 1.0
    assert abs(one.gain - 1.0) < 0.5


def test_gains_and_offsets_have_the_spread_that_is_stated() -> None:
    timeline = phone()
    drawn = [gauge(timeline, seed, gain_sd=0.02, offset_sd=0.1) for seed in range(400)]
    gains, offsets = np.array([one.gain for one in drawn]), np.array([one.offset for one in drawn])
    assert gains.mean() == pytest.approx(1.0, abs=4 * 0.02 / 20)
    assert gains.std() == pytest.approx(0.02, rel=0.15)
    assert offsets.std() == pytest.approx(0.1, rel=0.15)


@given(st.sampled_from([0.001, 0.0025, 0.1, 1.0]), st.sampled_from([1.0, 1e3, 1e6]), st.sampled_from([1, -1]))
def test_steps_bound_the_error_of_rounding(lsb: float, scale: float, sign: int) -> None:
    timeline, t_ns = phone(), np.arange(0, END, 100 * MS)
    exact = gauge(timeline, window_s=0.1)
    rough = gauge(timeline, window_s=0.1, lsb=lsb, sign=sign, scale=scale)
    error_w = rough.read(t_ns) * sign / scale - exact.read(t_ns)
    assert np.abs(error_w).max() <= lsb / 2 * (1 + 1e-9)
    steps = rough.read(t_ns) / (lsb * scale)
    assert steps == pytest.approx(np.rint(steps), abs=1e-6)


def test_a_gauge_saturates() -> None:
    shown_w = gauge(phone(), low=0.6, high=2.0).read(EVERY_MS)
    assert shown_w.min() == 0.6
    assert shown_w.max() == 2.0


def test_a_lag_is_a_low_pass_that_keeps_the_mean() -> None:
    timeline = phone()
    quick, lagging = gauge(timeline, window_s=0.1), gauge(timeline, window_s=0.1, lag_s=2.0)
    level_w = quick.read(np.arange(20 * S, 35 * S, 100 * MS)).mean()
    assert lagging.read(7 * S) < 0.8 * level_w
    assert lagging.read(30 * S) == pytest.approx(level_w, rel=0.02)
    assert np.diff(lagging.read(EVERY_MS)).std() < np.diff(quick.read(EVERY_MS)).std() / 5


def test_current_times_voltage_is_the_power() -> None:
    timeline = phone()
    amperes = gauge(timeline, quantity="current_a", window_s=0.1).read(EVERY_MS)
    volts = gauge(timeline, quantity="voltage_v", window_s=0.1).read(EVERY_MS)
    watts = gauge(timeline, window_s=0.1).read(EVERY_MS)
    np.testing.assert_allclose(amperes * volts, watts, rtol=1e-9)
    assert 3.5 < volts.min() < volts.max() < 4.35
    assert volts[watts > 3].mean() < volts[watts < 1].mean()
    micro = gauge(timeline, quantity="current_a", window_s=0.1, sign=-1, scale=1e6, whole=True).read(EVERY_MS)
    assert np.abs(micro + amperes * 1e6).max() <= 0.5


def test_a_temperature_has_its_own_steps() -> None:
    timeline = phone()
    shown = gauge(timeline, quantity="temperature_c", source="soc", lsb=0.1, scale=10.0, whole=True).read(EVERY_MS)
    assert (shown == np.rint(shown)).all()
    assert np.abs(shown / 10 - timeline.temperature_c(EVERY_MS, "soc")).max() < 1.0
    assert shown.max() > shown.min() + 50


def test_drop_outs_and_stuck_values_come_as_often_as_stated() -> None:
    timeline = phone()
    one = gauge(timeline, updates=Updates(0.01, drop_out=0.1, stick=0.02, stuck_updates=10), noise_sd=0.01)
    at_ns = np.arange(0, END, 10 * MS) + 5 * MS
    shown, measured_ns = one.read(at_ns), one.measured_ns(at_ns)
    assert np.isnan(shown).mean() == pytest.approx(0.1, abs=0.02)
    stuck = at_ns - measured_ns > 10 * MS
    assert stuck.mean() == pytest.approx(1 - 0.98**10, abs=0.06)
    assert len(np.unique(shown[~np.isnan(shown)])) <= len(np.unique(measured_ns))
    for first in np.flatnonzero(np.diff(stuck.astype(int)) == 1)[:20]:
        values = shown[first : first + 10]
        assert len(np.unique(values[~np.isnan(values)])) <= 1


def test_readings_do_not_depend_on_how_they_are_asked_for() -> None:
    model = {
        "updates": Updates(0.05, 0.01, 0.01, 0.05, 0.01),
        "gain_sd": 0.1,
        "noise_sd": 0.1,
        "lag_s": 0.2,
        "window_s": 0.02,
    }
    at_once = gauge(new_phone(), 5, **model).read(EVERY_MS)
    slowly = gauge(new_phone(), 5, **model)
    one_by_one = np.concatenate([slowly.read(part) for part in np.array_split(EVERY_MS, 97)])
    assert np.array_equal(np.isnan(at_once), np.isnan(one_by_one))
    np.testing.assert_allclose(at_once, one_by_one, rtol=1e-9)
    assert np.array_equal(slowly.read(EVERY_MS), one_by_one, equal_nan=True)
    assert not np.array_equal(gauge(new_phone(), 6, **model).read(EVERY_MS), at_once, equal_nan=True)


def test_an_energy_counter_counts_what_flowed_and_stamps_it_in_its_own_time() -> None:
    timeline, base = phone(), Oscillator(0, 251_741_617 * MS, 50.0)
    model = EnergyCounterModel(BIG, Updates(0.032, jitter_s=0.002), start=30_203_502)
    counter = EnergyCounter(model, timeline, rng(), lambda t_ns: base.at(t_ns) // MS)
    count, measured_ns = counter.read(EVERY_MS), counter.measured_ns(EVERY_MS)
    assert count.readable.all()
    assert count.raw.dtype == np.int64
    assert (np.diff(count.raw) >= 0).all()
    truth = timeline.energy_j(0, np.maximum(measured_ns, 0), BIG) * 1e6
    assert np.abs(count.raw - 30_203_502 - truth + 0.5).max() <= 0.5001
    assert count.stamp.tolist() == (base.at(measured_ns) // MS).tolist()


def test_a_counter_wraps_and_has_a_gain_and_an_offset() -> None:
    timeline = phone()
    model = EnergyCounterModel(BIG, Updates(0.032), gain_sd=0.05, offset_w_sd=0.01, wraps_at=10_000_000)
    counter = EnergyCounter(model, timeline, rng(3))
    raw, measured_ns = counter.read(EVERY_MS).raw, counter.measured_ns(EVERY_MS)
    steps = np.diff(raw)
    assert raw.max() < 10_000_000
    assert (steps < 0).sum() >= 2
    counted = np.cumsum(np.where(steps < 0, steps + 10_000_000, steps))[-1] * 1e-6
    truth_j = float(timeline.energy_j(max(int(measured_ns[0]), 0), measured_ns[-1], BIG))
    lasted_s = (measured_ns[-1] - max(int(measured_ns[0]), 0)) * 1e-9
    assert counted == pytest.approx(counter.gain * truth_j + counter.offset_w * lasted_s, abs=1e-5)


def test_a_counter_that_drops_out_says_so() -> None:
    count = EnergyCounter(EnergyCounterModel(BIG, Updates(0.032, drop_out=0.2)), phone(), rng()).read(EVERY_MS)
    assert 0.7 < count.readable.mean() < 0.9


def test_a_charge_counter_falls_in_coarse_steps_by_the_charge_that_flowed() -> None:
    timeline, battery = phone(), Battery(capacity_c=400.0)
    model = ChargeCounterModel("battery", Updates(0.25), step=100)
    counter = ChargeCounter(model, timeline, rng(), battery)
    left = counter.read(EVERY_MS)
    assert (np.diff(left) <= 0).all()
    assert (left % 100 == 0).all()
    used_j = timeline.total_j(EVERY_MS, "battery")
    charge_c = np.sum(battery.current_a(timeline.power_w(EVERY_MS, "battery"), used_j)) * 1e-3
    assert (left[0] - left[-1]) * 3.6e-3 == pytest.approx(charge_c, abs=0.36 + 0.4)
    assert 0.8 * 400.0 / 3.6e-3 - 100 <= left[0] <= 0.8 * 400.0 / 3.6e-3


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="early or late"):
        Updates(0.1, jitter_s=0.03)
    with pytest.raises(ValueError, match="needs a battery"):
        Gauge(GaugeModel("current_a", "battery", Updates(0.1)), phone(), rng()).read(S)

"""The clocks of a simulated device, there and back."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.virtual_lab.clocks import (
    ClockSpread,
    DeviceClocks,
    Oscillator,
    Slew,
    Step,
    Suspension,
    drawn_clocks,
)

S = 1_000_000_000
HOUR = 3600 * S
instants = st.lists(st.integers(0, 10 * HOUR), min_size=1, max_size=30).map(lambda t: np.array(sorted(t), np.int64))
oscillators = st.builds(
    Oscillator,
    st.integers(0, 10 * HOUR),
    st.integers(0, 10**15),
    st.floats(-200.0, 200.0),
    st.floats(-20.0, 20.0),
)


def clocks() -> DeviceClocks:
    return DeviceClocks(
        Oscillator(5 * S, 1000 * S, -30.0, 2.0),
        epoch_ns=1_760_000_000 * S,
        slews=(Slew(100 * S, 50.0, 500.0), Slew(400 * S, 10.0, -500.0)),
        steps=(Step(200 * S, -3 * S), Step(300 * S, 7 * S)),
        suspensions=(Suspension(120 * S, 150 * S), Suspension(500 * S, 501 * S)),
        bases=(Oscillator(0, 251_741_617_000_000, 12.0), Oscillator(0, 16_086_645_000_000, -40.0)),
    )


@given(oscillators, instants)
def test_an_oscillator_reads_what_it_is_told_and_can_be_read_backwards(one: Oscillator, t_ns: np.ndarray) -> None:
    reading_ns = one.at(t_ns)
    back_ns = one.when(reading_ns)
    assert reading_ns.dtype == np.int64
    assert (np.diff(reading_ns) >= 0).all()
    assert np.abs(back_ns - t_ns).max() <= 1
    assert (one.at(back_ns) == reading_ns).all()
    assert (one.at(back_ns - 1) < reading_ns).all()


def test_drift_is_in_parts_per_million_and_changes_slowly() -> None:
    one = Oscillator(10 * S, 77, 20.0, 6.0)
    assert one.at(10 * S) == 77
    assert one.at(10 * S + HOUR) == 77 + HOUR + round((20.0 + 3.0) * 1e-6 * HOUR)
    assert one.at(10 * S + 2 * HOUR) - one.at(10 * S + HOUR) == HOUR + round((20.0 + 9.0) * 1e-6 * HOUR)


@given(instants)
def test_boottime_and_monotonic_can_be_read_backwards(t_ns: np.ndarray) -> None:
    device = clocks()
    assert np.abs(device.when_boottime(device.boottime_ns(t_ns)) - t_ns).max() <= 1
    back_ns = device.when_monotonic(device.monotonic_ns(t_ns))
    asleep = np.zeros(t_ns.shape, bool)
    for one in device.suspensions:
        asleep |= (t_ns > one.t0_ns) & (t_ns <= one.t1_ns)
        inside = (t_ns > one.t0_ns) & (t_ns <= one.t1_ns)
        assert np.abs(back_ns[inside] - one.t0_ns).max(initial=0) <= 1
    assert np.abs(back_ns - t_ns)[~asleep].max(initial=0) <= 1


def test_monotonic_stands_still_while_the_device_sleeps() -> None:
    device = clocks()
    t_ns = np.array([119, 120, 135, 150, 151]) * S
    monotonic_s = device.monotonic_ns(t_ns) / S
    assert np.diff(monotonic_s) == pytest.approx([1.0, 0.0, 0.0, 1.0], abs=1e-3)
    assert np.diff(device.boottime_ns(t_ns)) / S == pytest.approx([1.0, 15.0, 15.0, 1.0], abs=1e-2)
    assert (device.monotonic_ns(t_ns) <= device.boottime_ns(t_ns)).all()


def test_the_wall_clock_is_stepped_and_slewed_and_the_others_are_only_slewed() -> None:
    device = clocks()
    apart_ns = device.realtime_ns([199 * S, 200 * S, 299 * S, 300 * S]) - device.boottime_ns(
        [199 * S, 200 * S, 299 * S, 300 * S]
    )
    assert ((apart_ns - device.epoch_ns) // S).tolist() == [0, -3, -3, 4]
    still = replace(device, slews=())
    slewed_ns = device.boottime_ns([100 * S, 110 * S, 150 * S, 450 * S]) - still.boottime_ns(
        [100 * S, 110 * S, 150 * S, 450 * S]
    )
    assert slewed_ns.tolist() == [0, 5_000_000, 25_000_000, 20_000_000]


def test_uptime_has_steps_of_ten_milliseconds_and_rails_have_their_own_time() -> None:
    device, t_ns = clocks(), np.arange(0, 20 * S, 1_234_567)
    error_ns = device.boottime_ns(t_ns) - device.uptime_ns(t_ns)
    assert (device.uptime_ns(t_ns) % 10_000_000 == 0).all()
    assert error_ns.min() >= 0
    assert error_ns.max() < 10_000_000
    first, second = device.base_ms(0, t_ns), device.base_ms(1, t_ns)
    assert first[0] == 251_741_617
    assert second[0] == 16_086_645
    assert first[-1] - first[0] == pytest.approx(t_ns[-1] / 1e6, abs=1.5)


def test_what_happens_later_leaves_the_past_as_it_was() -> None:
    device, before_ns = clocks(), np.arange(0, 600 * S, S)
    later = replace(
        device,
        suspensions=(*device.suspensions, Suspension(600 * S, 700 * S)),
        steps=(*device.steps, Step(650 * S, S)),
        slews=(*device.slews, Slew(610 * S, 90.0, 500.0)),
    )
    for name in ("boottime_ns", "monotonic_ns", "realtime_ns", "uptime_ns"):
        assert getattr(later, name)(before_ns).tolist() == getattr(device, name)(before_ns).tolist()
        assert getattr(later, name)(800 * S) != getattr(device, name)(800 * S)


def test_a_seed_decides_the_clocks() -> None:
    one, same, other = (drawn_clocks(np.random.default_rng(seed), 3 * S) for seed in (1, 1, 2))
    assert one == same
    assert one != other
    many = [drawn_clocks(np.random.default_rng(seed), 0, ClockSpread(drift_ppm_sd=15.0)) for seed in range(300)]
    assert np.std([device.oscillator.drift_ppm for device in many]) == pytest.approx(15.0, rel=0.15)
    assert all(60 * S <= device.boottime_ns(0) <= 10**6 * S for device in many)
    assert len({base.reading_ns for base in one.bases}) == 2


def test_one_instant_and_many_give_the_same() -> None:
    device, t_ns = clocks(), np.array([[0, 130 * S], [310 * S, 900 * S]])
    for name in ("boottime_ns", "monotonic_ns", "realtime_ns", "uptime_ns", "when_boottime", "when_monotonic"):
        together = getattr(device, name)(t_ns)
        assert together.shape == (2, 2)
        assert together.tolist() == [[int(getattr(device, name)(int(t))) for t in row] for row in t_ns]

"""What a resistor, or nothing at all, shows of a meter."""

import numpy as np
import pytest

from edgewatt.commands.meter_check import _of_check
from edgewatt.profiler.channel import Accuracy
from edgewatt.profiler.errors import DeviceError, NotMeasuredError
from edgewatt.profiler.meter_check import Floats, Looked, check_nothing, check_resistor, mean_of

N = 20_000
OHM, VOLT = 10.0, 4.0


def looked(seed: int, *, gain: float = 1.0, offset_a: float = 0.0, stated: Accuracy | None = None) -> Looked:
    """A meter whose samples are noisy, with a resistor of 10 ohm at 4 V."""
    rng = np.random.default_rng(seed)
    volt = VOLT + rng.normal(0, 1e-3, N)
    return Looked(volt, gain * volt / OHM + offset_a + rng.normal(0, 1e-3, N), None, stated)


def nothing(seed: int, offset_a: float, stated: Accuracy | None = None) -> Looked:
    return Looked(None, np.random.default_rng(seed).normal(offset_a, 1e-4, N), None, stated)


def test_ohms_law_stands_beside_what_was_measured() -> None:
    found = check_resistor(looked(0, gain=1.02), OHM, 0.001)
    assert found.expected_a == pytest.approx(VOLT / OHM, rel=1e-4)
    assert found.expected_w == pytest.approx(VOLT**2 / OHM, rel=1e-4)
    assert found.ampere.mean == pytest.approx(1.02 * VOLT / OHM, rel=1e-4)
    assert found.watt.mean == pytest.approx(1.02 * VOLT**2 / OHM, rel=1e-4)
    assert found.ampere.noise == pytest.approx(1e-3, rel=0.05)
    assert found.gain.value == pytest.approx(0.02, abs=1e-4)


def test_the_interval_covers_the_gain_as_often_as_it_says() -> None:
    """Resistors drawn within their tolerance, on meters with noise: the gain of the meter is 1."""
    rng, covered = np.random.default_rng(3), 0
    for seed in range(200):
        tolerance = 1e-3
        drawn = Looked(*_with(OHM * (1 + rng.uniform(-tolerance, tolerance)), seed))
        gain = check_resistor(drawn, OHM, tolerance).gain
        covered += gain.low <= 0 <= gain.high
    # A rectangle is narrower than the normal distribution that its standard deviation is taken for.
    assert 180 <= covered <= 200


def _with(ohm: float, seed: int) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    volt = np.full(2000, VOLT)
    return volt, volt / ohm + rng.normal(0, 0.02, 2000)


def test_a_resistors_tolerance_is_in_the_interval() -> None:
    narrow, wide = (check_resistor(looked(1), OHM, tolerance).gain for tolerance in (0.0001, 0.05))
    assert wide.high - wide.low == pytest.approx(2 * 1.96 * 0.05 / 3**0.5, rel=0.01)
    assert narrow.high - narrow.low < 0.001


@pytest.mark.parametrize(("gain", "verdict"), [(1.005, "within"), (1.05, "outside")])
def test_it_is_held_against_what_is_stated(gain: float, verdict: str) -> None:
    found = check_resistor(looked(2, gain=gain, stated=Accuracy(0.005, 0.0, "a data sheet")), OHM, 0.001)
    assert found.gain.verdict == verdict
    assert found.gain.stated == pytest.approx(1.96 * 0.005, rel=1e-3)


def test_where_nobody_states_anything_it_says_what_could_be_stated() -> None:
    found = check_resistor(looked(2, gain=1.03), OHM, 0.02)
    assert (found.gain.verdict, found.gain.stated) == ("unknown", None)
    assert found.gain.follows == pytest.approx(np.hypot(0.03, 0.02 / 3**0.5), rel=0.01)


def test_the_offset_with_nothing_connected() -> None:
    offset = check_nothing(nothing(0, 2e-4)).offset
    assert offset.low < 2e-4 < offset.high
    assert offset.high - offset.low < 1e-5
    assert offset.follows == pytest.approx(2e-4, rel=0.02)


@pytest.mark.parametrize(("offset_a", "verdict"), [(1e-4, "within"), (1e-3, "outside")])
def test_an_offset_is_held_against_what_is_stated(offset_a: float, verdict: str) -> None:
    found = check_nothing(nothing(1, offset_a, Accuracy(0.01, 2e-4, "a data sheet")))
    assert found.offset.verdict == verdict


@pytest.mark.parametrize(("offset_a", "is_zero"), [(2e-4, True), (-0.4, False), (0.4, False)])
def test_what_draws_current_is_no_zero_point(offset_a: float, *, is_zero: bool) -> None:
    text = "\n".join(_of_check(check_nothing(nothing(0, offset_a)), assumed=False))
    assert ("something draws it" in text) is not is_zero
    assert ("could state current_offset_a" in text) is is_zero


def test_power_at_zero_load_is_that_of_the_offset() -> None:
    volt = np.full(N, VOLT)
    found = check_nothing(Looked(volt, np.full(N, 1e-3)))
    assert found.watt is not None
    assert found.watt.mean == pytest.approx(4e-3)
    assert (found.ampere.noise, found.offset.low, found.offset.high) == pytest.approx((0, 1e-3, 1e-3), abs=1e-12)


def test_another_wiring_is_no_gain() -> None:
    with pytest.raises(DeviceError, match="output is off"):
        check_resistor(Looked(np.zeros(N), np.zeros(N)), OHM, 0.01)
    with pytest.raises(DeviceError, match="is connected to this channel"):
        check_resistor(Looked(np.full(N, VOLT), np.full(N, 1e-6)), OHM, 0.01)


def test_what_a_resistor_cannot_tell_is_not_measured() -> None:
    with pytest.raises(NotMeasuredError, match="voltage"):
        check_resistor(Looked(None, np.ones(N)), OHM, 0.01)
    with pytest.raises(NotMeasuredError, match="39 samples came"):
        mean_of(np.append(np.ones(39), np.nan))


def test_blocks_see_what_single_samples_do_not() -> None:
    """A meter that drifts has fewer independent samples than it gives."""
    slow = np.sin(np.linspace(0, 7, N))
    assert mean_of(slow).u > 5 * slow.std() / N**0.5

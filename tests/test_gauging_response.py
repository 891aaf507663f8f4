"""Lag, window, unit and sign of drawn sensors, by pulses of load; the line of one against a meter."""

from typing import Any

import numpy as np
import pytest

from edgewatt.profiler.channel import Accuracy
from edgewatt.profiler.gauging.against import Line, line_of
from edgewatt.profiler.gauging.found import Found, Undecided
from edgewatt.profiler.gauging.gauged import Gauged, gauged, limits_for, readings_of
from edgewatt.profiler.gauging.meaning import Meaning
from edgewatt.profiler.gauging.updates import Updates, updates_of
from tests.gauge_series import Sensor, Shown, shown

VOLT = 4.0
# In the suite; `long` has hundreds.
FEW, MANY = 4, 200


def look(seed: int, **fixed: Any) -> tuple[Sensor, Gauged]:
    rng = np.random.default_rng(seed)
    sensor = Sensor.drawn(rng, **fixed)
    seen = shown(sensor, rng)
    return sensor, gauged(seen.t_s, seen.raw, seen.begin_s, seen.end_s)


def holds(found: Found | Undecided, truth: float) -> bool | None:
    return found.low <= truth <= found.high if isinstance(found, Found) else None


def never_wrong(sensor: Sensor, found: Gauged) -> bool:
    """True if unit and sign were found; a wrong one fails."""
    if not isinstance(found.meaning, Meaning):
        return False
    assert (found.meaning.scale, found.meaning.sign) == (sensor.scale, sensor.sign)
    return True


@pytest.mark.parametrize("seed", range(FEW))
def test_unit_and_sign_of_a_drawn_sensor(seed: int) -> None:
    sensor, found = look(seed)
    assert never_wrong(sensor, found)
    assert isinstance(found.lag, Found)
    assert abs(found.lag.value - sensor.lag_s) < 0.15 * sensor.period_s


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_intervals_of_period_lag_and_window_hold() -> None:
    held: dict[str, list[bool | None]] = {"period": [], "lag": [], "window": []}
    told = 0
    for seed in range(MANY):
        sensor, found = look(seed)
        told += never_wrong(sensor, found)
        held["period"].append(holds(found.period, sensor.period_s))
        held["lag"].append(holds(found.lag, sensor.lag_s))
        held["window"].append(holds(found.window, sensor.window_s))
    assert told >= 0.95 * MANY
    for name, of in held.items():
        known = [one for one in of if one is not None]
        assert len(known) >= 0.8 * MANY, name
        assert 0.9 <= np.mean(known) <= 0.99, name


@pytest.mark.parametrize("scale", [1e-6, 1e-3])
def test_a_load_that_does_not_show_is_refused(scale: float) -> None:
    _, found = look(1, sees_load=False, scale=scale, step_counts=1, noise_a=0.003)
    assert isinstance(found.meaning, Undecided)
    assert isinstance(found.lag, Undecided)


def metered(seed: int, **fixed: Any) -> tuple[Sensor, float, float, Line | Undecided]:
    """A drawn sensor, gain and zero against a drawn meter, and what was found."""
    rng = np.random.default_rng(seed)
    sensor = Sensor.drawn(rng, **fixed)
    seen = shown(sensor, rng)
    gain, zero_a = 1 + 0.005 * rng.normal(), 0.0002 * rng.normal()
    power_w = VOLT * (seen.true_a * gain + zero_a + 0.002 * rng.normal(size=len(seen.true_a)))
    found = line_between(sensor, seen, seen.true_t_s + 0.01 * rng.normal(), power_w)
    return sensor, sensor.gain / gain, VOLT * (sensor.zero_a - sensor.gain * zero_a / gain), found


def line_between(sensor: Sensor, seen: Shown, meter_s: Any, power_w: Any) -> Line | Undecided:
    updates = updates_of(seen.t_s, seen.raw)
    assert isinstance(updates, Updates)
    readings = readings_of(updates, updates.value * sensor.sign * sensor.scale * VOLT)
    stated = Accuracy(0.005, 0.0002 * VOLT, "a data sheet")
    return line_of(readings, meter_s, power_w, limits_for(updates, -0.1), stated)


@pytest.mark.parametrize("seed", range(FEW))
def test_gain_against_a_meter(seed: int) -> None:
    sensor, gain, _, found = metered(seed)
    assert isinstance(found, Line)
    assert found.gain.value == pytest.approx(gain, abs=0.03)
    assert found.gain_true is not None
    assert found.gain_true.u >= 0.005 * sensor.gain * 0.99


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_intervals_of_gain_and_zero_hold() -> None:
    held: dict[str, list[bool]] = {"gain": [], "zero": [], "true gain": [], "true zero": []}
    for seed in range(MANY):
        sensor, gain, zero_w, found = metered(seed)
        if isinstance(found, Undecided):
            continue
        held["gain"].append(bool(holds(found.gain, gain)))
        held["zero"].append(bool(holds(found.zero, zero_w)))
        assert found.gain_true is not None
        assert found.zero_true is not None
        held["true gain"].append(bool(holds(found.gain_true, sensor.gain)))
        held["true zero"].append(bool(holds(found.zero_true, sensor.zero_a * VOLT)))
    for name, of in held.items():
        assert len(of) >= 0.8 * MANY, name
        assert 0.9 <= np.mean(of) <= (0.99 if name in ("gain", "zero") else 1.0), name


def test_a_meter_on_another_phone_is_refused() -> None:
    rng = np.random.default_rng(5)
    sensor = Sensor()
    seen, other = shown(sensor, rng), shown(sensor, rng)
    found = line_between(sensor, seen, other.true_t_s, VOLT * other.true_a)
    assert isinstance(found, Undecided)
    assert "feeds something else" in found.reason


def test_a_point_sensor_sees_two_levels_and_what_lies_between_is_assumed() -> None:
    _, _, _, found = metered(2, window_s=0.0, heat=0.0, noise_a=0.0005, period_s=0.5)
    assert isinstance(found, Line)
    assert found.levels == 2
    assert found.gain_true is not None
    assert found.gain_true.u > 0.01 * abs(found.gain.value)

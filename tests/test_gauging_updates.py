"""When a sensor gives new values, in which steps, and what its counts mean."""

from dataclasses import replace

import numpy as np
import pytest

from edgewatt.profiler.gauging.found import Found, Undecided
from edgewatt.profiler.gauging.meaning import STEP_A, Meaning, meaning_of
from edgewatt.profiler.gauging.resolution import resolution_of
from edgewatt.profiler.gauging.updates import Updates, updates_of
from tests.gauge_series import Floats, Sensor, shown


def around(value: float) -> Found:
    return Found(value, value * 0.99, value * 1.01, abs(value) * 0.005)


@pytest.mark.parametrize("period_s", [0.25, 1.0, 3.0])
def test_a_regular_sensor_has_its_period_within_the_interval(period_s: float) -> None:
    rng = np.random.default_rng(7)
    seen = shown(Sensor(period_s=period_s), rng)
    found = updates_of(seen.t_s, seen.raw)
    assert isinstance(found, Updates)
    assert isinstance(found.period, Found)
    assert found.is_regular
    assert found.period.low <= period_s <= found.period.high
    assert found.period.high - found.period.low < 2e-3 * period_s


@pytest.mark.parametrize("drifts", [False, True])
def test_one_that_is_early_and_late_has_a_mean_period(*, drifts: bool) -> None:
    seen = shown(Sensor(jitter_s=0.06, drifts=drifts), np.random.default_rng(3))
    found = updates_of(seen.t_s, seen.raw)
    assert isinstance(found, Updates)
    assert isinstance(found.period, Found)
    assert not found.is_regular
    assert found.period.low <= 1.0 <= found.period.high


def test_torn_reads_are_no_updates() -> None:
    rng = np.random.default_rng(1)
    seen = shown(Sensor(), rng)
    raw = np.where(rng.random(len(seen.raw)) < 0.03, 17.0, seen.raw)
    found = updates_of(seen.t_s, raw)
    assert isinstance(found, Updates)
    assert isinstance(found.period, Found)
    assert found.period.low <= 1.0 <= found.period.high
    assert 17.0 not in found.value


def test_one_that_never_changes_and_one_that_always_does_have_no_period() -> None:
    t_s: Floats = np.linspace(0, 10, 201)[:-1]
    stuck = updates_of(t_s, np.full(200, 5.0))
    assert isinstance(stuck, Undecided)
    assert "changed 0 times in 10 s" in stuck.reason
    assert isinstance(updates_of(t_s, np.full(200, np.nan)), Undecided)
    fast = updates_of(t_s, np.random.default_rng(0).permutation(200).astype(float))
    assert isinstance(fast, Updates)
    assert isinstance(fast.period, Undecided)
    assert "nearly every look" in fast.period.reason


@pytest.mark.parametrize("step", [1, 156, 1000])
def test_steps_are_what_all_values_are_multiples_of(step: int) -> None:
    seen = shown(replace(Sensor(), step_counts=step), np.random.default_rng(2))
    found = resolution_of(seen.raw)
    assert isinstance(found, Found)
    assert found.value == step


def test_few_values_and_fractions_have_no_steps() -> None:
    assert isinstance(resolution_of(np.arange(5.0)), Undecided)
    assert isinstance(resolution_of(np.arange(40.0) / 7), Undecided)


@pytest.mark.parametrize(
    ("step", "level", "unit", "sign"),
    [
        (160_000, 150_000, "uA", 1),
        (-784, 1_500, "mA", -1),
        (0.3, 0.5, "A", 1),
        (-163_000, -150_000, "uA", -1),
    ],
)
def test_a_step_tells_unit_and_sign(step: float, level: float, unit: str, sign: int) -> None:
    found = meaning_of(around(step), level)
    assert isinstance(found, Meaning)
    assert (found.unit, found.sign) == (unit, sign)


@pytest.mark.parametrize(
    ("step", "level", "reason"),
    [
        (Found(5.0, -1.0, 11.0, 3.0), 100.0, "no more than chance"),
        (around(3_500.0), 1.0, "neither as A"),
        (around(50.0), 30_000.0, "more than any phone draws"),
    ],
)
def test_what_fits_no_unit_is_undecided(step: Found, level: float, reason: str) -> None:
    found = meaning_of(step, level)
    assert isinstance(found, Undecided)
    assert reason in found.reason


def test_no_step_can_fit_two_units() -> None:
    assert STEP_A[1] / STEP_A[0] < 1000

"""A calibration suite in virtual time: what is recorded is what happened, and what a calibration of it says is true."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgewatt.profiler.collecting.steps import CPU, RADIO, STEPS
from edgewatt.virtual_lab.phone.virtual_time.one_phone import OnePhone, one_phone
from edgewatt.virtual_lab.phone.virtual_time.suite import VirtualLoads
from tests.virtual_suite.cases import SHORT, placed, windows_of
from tests.virtual_suite.chain import recorded
from tests.virtual_suite.figures import pooled
from tests.virtual_suite.trials import outcome, outcomes

SEED = 5
S = 1_000_000_000


@pytest.fixture(scope="module")
def one() -> OnePhone:
    """The phone of the seed."""
    return one_phone("pixel", SEED)


def test_the_power_of_a_window_is_the_sum_of_the_true_terms(one: OnePhone) -> None:
    (step,) = (at.step for at in placed(replace(SHORT, steps=(CPU,), seconds=1.0), one.phone, SEED))
    windows = [x for x in windows_of(step) if x.pin and x.load.kind == "cpu" and x.unit != "cpu0"][:6]
    run = VirtualLoads(one, SEED, windows)
    for x in run.executed:
        zones = {"soc": float(run.timeline.temperature_c((x.t0_ns + x.t1_ns) // 2, "soc"))}
        expected_w = one.at_battery.power_w(
            one.domain_of(x.asked.unit), x.asked.frequency_hz or 0.0, x.asked.cores_n, zones
        )
        # Above it are the wakes of an idle phone, some per cent of its little cores.
        assert -0.005 < run.mean_w(x.t0_ns + S // 10, x.t1_ns) - expected_w < 0.05


def test_what_is_recorded_of_a_suite(one: OnePhone, tmp_path: Path) -> None:
    at = placed(replace(SHORT, steps=(RADIO,), seconds=1.0, signals_dbm=(-60.0,)), one.phone, SEED)[0]
    windows = windows_of(at.step)[:4]
    run = VirtualLoads(one, SEED, windows, rssi_dbm=-60.0)
    trace = recorded(at.step, run, tmp_path / "run")
    assert trace.manifest.simulated
    assert trace.manifest.conditions["step"] == RADIO
    loads = trace.windows("load/")
    assert [window.attributes["asked"]["kind"] for window in loads] == [x.load.kind for x in windows]
    for window, x in zip(loads, run.executed, strict=True):
        began_ns = trace.clock_fit(window.clock).to_host(np.array([window.t0_ns]))[0]
        assert abs(int(began_ns) - x.t0_ns) < 0.01 * S
        assert np.abs(np.array(window.attributes["seen"]["rssi_dbm"]) + 60.0).max() < 6
    assert "main.power_w" in trace.columns


def test_two_seeds_are_two_phones() -> None:
    first, again, other = one_phone("pixel", 1), one_phone("pixel", 1), one_phone("pixel", 2)
    assert first == again
    assert first.at_battery.busy_w("cpu2", 2e9) != other.at_battery.busy_w("cpu2", 2e9)
    assert first.slowdown(0.0, 0.0) == 1.0 < first.slowdown(0.5, 0.0) < first.slowdown(0.5, 0.5)
    assert first.send_w(-80.0) > first.send_w(-50.0) > first.tail_w


def test_a_calibration_of_the_radio_holds_what_the_phone_was_made_of() -> None:
    found = outcome(SEED, replace(SHORT, steps=(RADIO,), seconds=1.0, signals_dbm=(-50.0, -80.0)))
    held = pooled([found])
    assert held.of > 10
    assert held.value > 0.6
    assert {trial.constant for trial in found.trials} >= {"radio_send ln_slope", "radio_receive_rate ln_level"}


@pytest.mark.long
def test_coverage_of_calibrations() -> None:
    assert set(SHORT.steps) < set(STEPS)
    assert 0.90 <= pooled(list(outcomes(range(1000, 1040), processes=2))).value <= 0.99

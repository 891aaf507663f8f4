"""One thermal node, and how speed falls."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edgewatt.profiler.calibrating.fit import calibration_of
from edgewatt.profiler.calibrating.heat import fit_node
from edgewatt.profiler.calibrating.throttling import throttled
from edgewatt.profiler.collecting.load import Load
from edgewatt.profiler.storage.trace import Trace
from tests.calibrating_runs import CLUSTERS, STEPS, Step, recorded, truth_of

R, TAU, AMBIENT = 8.0, 60.0, 25.0


def course(seed: int, *, step_s: float = 1.0) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Idle, a load that takes a little less as it goes on, idle; a sensor with noise and tenths of a degree."""
    rng = np.random.default_rng(seed)
    t = np.arange(0.0, 500.0, step_s)
    power = np.where((t > 60) & (t < 300), 3.0 - 0.001 * t, 0.7) + 0.02 * rng.standard_normal(len(t))
    warm = np.empty(len(t))
    warm[0] = AMBIENT + R * 0.7
    for k in range(1, len(t)):
        middle = (power[k] + power[k - 1]) / 2
        warm[k] = warm[k - 1] + (1 - np.exp(-step_s / TAU)) * (AMBIENT + R * middle - warm[k - 1])
    return t, np.round(warm + 0.1 * rng.standard_normal(len(t)), 1), power


def hits(seed: int) -> list[bool]:
    node = fit_node(*course(seed))
    assert node is not None
    pairs = ((node.resistance, R), (node.time_constant, TAU), (node.ambient, AMBIENT))
    return [(of.low or 0) <= true <= (of.high or 0) for of, true in pairs]


def test_a_node_is_found() -> None:
    """Few seeds, against a gross error: of 300 the intervals of R, tau and ambient held 95, 94 and 94 %."""
    found = np.asarray([hits(seed) for seed in range(20)])
    assert float(found.mean()) >= 0.7
    node = fit_node(*course(0))
    assert node is not None
    assert node.resistance.value == pytest.approx(R, rel=0.01)
    assert node.time_constant.value == pytest.approx(TAU, rel=0.02)


def test_a_lag_of_readings_is_not_part_of_the_time_constant() -> None:
    """A zone that is updated now and then shows what was: by a second, which tau would take for its own."""
    t, _, power = course(0)
    later = np.interp(t - 1.0, t, course(0)[1])
    node = fit_node(t, later, power)
    assert node is not None
    assert (node.time_constant.low or 0) < TAU < (node.time_constant.high or 0)


def test_two_nodes_widen_the_interval() -> None:
    """What one node leaves is alike from reading to reading, and fewer of them count."""
    t, warm, power = course(0)
    slow = np.cumsum(power - power[0]) * 0.01
    plain, bent = fit_node(t, warm, power), fit_node(t, warm + slow, power)
    assert plain is not None
    assert bent is not None
    assert (bent.resistance.high or 0) - bent.resistance.value > 5 * (
        (plain.resistance.high or 0) - plain.resistance.value
    )


def test_no_warming_no_node() -> None:
    t, warm, power = course(0)
    assert fit_node(t, np.full(len(t), 30.0), power) is None
    assert fit_node(t[:5], warm[:5], power[:5]) is None


def test_speed_that_falls() -> None:
    t = np.arange(0.0, 300.0)
    hz = np.where(t < 100, 2.0e9, np.where(t % 2 == 0, 1.4e9, 1.6e9))
    found = throttled(t, hz, t, 30 + t / 10)
    assert found is not None
    assert (found.onset_s, found.trip_c) == (100.0, 40.0)
    assert (found.sustained.low or 0) <= 0.75 <= (found.sustained.high or 0)
    assert len(found.curve) == 30
    assert found.curve[0][1] == 1.0
    assert found.curve[-1][1] == pytest.approx(0.75, abs=0.02)


def test_speed_that_does_not_fall() -> None:
    t = np.arange(0.0, 300.0)
    dips = np.where(t == 150, 1.0e9, 2.0e9)
    found = throttled(t, dips, t, t)
    assert found is not None
    assert (found.onset_s, found.trip_c) == (None, None)
    assert found.sustained.value == 1.0
    assert throttled(t[:3], dips[:3], t, t) is None


def test_a_run_that_throttles(tmp_path: Path) -> None:
    """Pieces of a load on the big cluster: at its highest step, then at the one below."""
    truth = truth_of(0, leakage_w_per_k=0.01, gain_rel=None, time_constant_s=30.0, spread_w=0.0, spread_rel=0.0)
    load, idle = Load("cpu", 20.0, CLUSTERS["cpu4"]), Step(Load("idle", 20.0), step="thermal")
    hot = [Step(load, "cpu4", STEPS["cpu4"][2 if k < 3 else 1], "thermal") for k in range(8)]
    run = recorded(tmp_path / "thermal", truth, [idle, *hot, *[idle] * 5], 0)
    found = calibration_of([Trace.open(run)])
    row = found.rows("thermal")[0]
    assert (row["unit"], row["cores_n"], row["channel"]) == ("cpu4", 2, "big")
    assert row["resistance_low_k_per_w"] <= truth.resistance_k_per_w <= row["resistance_high_k_per_w"]
    assert row["time_constant_low_s"] <= truth.time_constant_s <= row["time_constant_high_s"]
    assert row["time_constant_high_s"] - row["time_constant_low_s"] < 3
    assert row["ambient_c"] == pytest.approx(truth.ambient_c, abs=0.3)
    assert row["onset_s"] == pytest.approx(61.5, abs=2.0)
    assert row["sustained_ratio"] == pytest.approx(0.5, abs=0.01)
    assert row["leakage_w_per_k"] == pytest.approx(truth.leakage_w_per_k, rel=0.3)
    curve = found.rows("throttling")
    assert curve[0]["speed_ratio"] == 1.0
    assert curve[-1]["speed_ratio"] == pytest.approx(0.5, abs=0.01)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_coverage_of_the_node_over_many_seeds() -> None:
    found = np.asarray([hits(seed) for seed in range(1000)])
    print(found.mean(axis=0))
    assert 0.93 <= float(found.mean()) <= 0.97
    assert all(0.90 <= of <= 0.99 for of in found.mean(axis=0))

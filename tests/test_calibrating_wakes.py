"""What a phone does by itself: its wakes run at the step that a load is held at, and are not the load's."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from edgewatt.profiler.calibrating.fit import possible
from edgewatt.profiler.calibrating.observations import Observation
from edgewatt.profiler.calibrating.offload import offload_rows
from edgewatt.profiler.calibrating.power import fit_power, loads_of_power
from edgewatt.profiler.calibrating.residency import Residency
from edgewatt.profiler.calibrating.values import Found
from tests.calibrating_runs import CLUSTERS, METER, STEPS, Truth, cpu_plan, truth_of
from tests.calibrating_windows import observation, residency, windows


def awake(truth: Truth, seen: Sequence[Observation], seed: int) -> list[Observation]:
    """The same windows with wakes of the little cores, more in one than in another, at whatever step they are."""
    rng = np.random.default_rng(seed)
    found = []
    for one in seen:
        busy, on, hz = one.ran.busy["cpu0"], one.ran.on["cpu0"], next(iter(one.ran.shares["cpu0"]))
        share = rng.uniform(0.03, 0.15) if busy < len(CLUSTERS["cpu0"]) else 0.0
        ran = replace(one.ran, beside={"cpu0": share}, beside_on={"cpu0": (1 - on) * share})
        watts = share * truth.busy_w["cpu0", hz] + (1 - on) * share * truth.on_w["cpu0", hz]
        power = one.powers[METER]
        found.append(replace(one, ran=ran, powers={METER: replace(power, power_w=power.power_w + truth.gain * watts)}))
    return found


def off_by(truth: Truth, seen: Sequence[Observation]) -> list[float]:
    """By how much on_w and busy_w of the little cluster come out wrong, of their truth."""
    found, _ = fit_power(seen, METER, list(CLUSTERS))
    assert found is not None
    errors = []
    for hz in STEPS["cpu0"][1:]:
        for kind, true in (("on", truth.on_w), ("busy", truth.busy_w)):
            value = found.of_term(found.design.place(kind, "cpu0", hz))
            assert value is not None
            errors.append(value.value / true["cpu0", hz] - 1)
    return errors


def test_wakes_are_told_from_the_load() -> None:
    plain, told, untold = [], [], []
    for seed in range(6):
        truth = truth_of(seed, gain_rel=None, spread_w=0.0003, spread_rel=0.0)
        quiet = windows(truth, cpu_plan(seed), seed)
        seen = awake(truth, quiet, seed)
        plain += off_by(truth, quiet)
        told += off_by(truth, seen)
        untold += off_by(truth, [replace(one, ran=replace(one.ran, beside={})) for one in seen])
    rms = [float(np.sqrt(np.mean(np.square(of)))) for of in (plain, told, untold)]
    assert rms[1] < 1.2 * rms[0]
    assert rms[2] > 3 * rms[0]


def test_work_at_times_under_a_governor_is_not_fitted() -> None:
    """A governor climbs as work begins: the steps of the window are not those of the work."""
    mixed = Residency({"cpu0": {3e8: 0.5, 1.8e9: 0.5}, "cpu4": {4e8: 1.0}}, {"cpu0": 0.25}, {"cpu0": 0.25})
    assert mixed.is_mixed("cpu0")
    assert not mixed.is_mixed("cpu4")
    assert not residency("cpu0", 1.8e9, 1).is_mixed("cpu0")
    truth = truth_of(0)
    seen = windows(truth, cpu_plan(0), 0)
    place = next(k for k, one in enumerate(seen) if one in loads_of_power(seen) and one.kind == "cpu")
    found, notes = fit_power([*seen, replace(seen[place], ran=mixed)], METER, list(CLUSTERS))
    assert found is not None
    assert len(found.used) == len(seen)
    assert any("nobody knows at which of its frequencies" in note for note in notes)


def test_one_window_of_exchanges_has_no_interval_of_its_own() -> None:
    """A thousand exchanges over one link say nothing of how links differ; two windows elsewhere do, a little."""
    asked = {"sent_b": 1000, "received_b": 10, "to": "server", "interface": "wlan0"}
    seen = [
        observation(
            k, "exchange", None, step="offload", asked=asked, rssi_dbm=rssi, seen={"send_s": [s, s], "exchanges_n": 2}
        )
        for k, (rssi, s) in enumerate([(-51.0, 0.1), (-49.0, 0.11), (-70.0, 0.3)])
    ]
    far, near = offload_rows(seen, []).rows["offload"]
    assert far["rssi_dbm"] == -70
    assert far["send_s"] == 0.3
    assert near["send_low_s"] < 0.105 < near["send_high_s"]
    assert far["send_high_s"] - 0.3 == pytest.approx(12.71 * 0.3 * np.log(1.1) / np.sqrt(2), rel=1e-3)
    alone = offload_rows(seen[2:], []).rows["offload"][0]
    assert (alone["send_s"], alone["send_low_s"]) == (0.3, None)


def test_an_estimate_below_zero_is_kept_where_its_interval_holds_zero() -> None:
    """Else what is kept would be what came out too high."""
    found = Found()
    row = {"unit": "memory", "busy_w": -0.01, "busy_low_w": -0.05, "busy_high_w": 0.03}
    assert possible(found, "power", row) == row
    assert possible(found, "power", {**row, "busy_high_w": -0.001})["busy_w"] is None
    assert len(found.notes) == 1

"""From recorded runs to a calibration, and what runs that are not what they say come to."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgewatt.profiler.calibrating.fit import calibration_of
from edgewatt.profiler.calibrating.observations import Observation, observations
from edgewatt.profiler.calibrating.power import fit_power
from edgewatt.profiler.calibration.calibration import Calibration, read_calibration, write_calibration
from edgewatt.profiler.collecting.load import Load
from edgewatt.profiler.errors import NotComparableError, UsageError
from edgewatt.profiler.storage.manifest import read_manifest, write_manifest
from edgewatt.profiler.storage.trace import Trace
from tests.calibrating_runs import AT_C, CLUSTERS, METER, Said, Step, Truth, cpu_plan, recorded, truth_of

TRUTH = truth_of(1)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return recorded(tmp_path_factory.mktemp("runs") / "cpu", TRUTH, cpu_plan(1), 1)


@pytest.fixture(scope="module")
def calibration(run: Path) -> Calibration:
    return calibration_of([Trace.open(run)])


def small(cluster: str = "cpu4", hz: float = 2.4e9) -> list[Step]:
    """A few loads and idling between."""
    idle = Step(Load("idle", 5.0))
    one, two = (Step(Load("cpu", 5.0, CLUSTERS[cluster][:n]), cluster, hz) for n in (1, 2))
    return [idle, one, idle, two, idle, one, two, idle]


def seen_of(path: Path, plan: Sequence[Step], said: Said | None = None, truth: Truth = TRUTH) -> list[Observation]:
    return observations(Trace.open(recorded(path, truth, plan, 7, said)))


def test_every_constant_is_in_its_row(calibration: Calibration) -> None:
    rows = calibration.rows("power")
    assert len(rows) == 7
    hits = []
    for row in rows:
        if row["unit"] == "base":
            base_w = TRUTH.base_w + TRUTH.leakage_w_per_k * (row["temperature_c"] - AT_C)
            hits.append(row["idle_low_w"] <= base_w <= row["idle_high_w"])
            continue
        for name, of in (("busy", TRUTH.busy_w), ("on", TRUTH.on_w)):
            true = of[row["unit"], row["frequency_hz"]]
            hits.append(row[f"{name}_low_w"] <= true <= row[f"{name}_high_w"])
    assert sum(hits) >= len(hits) - 1
    assert {row["basis"] for row in rows} == {"measured"}
    assert {row["cores_n"] for row in rows} == {None, 4, 2}
    assert all(row["source"] == calibration.head.runs[0].digest for row in rows)


def test_the_head_says_device_meter_and_run(calibration: Calibration) -> None:
    head = calibration.head
    assert list(head.devices) == ["f00d"]
    assert [(meter.source, meter.gain_ratio) for meter in head.meters] == [(METER, 0.01)]
    assert [(run.step, run.session) for run in head.runs] == [("cpu", "monday")]


def test_the_fits_say_what_they_hold_for(calibration: Calibration) -> None:
    fits = {(row["of"], row["term"]): row for row in calibration.rows("fits", fit="power")}
    busy = fits["cpu0", "busy@1800000000"]
    assert (busy["over"], busy["valid_low"], busy["valid_high"]) == ("cores_n", 1.0, 4.0)
    assert busy["df_n"] == 27
    assert 1 <= busy["condition_number"] < 100
    leakage = fits["base", "leakage"]
    assert leakage["low"] <= TRUTH.leakage_w_per_k <= leakage["high"]


def test_it_can_be_written_and_read(calibration: Calibration, tmp_path: Path) -> None:
    again = read_calibration(write_calibration(calibration, tmp_path / "phone.zip"))
    assert again.tables == calibration.tables


def test_observations_say_what_ran(run: Path) -> None:
    seen = observations(Trace.open(run))
    plan = cpu_plan(1)
    assert [one.kind for one in seen] == [step.load.kind for step in plan]
    for one, step in zip(seen, plan, strict=True):
        assert one.reasons == ()
        assert one.ran.busy == {c: float(len(step.load.cpus)) if c == step.cluster else 0.0 for c in CLUSTERS}
        if step.cluster:
            assert one.ran.shares[step.cluster][step.hz] == pytest.approx(1.0, abs=0.02)
        power = one.power_of(METER)
        assert power is not None
        assert power.gain_rel == 0.01
        assert 0 < power.u_w < 0.01


def test_a_processor_that_did_not_run_is_a_reason(tmp_path: Path) -> None:
    seen = seen_of(tmp_path / "r", small(), Said(wrong_cores=3))
    assert [reason.partition(":")[0] for reason in seen[3].reasons] == ["cores_differ"]
    assert seen[3].power_of(METER) is None
    _, notes = fit_power(seen, METER, list(CLUSTERS))
    assert any("load/3" in note and "cpu5 was busy for 0.00, asked for 1.00" in note for note in notes)


def test_a_pin_that_did_not_hold_is_a_reason(tmp_path: Path) -> None:
    seen = seen_of(tmp_path / "r", small(), Said(throttled=3))
    assert seen[3].reasons == ("pin_not_held:cpu4",)
    assert seen[3].power_of(METER) is None
    assert all(one.power_of(METER) for k, one in enumerate(seen) if k != 3)


def test_windows_beside_their_loads_are_refused(tmp_path: Path) -> None:
    """The clocks of device and meter are a second apart: the loads seem to begin, or end, within the windows."""
    seen = seen_of(tmp_path / "r", small(), Said(shifted_s=1.0))
    loads = [one for one in seen if one.kind == "cpu"]
    assert {one.refused.get(METER) for one in loads} == {"window_beside_load"}


def test_runs_of_two_devices_are_refused(run: Path, tmp_path: Path) -> None:
    other = recorded(tmp_path / "other", TRUTH, small(), 3, Said(device_id="beef"))
    with pytest.raises(NotComparableError, match=r"cpu is of f00d.*other is of beef"):
        calibration_of([Trace.open(run), Trace.open(other)])


def test_simulated_and_measured_are_not_mixed(run: Path, tmp_path: Path) -> None:
    other = recorded(tmp_path / "other", TRUTH, small(), 3, Said(simulated=True))
    with pytest.raises(NotComparableError, match="simulated runs"):
        calibration_of([Trace.open(run), Trace.open(other)])
    assert {row["basis"] for row in calibration_of([Trace.open(other)]).rows("power")} == {"simulated"}


def test_a_void_run_is_left_out_and_named(run: Path, tmp_path: Path) -> None:
    other = recorded(tmp_path / "other", TRUTH, small(), 3)
    write_manifest(other, replace(read_manifest(other), quality_reasons=["suspended"]))
    found = calibration_of([Trace.open(run), Trace.open(other), Trace.open(run)])
    assert [used.name for used in found.head.runs] == ["cpu"]
    assert any("other is left out: void (suspended)" in note for note in found.head.notes)
    assert any("counts once" in note for note in found.head.notes)
    with pytest.raises(UsageError, match="none of the 1 runs counts"):
        calibration_of([Trace.open(other)])


def test_two_meters_with_gains_of_their_own_are_named(run: Path, tmp_path: Path) -> None:
    other = recorded(tmp_path / "other", replace(TRUTH, gain_rel=0.03), small(), 3)
    found = calibration_of([Trace.open(run), Trace.open(other)])
    assert any("different gains (0.01, 0.03)" in note for note in found.head.notes)
    assert found.head.meters[0].gain_ratio == 0.03


def test_nothing_to_learn_from(tmp_path: Path) -> None:
    empty = recorded(tmp_path / "empty", TRUTH, [], 3)
    with pytest.raises(UsageError, match="expected windows of loads"):
        calibration_of([Trace.open(empty)])
    with pytest.raises(UsageError, match="no runs to calibrate from"):
        calibration_of([])


@pytest.mark.long
@pytest.mark.timeout(900)
def test_coverage_of_recorded_runs(tmp_path: Path) -> None:
    """The same as in test_calibrating_power, with clocks, counters, ticks and trimming in between."""
    hits: dict[str, list[bool]] = {}
    for seed in range(300):
        truth = truth_of(seed)
        seen = observations(Trace.open(recorded(tmp_path / f"{seed}", truth, cpu_plan(seed), seed)))
        found, _ = fit_power(seen, METER, list(CLUSTERS))
        assert found is not None
        for k, term in enumerate(found.design.terms):
            value = found.of_term(k)
            if term.hz is None:
                continue
            true = (truth.on_w if term.kind == "on" else truth.busy_w)[term.unit, term.hz]
            assert value is not None
            assert value.low is not None
            assert value.high is not None
            hits.setdefault(f"{term.unit} {term}", []).append(value.low <= true <= value.high)
    print({name: float(np.mean(of)) for name, of in hits.items()})
    assert 0.93 <= float(np.mean([hit for of in hits.values() for hit in of])) <= 0.97
    assert all(0.90 <= float(np.mean(of)) <= 0.99 for of in hits.values())

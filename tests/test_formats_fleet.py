"""Exports of fleets: times and rates of clients, from calibrations."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from edgewatt.cli import main
from edgewatt.profiler.calibration.calibration import Calibration, calibration_of_rows, write_calibration
from edgewatt.profiler.calibration.head import CalibratedDevice, Head
from edgewatt.profiler.calibration.lookup import OutOfRangeError
from edgewatt.profiler.errors import UsageError
from edgewatt.reports.export import export
from edgewatt.reports.formats.chosen import Chosen

A, B = {"device_id": "a"}, {"device_id": "b"}
MEASURED, SIMULATED = {"basis": "measured", "source": "aa"}, {"basis": "simulated", "source": "bb"}
STEP = {**A, **MEASURED, "model": "lenet", "batch": 8, "step_s": 0.12, "update_b": 250_000}
INFERENCE = {**B, **SIMULATED, "model": "lenet", "batch": 2, "latency_s": 0.02}
# 4 and 12 Mbit/s: their harmonic mean is 6 Mbit/s.
RADIO = {"interface": "wlan0", "send_b_per_s": 5e5, "receive_b_per_s": 1.5e6}
CHARGES = [
    {**A, **MEASURED, "t0_s": 1_000_100.0, "t1_s": 1_000_400.0},
    {**A, **MEASURED, "t0_s": 1_002_000.0, "t1_s": 1_003_000.0},
    {**A, **MEASURED, "t0_s": 1_004_000.0, "t1_s": None},
    {**B, **SIMULATED, "t0_s": 1_000_000.0, "t1_s": 1_000_050.0},
]
TWO = CalibratedDevice("Phone A"), CalibratedDevice("Phone B", simulated=True)
HEAD = Head(created="2026-11-26T10:00:00+00:00", devices=dict(zip("ab", TWO, strict=True)))


def fleet(**tables: Any) -> Calibration:
    """Two phones: one that trained, one (simulated) that inferred."""
    rows: dict[str, Any] = {
        "training_step": [STEP],
        "inference": [INFERENCE],
        "radio": [{**A, **MEASURED, **RADIO}, {**B, **SIMULATED, **RADIO}],
        "charge": CHARGES,
    }
    return calibration_of_rows(HEAD, {**rows, **tables})


def written(folder: Path, to: str, calibration: Calibration, **chosen: Any) -> tuple[Any, str]:
    """What is written, read again, and what was said of it."""
    path = folder / "out"
    said = export([], to, path, calibrations=[calibration], chosen=Chosen(**chosen))
    raw = path.read_bytes()
    return (pickle.loads(raw) if chosen.get("pickled") else json.loads(raw)), "; ".join(said)


def test_capacity_is_ms_per_sample_and_kbps(tmp_path: Path) -> None:
    content, said = written(tmp_path, "fedscale", fleet())
    # The order of the head: a is client 0. 120 ms for 8 samples of training are 5 ms for one of inference.
    assert content["0"]["computation"] == pytest.approx(120 / 8 / 3)
    assert content["0"]["communication"] == pytest.approx(6000.0)
    assert (content["0"]["of"], content["0"]["simulated"]) == ("training step / 3", False)
    assert content["1"]["computation"] == pytest.approx(10.0)
    assert (content["1"]["of"], content["1"]["simulated"]) == ("inference", True)
    assert "client 0 is Phone A (a)" in said
    assert "SIMULATED" in said
    assert set(written(tmp_path, "fedscale", fleet(), pickled=True)[0]) == {0, 1}


def test_an_inference_comes_before_a_third_of_training(tmp_path: Path) -> None:
    rows = {"inference": [INFERENCE, {**INFERENCE, **A, **MEASURED, "latency_s": 0.008}]}
    content, _ = written(tmp_path, "fedscale", fleet(**rows))
    assert content["0"]["computation"] == pytest.approx(4.0)
    content, _ = written(tmp_path, "fedscale", fleet(**rows), where={"table": "training_step"})
    assert content["0"]["computation"] == pytest.approx(5.0)
    assert list(content) == ["0"]


def test_a_device_that_lacks_one_is_left_out_by_name(tmp_path: Path) -> None:
    content, said = written(tmp_path, "fedscale", fleet(radio=[{**A, **MEASURED, **RADIO}]))
    assert list(content) == ["0"]
    assert "Phone B (b) is left out: no rate of a radio" in said
    content, said = written(tmp_path, "oort", fleet(inference=[{**INFERENCE, "batch": None}]))
    assert list(content) == ["0"]
    assert "Phone B (b) is left out: no time of an inference or step with its batch" in said


def test_which_batch_is_meant_is_not_guessed(tmp_path: Path) -> None:
    steps = fleet(training_step=[STEP, {**STEP, "batch": 16, "step_s": 0.2}])
    with pytest.raises(UsageError, match="They differ in batch: 8, 16"):
        written(tmp_path, "fedscale", steps)
    content, _ = written(tmp_path, "fedscale", steps, where={"batch": "16"})
    assert content["0"]["computation"] == pytest.approx(200 / 16 / 3)


def test_a_rate_is_of_the_signal_that_was_asked_for(tmp_path: Path) -> None:
    bins = [
        {**A, **MEASURED, **RADIO, "rssi_low_dbm": -60.0, "rssi_high_dbm": -50.0},
        {**A, **MEASURED, **RADIO, "rssi_low_dbm": -80.0, "rssi_high_dbm": -70.0, "send_b_per_s": 1e5},
    ]
    with pytest.raises(UsageError, match="say at which: --rssi DBM"):
        written(tmp_path, "oort", fleet(radio=bins))
    content, _ = written(tmp_path, "oort", fleet(radio=bins), rssi_dbm=-55.0)
    assert content["0"] == [pytest.approx(5.0), pytest.approx(6000.0)]
    with pytest.raises(OutOfRangeError, match="-90 dBm was not measured"):
        written(tmp_path, "oort", fleet(radio=bins), rssi_dbm=-90.0)
    with pytest.raises(UsageError, match="say which: --where interface="):
        written(tmp_path, "oort", fleet(radio=[bins[0], {**bins[1], "interface": "rmnet0"}]))


def test_a_round_of_oort_takes_its_steps_and_both_transfers(tmp_path: Path) -> None:
    content, said = written(tmp_path, "oort-durations", fleet(), local_steps=10)
    assert content == {"0": {"duration": pytest.approx(10 * 0.12 + 0.25 / 0.5 + 0.25 / 1.5)}}
    assert "Phone B (b) is left out: no step_s and no update_b of training" in said


def test_availability_begins_with_the_first_charge_of_all(tmp_path: Path) -> None:
    content, said = written(tmp_path, "fedscale-availability", fleet())
    assert content["0"] == {
        "duration": 3000,
        "inactive": [400, 3000],
        "finish_time": 3000,
        "active": [100, 2000],
        "model": "Phone A",
    }
    assert content["1"]["active"] == [0]
    assert "a charge of Phone A is left out: its beginning or end is unknown" in said


def test_the_command_takes_a_calibration_where_a_run_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_calibration(fleet(), tmp_path / "fleet.zip")
    assert main(["export", "fleet.zip", "--to", "fedscale", "--where", "model=lenet", "-o", "out.json"]) == 0
    said = capsys.readouterr().err
    assert "notice: SIMULATED" in said
    assert json.loads(Path("out.json").read_text())["0"]["device"] == "a"
    assert main(["export", "fleet.zip", "--to", "csv", "-o", "out.csv"]) == 2
    assert "the tables of a calibration are Parquet already" in capsys.readouterr().err
    assert main(["export", "fleet.zip", "--to", "fedscale", "--pickle", "-o", "out.pkl"]) == 0
    assert set(pickle.loads(Path("out.pkl").read_bytes())) == {0, 1}

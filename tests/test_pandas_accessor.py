"""Runs as data frames: units in the names, missing for what was not measured, joules of any window."""

from pathlib import Path

import pandas as pd
import pytest

import edgewatt.pandas as ep
from edgewatt.profiler.errors import NotMeasuredError, UsageError
from tests.figure_runs import over_frequencies, recorded
from tests.sample_runs import RESULT, make_run, repeat_rows


def test_results_keep_their_columns_and_say_which_run(tmp_path: Path) -> None:
    run = over_frequencies(tmp_path).path
    frame = ep.read_run(run)
    assert list(frame["run"]) == [str(run)] * 4
    assert frame["latency_s_mean"][0] == RESULT["latency_s_mean"]
    assert frame["threads"].dtype == "Int32"
    assert frame["frequency_hz"].isna().tolist() == [True, False, False, False]
    assert frame.edgewatt.simulated is False
    units = frame.edgewatt.units
    assert (units["latency_s_mean"], units["energy_net_j_accuracy_low"], units["memory_peak_b"]) == ("s", "j", "b")
    assert "latency_s_n" not in units
    assert "config_id" not in units


def test_latency_and_energy_with_their_intervals(tmp_path: Path) -> None:
    frame = ep.read_run(over_frequencies(tmp_path).path)
    latency = frame.edgewatt.latency()
    assert list(latency.columns[-3:]) == ["latency_s_mean", "latency_s_low", "latency_s_high"]
    assert latency.index.name == "config_id"
    energy = frame.edgewatt.energy()
    assert (energy["energy_gross_j_low"] < energy["energy_gross_j_mean"]).all()
    assert "energy_net_j_mean" in frame.edgewatt.energy("net")


def test_one_latency_per_configuration_whatever_its_sources(tmp_path: Path) -> None:
    rows = [RESULT, {**RESULT, "energy_source": "gauge", "energy_gross_j_mean": None}]
    frame = ep.read_run(make_run(tmp_path / "run", results=rows, repeats=repeat_rows()))
    assert len(frame.edgewatt.latency()) == 1
    assert len(frame.edgewatt.energy()) == 1
    repeats = ep.read_run(tmp_path / "run", "repeats")
    assert len(repeats.edgewatt.latency()) == 5
    assert list(repeats.edgewatt.energy()["energy_gross_j"]) == [0.0380, 0.0383, 0.0379, 0.0382, 0.0381]


def test_per_inference_divides_by_the_batch(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", results=[{**RESULT, "batch": 4}, {**RESULT, "config_id": "b", "batch": None}])
    per = ep.read_run(run).edgewatt.per_inference()
    assert per["energy_gross_j_mean"].tolist() == [RESULT["energy_gross_j_mean"] / 4, RESULT["energy_gross_j_mean"]]
    assert per["throughput_hz"].tolist() == pytest.approx([4 / 0.01242, 1 / 0.01242])


def test_other_units_end_the_names(tmp_path: Path) -> None:
    frame = ep.read_run(over_frequencies(tmp_path).path).edgewatt.in_units("ms", "mJ")
    assert frame["latency_ms_mean"][0] == pytest.approx(12.42)
    assert frame["energy_gross_mJ_accuracy_low"][0] == pytest.approx(37.2)
    assert frame["latency_s_n"][0] == 5
    assert "latency_s_mean" not in frame
    with pytest.raises(UsageError, match="'furlong' is no unit"):
        frame.edgewatt.in_units("furlong")


def test_joules_of_windows_are_those_that_were_drawn(tmp_path: Path) -> None:
    run = recorded(tmp_path)
    windows = ep.read_run(run.path).edgewatt.windows()
    mine = windows[windows["name"].str.startswith("measure/")]
    found = mine.edgewatt.joules()
    assert found["energy_j"].tolist() == pytest.approx([20.0] * 3, rel=0.01)
    assert found["coverage"].tolist() == [1.0] * 3
    assert found["simulated"].all()
    half = mine.assign(t1_ns=mine["t0_ns"] + 1_000_000_000).edgewatt.joules("rapl/vdd_in")
    assert half["energy_j"].tolist() == pytest.approx([10.0] * 3, rel=0.01)
    with pytest.raises(NotMeasuredError, match="no energy source wall was recorded; there are rapl/vdd_in"):
        mine.edgewatt.joules("wall")


def test_samples_of_a_window(tmp_path: Path) -> None:
    run = recorded(tmp_path)
    frame = ep.read_samples(run.path, "vdd_in.power_w", window="measure/1")
    assert frame["vdd_in.power_w"].median() == 10.0
    assert frame.index.name == "t_s"
    assert frame.index[-1] == pytest.approx(2.0, abs=0.02)
    assert frame.edgewatt.simulated
    assert frame.edgewatt.units == {"vdd_in.power_w": "w"}
    with pytest.raises(UsageError, match="no window measure/9; it has idle/before"):
        ep.read_samples(run.path, "vdd_in.power_w", window="measure/9")
    with pytest.raises(UsageError, match="columns of one stream"):
        ep.read_samples(run.path, "vdd_in.power_w", "cpu.temperature_c")
    with pytest.raises(NotMeasuredError, match=r"has no x\.power_w"):
        ep.read_samples(run.path, "x.power_w")


def test_several_runs_stand_below_each_other(tmp_path: Path) -> None:
    runs = [recorded(tmp_path, "a").path, recorded(tmp_path, "b", energy=False).path]
    frame = ep.read_run(runs)
    assert list(frame["run"]) == [str(run) for run in runs]
    assert len(frame.edgewatt.energy()) == 1  # absent is not zero
    assert len(frame.edgewatt.iterations()) == 120
    for table in ("repeats", "operators", "gaps", "windows"):
        assert set(ep.read_run(runs, table)) >= {"run", "simulated"}


def test_frames_of_elsewhere_are_told_what_they_lack() -> None:
    with pytest.raises(UsageError, match=r"no latency_s_mean, energy_gross_j_mean: it is not what .*read_run gave"):
        pd.DataFrame({"a": [1]}).edgewatt.per_inference()
    with pytest.raises(UsageError, match="no run was given"):
        ep.read_run([])
    with pytest.raises(UsageError, match="'x' is no table"):
        ep.read_run("runs/a", "x")  # type: ignore[arg-type]

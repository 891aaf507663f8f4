"""`edgewatt.recording` around a block of this process."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import edgewatt
from edgewatt import cli
from edgewatt.profiler.running.recording import Recording
from edgewatt.profiler.storage.trace import Trace
from tests.test_profile_energy import POWER_W, TOLERANCE, counting
from tests.trees import Powercap


def test_steps_of_this_process_at_a_known_power(tmp_path: Path) -> None:
    sysfs, run = tmp_path / "sys", tmp_path / "run"
    zone = Powercap(sysfs, range_uj=10**15 - 1).zone("intel-rapl", "0", "package-0", POWER_W)
    device = f"host?sysfs={sysfs}"
    with counting(zone / "energy_uj"), edgewatt.recording(device, run, meters=[device], warmup_iterations=1):
        for _ in range(11):
            with edgewatt.window("step"):
                time.sleep(0.05)
    trace = Trace.open(run)
    repeats = trace.repeats()
    assert repeats is not None
    (row,) = repeats.to_pylist()
    took_s = (row["t1_ns"] - row["t0_ns"]) / 1e9
    assert row["iterations"] == 10
    assert row["latency_s"] >= 0.05
    assert row["energy_gross_j"] * 10 == pytest.approx(POWER_W * took_s, rel=TOLERANCE)
    assert "EDGEWATT_MARKS" not in os.environ


def test_a_block_that_fails_keeps_the_run(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with pytest.raises(ZeroDivisionError), edgewatt.recording("host", run), edgewatt.window("step"):
        _ = 1 / 0
    assert json.loads((run / "run.json").read_text())["status"] == "interrupted"
    assert "EDGEWATT_MARKS" not in os.environ


def test_one_that_is_measured_already_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEWATT_MARKS", str(tmp_path / "marks"))
    with pytest.raises(edgewatt.EdgewattError, match="is measured already"), edgewatt.recording("host", tmp_path / "r"):
        pass


def test_windows_of_a_program_that_somebody_else_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is started as soon as its file of marks is there; the recorder's time is over when it has ended."""
    marks, run = tmp_path / "marks", tmp_path / "run"
    code = "import edgewatt\nfor _ in range(5):\n  with edgewatt.window('step'): pass"
    wait = f'while [ ! -e {marks} ]; do sleep 0.02; done; EDGEWATT_MARKS={marks} exec {sys.executable} -c "$0"'
    with subprocess.Popen(["/bin/sh", "-c", wait, code]) as program:
        monkeypatch.setattr(Recording, "wait", lambda _run, seconds: program.wait(60) if seconds else None)
        words = ("-d", "host", "--marks", str(marks), "-o", str(run), "--seconds", "0.5", "--json")
        assert cli.main(["record", *words]) == 0
    json.loads(capsys.readouterr().out)
    trace = Trace.open(run)
    assert trace.iterations().num_rows == 5
    assert [window.name for window in trace.windows()] == ["measure/0"]


def test_a_file_of_marks_that_is_taken_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    marks = tmp_path / "marks"
    marks.write_text("mine")
    assert cli.main(["record", "-d", "host", "--marks", str(marks), "-o", str(tmp_path / "run")]) == 2
    assert "exists already" in capsys.readouterr().err
    assert cli.main(["record", "-d", "host", "--marks", str(tmp_path / "a/b"), "-o", str(tmp_path / "run")]) == 2

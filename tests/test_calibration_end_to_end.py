"""From the suite on the virtual bench over the fits to what a paper's system makes of them, as a person types it."""

import json
from pathlib import Path

import pytest

from edgewatt.profiler.calibration.calibration import read_calibration
from tests.shell import edgewatt, edgewatt_json

# What no measurement tells of a network; simulate names what is missing.
GIVEN = {"conv_n": 4, "fc_n": 1, "rc_n": 0, "macs_n": 3_000_000, "qos_s": 0.05, "input_b": 3072, "output_b": 40}


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_suite_drives_a_simulation(tmp_path: Path) -> None:
    """The short form: the radio's windows and a network beside them; `--steps` left away is the whole, in 9 minutes."""
    collected, file = tmp_path / "cal", tmp_path / "bench.zip"
    words = ("--short", "--seconds", "0.5", "--steps", "radio", "--model", "@tiny")
    done = edgewatt("calibrate", "--collect", "-d", "virtual:bench", "-o", collected, *words)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("SIMULATED")
    run = tmp_path / "run"
    profiled = ("--repeats", "3", "--seconds", "2", "--idle", "2", "--warmup", "0.5")
    assert edgewatt("profile", "@tiny", "-d", "virtual:bench", "-o", run, *profiled).returncode == 0
    given = [word for key, n in GIVEN.items() for word in ("--given", f"models.{key}@edgewatt_tiny.tflite={n}")]
    done = edgewatt("calibrate", *collected.iterdir(), run, "-o", file, *given)
    assert done.returncode == 0, done.stderr
    calibration = read_calibration(file)
    assert {row["basis"] for row in calibration.rows("radio")} == {"simulated"}
    said = edgewatt_json("simulate", "autoscale", "--calibration", file, "--seeds", "1")
    assert all("simulated" in figure["basis"] for figure in said["figures"])
    assert json.dumps(said["calibration"])

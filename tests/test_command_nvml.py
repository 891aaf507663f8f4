"""Steps of a program on a GPU of the virtual lab: their joules, by the counter of a library that stands in for NVML."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from edgewatt.profiler.storage.trace import Trace
from tests.shell import EDGEWATT
from tests.test_lab_nvml_command import lab

pytestmark = pytest.mark.long  # real time, and a compiler

WATTS = 150.0
STEPS = """
import edgewatt, time
time.sleep(0.5)
for _ in range(12):
    with edgewatt.window("step"):
        time.sleep(0.1)
"""


def test_joules_of_a_step_on_a_gpu(tmp_path: Path) -> None:
    """The load is on the GPU for as long as the command runs; a Volta's counter moves every 20 ms."""
    run = tmp_path / "run"
    with lab("--gpu", "v100", "--seed", "4") as said:
        loaded = [*said["load"], "--gpu", "0", "--watts", str(WATTS), "--", sys.executable, "-c", STEPS]
        words = ["-d", "nvml:0", "-m", "nvml:0", "-o", run, "--repeats", "2", "--idle", "1", "--warmup-iterations", "2"]
        asking = [EDGEWATT, "profile", "--command", shlex.join(loaded), *words]
        done = subprocess.run(
            asking, env={**os.environ, **said["env"]}, capture_output=True, text=True, check=False, timeout=100
        )
        gain = said["gpus"][0]["drawn"]["gain"]
    assert done.returncode == 0, done.stderr
    results = Trace.open(run).results()
    assert results is not None
    row = next(row for row in results.to_pylist() if row["energy_source"].endswith("energy"))
    assert row["energy_boundary"] == "board"
    watts = row["power_w"] - row["power_idle_w"]
    assert watts == pytest.approx(WATTS * gain, rel=0.1)
    step_s = row["energy_gross_j_mean"] / row["power_w"]
    assert 0.1 <= step_s < 0.2
    assert row["energy_net_j_mean"] == pytest.approx(WATTS * gain * step_s, rel=0.1)

"""The script for a real GPU, on the stand-in library, so that it works on the day when there is one."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edgewatt.virtual_lab.nvidia.families import FAMILIES
from edgewatt.virtual_lab.nvidia.gpu import Gpu
from edgewatt.virtual_lab.nvidia.lab import nvml_lab

pytestmark = pytest.mark.peer
ROOT = Path(__file__).parents[1]


def test_its_page_tells_sensor_energy_and_cost(tmp_path: Path) -> None:
    if shutil.which("cc") is None:
        pytest.skip("there is no C compiler for the stand-in library")
    lab = nvml_lab(tmp_path, [Gpu(FAMILIES["a100"])])
    page = tmp_path / "page.md"
    done = subprocess.run(
        [sys.executable, "-m", "tests.with_device.gpu", "--seconds", "2", "-o", str(page)],
        cwd=ROOT,
        env={**os.environ, **lab.environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    text = page.read_text()
    assert text in done.stdout
    assert text.startswith("# SIMULATED NVIDIA A100")
    assert "(measured;" in text
    assert "nvml0/energy" in text
    assert "share one sensor" in text
    watts = float(text.partition("| nvml0/energy |")[2].split("|")[1].strip().removesuffix(" W"))
    assert watts == pytest.approx(FAMILIES["a100"].idle_w, rel=0.15)


def test_without_a_driver_it_says_what_is_missing() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.with_device.gpu"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode == 0:
        pytest.skip("this machine has a GPU")
    assert "not measured: no NVIDIA GPU can be read" in done.stderr
    assert "Traceback" not in done.stderr

"""Zeus on the stand-in library, in an environment of its own: what it measures is near what was spent."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from edgewatt.virtual_lab.nvidia.gpu import Gpu, gpu
from edgewatt.virtual_lab.nvidia.lab import Driver, NvmlLab, nvml_lab
from tests.adbd.packages import Unavailable
from tests.environments import environment
from tests.nvml_peers.bindings import library

pytestmark = [pytest.mark.peer, pytest.mark.timeout(600)]  # the first time, pip downloads

SCRIPT = Path(__file__).parent / "nvml_peers" / "with_zeus.py"
LOAD = [sys.executable, "-m", "edgewatt.virtual_lab.nvidia.load"]


@pytest.fixture(scope="session")
def zeus() -> Path:
    try:
        python = environment("zeus-0.16.0", "zeus==0.16.0")
    except Unavailable as unavailable:
        pytest.skip(str(unavailable))
    # Compiled once, or its own processes take longer to begin than it waits for them.
    subprocess.run([python, "-c", "import zeus.monitor"], env=around({}), check=True)
    return python


def around(environment: dict[str, str]) -> dict[str, str]:
    """This process's environment and these, where Python may keep what it compiled."""
    return {**{k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}, **environment}


@contextmanager
def lab_of(folder: Path, tmp_path_factory: pytest.TempPathFactory, *gpus: Gpu) -> Iterator[NvmlLab]:
    """GPUs with a load that comes and goes until the end of the block."""
    lab = nvml_lab(folder, gpus, library=library(tmp_path_factory))
    words = ["--watts", "180", "--seconds", "0.37", "--gap", "0.21", "--repeats", "10000"]
    heating = [
        subprocess.Popen([*LOAD, "--lab", str(folder), "--gpu", str(index), *words], stdout=subprocess.DEVNULL)
        for index in range(len(gpus))
    ]
    try:
        yield lab
    finally:
        for one in heating:
            one.terminate()
            one.wait()


def windows(python: Path, lab: NvmlLab, *plan: tuple[float, float]) -> list[dict[str, Any]]:
    """What Zeus found in windows that begin after so many seconds and last so long."""
    done = subprocess.run(
        [python, str(SCRIPT), json.dumps(plan)],
        env=around(lab.environment),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    if "failed to start within" in done.stderr:
        pytest.skip("this machine is too slow for Zeus: its own processes did not begin within the 10 s it waits")
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_zeus_measures_what_was_spent(zeus: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    gpus = [gpu("v100", exact=True), gpu("a100", exact=True), gpu("h100", exact=True), gpu("gh200", exact=True)]
    with lab_of(tmp_path, tmp_path_factory, *gpus) as lab:
        for one in windows(zeus, lab, (0, 3), (1.5, 4)):
            for index in range(len(gpus)):
                true_j = float(lab.energy_j(one["begin_ns"], one["end_ns"], index))
                # At worst one period more or less: 0.1 of 3 s, and less for most.
                assert one["energy_j"][str(index)] == pytest.approx(true_j, rel=0.05), gpus[index].family.title


@pytest.mark.long
def test_zeus_without_a_counter_integrates_the_power(
    zeus: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with lab_of(tmp_path, tmp_path_factory, gpu("gtx1080ti", exact=True)) as lab:
        (one,) = windows(zeus, lab, (0, 5))
        true_j = float(lab.energy_j(one["begin_ns"], one["end_ns"]))
        # Ten samples a second of a load that changes three times a second, and none at either end.
        assert one["energy_j"]["0"] == pytest.approx(true_j, rel=0.3)


def test_zeus_finds_no_gpu_where_the_driver_was_replaced(
    zeus: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    lab = nvml_lab(tmp_path, [gpu("a100")], Driver(errors={"nvmlInitWithFlags": 18}), library=library(tmp_path_factory))
    assert [one["energy_j"] for one in windows(zeus, lab, (0, 0.1))] == [{}]

"""Zeus on the virtual boards: it finds the rails that it is known to find on real ones, with what is drawn."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from edgewatt.virtual_lab.jetson.lab import jetson_lab
from tests.adbd.packages import Unavailable
from tests.environments import environment

pytestmark = [pytest.mark.peer, pytest.mark.timeout(600)]  # the first time, pip downloads

SCRIPT = Path(__file__).parent / "nvml_peers" / "with_zeus_jetson.py"


@pytest.fixture(scope="session")
def zeus() -> Path:
    try:
        return environment("zeus-0.16.0", "zeus==0.16.0")
    except Unavailable as unavailable:
        pytest.skip(str(unavailable))


# By Zeus's name the rail that it takes for it: what others found on trees of real boards (facts of part E, 1.4). Of the
# boards with INA3221 alone it finds no total but VDD_IN, and of a combined rail it makes the CPU's.
EXPECTED = {
    "orin-nano": {"cpu_power_mw": "VDD_CPU_GPU_CV", "total_power_mw": "VDD_IN"},
    "orin-nx": {"cpu_power_mw": "VDD_CPU_GPU_CV", "total_power_mw": "VDD_IN"},
    "agx-orin": {"cpu_power_mw": "VDD_CPU_CV", "gpu_power_mw": "VDD_GPU_SOC"},
    "thor": {"cpu_power_mw": "VDD_CPU_SOC_MSS", "gpu_power_mw": "VDD_GPU"},
    "nano": {"cpu_power_mw": "POM_5V_CPU", "gpu_power_mw": "POM_5V_GPU", "total_power_mw": "POM_5V_IN"},
    "tx2": {"cpu_power_mw": "VDD_SYS_CPU", "gpu_power_mw": "VDD_SYS_GPU", "total_power_mw": "VDD_IN"},
}


@pytest.mark.parametrize("board", EXPECTED)
def test_zeus_finds_its_rails(zeus: Path, board: str) -> None:
    around = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with jetson_lab(board, exact=True) as lab:
        done = subprocess.run(
            [zeus, str(SCRIPT), str(lab.root)], env=around, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout.splitlines()[-1])
        idle_w = {
            name: float(lab.energy_j(lab.origin_ns, lab.origin_ns + 10**9, rail))
            for name, rail in EXPECTED[board].items()
        }
        rails = lab.board.rails
    assert set(found) == set(EXPECTED[board])
    for name, rail in EXPECTED[board].items():
        step_mw = 40 / rails[rail].shunt_mohm * rails[rail].volts
        assert found[name] == pytest.approx(1e3 * idle_w[name], abs=step_mw), (name, rail)

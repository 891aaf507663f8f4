"""Exports read again by the programs that they are made for: nn-Meter, Once-for-All, FedScale, as they are shipped.

HW-NAS-Bench, LatBench, Oort (outside of FedScale) and DeepEn2023 are in no package: their formats are only read by the
standard library (test_formats_networks.py, test_formats_fleet.py).
"""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from edgewatt.reports.export import export
from edgewatt.reports.formats.chosen import Chosen
from tests.adbd.packages import Unavailable
from tests.environments import environment
from tests.test_formats_fleet import fleet
from tests.test_formats_networks import BLOCK, CONFIG, CONFIGS, run_of

READERS = ("nn-meter==2.0", "ofa==0.1.0.post202307202001", "fedscale==1.0", "pyyaml==6.0.2", "numpy==2.2.6")
SCRIPT = Path(__file__).parent / "reading_exports.py"

pytestmark = pytest.mark.peer


@pytest.fixture(scope="module")
def python() -> Path:
    """The Python of an environment that has the readers, without what they train with."""
    try:
        return environment("export-readers", "--no-deps", *READERS)
    except (Unavailable, OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"the readers cannot be installed: {error}")


def read(python: Path, *arguments: str | Path) -> Any:
    """What a reader says of a file."""
    done = subprocess.run([python, SCRIPT, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_nn_meter_reads_kernels(tmp_path: Path, python: Path) -> None:
    names = {"model": "conv-bn-relu_prior_9YKFDC"}, {"model": "conv-bn-relu_prior_AB12CD", "latency_s_std": 0.0002}
    configs = {"conv-bn-relu": {**CONFIGS["conv-bn-relu"], "AB12CD": {"model": "y", "config": {**CONFIG, "HW": 7}}}}
    export([run_of(tmp_path, *names)], "nn-meter", tmp_path / "out.json", chosen=Chosen(configs=configs))
    said = read(python, "nn-meter", tmp_path / "out.json")
    assert said["features"] == [[14, 98, 120, 3, 1], [7, 98, 120, 3, 1]]
    assert said["latencies"] == pytest.approx([12.42, 12.42])
    assert said["energies"] == pytest.approx([38.1, 38.1])
    assert [float(part) for part in said["sum"].split("+-")] == pytest.approx([24.84, 0.25])


def test_once_for_all_reads_a_block(tmp_path: Path, python: Path) -> None:
    run = run_of(tmp_path, {"model": "block"})
    export([run], "ofa", tmp_path / "lut.yaml", chosen=Chosen(names={"block": BLOCK}))
    assert read(python, "ofa", tmp_path / "lut.yaml") == pytest.approx(12.42)


def test_fedscale_reads_speeds_and_availability(tmp_path: Path, python: Path) -> None:
    files = [tmp_path / "capacity", tmp_path / "availability"]
    for to, path in zip(("fedscale", "fedscale-availability"), files, strict=True):
        export([], to, path, calibrations=[fleet()], chosen=Chosen(pickled=True))
    said = read(python, "fedscale", *files)
    # Ten steps of 120 ms, as measured; 2,000 kbit at 6 Mbit/s.
    assert said["times"]["0"] == {"computation": pytest.approx(1.2), "communication": pytest.approx(1 / 3)}
    assert said["active"] == [100, 200, 300, 400, *range(2000, 3000, 100)]

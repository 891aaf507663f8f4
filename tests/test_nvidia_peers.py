"""Zeus, unmodified, beside us on the stand-in library: the same power, the same windows, the same counter."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgewatt.virtual_lab.nvidia.families import FAMILIES
from edgewatt.virtual_lab.nvidia.gpu import Gpu
from edgewatt.virtual_lab.nvidia.lab import NvmlLab, nvml_lab
from tests.adbd.packages import Unavailable
from tests.environments import environment
from tests.nvidia_peers.windows import ZEUS, LabClock, S, Windows, by_edgewatt, by_zeus, loaded, score, windows

pytestmark = [pytest.mark.peer, pytest.mark.timeout(600)]  # the first time, pip downloads
START_NS = 10 * S

Lab = Callable[[str, Windows], NvmlLab]


@pytest.fixture(scope="session")
def zeus() -> Path:
    try:
        return environment(ZEUS.replace("==", "-"), ZEUS)
    except Unavailable as error:
        pytest.skip(str(error))


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    if shutil.which("cc") is None:
        pytest.skip("there is no C compiler for the stand-in library")

    def made(family: str, asked: Windows) -> NvmlLab:
        folder = tmp_path / f"{family}-{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        gpu = Gpu(FAMILIES[family], power=asked.power, seed=7, exact=True)
        return nvml_lab(folder, [gpu], clock_ns=START_NS)

    return made


@pytest.mark.parametrize("family", ["a100", *(pytest.param(of, marks=pytest.mark.long) for of in ("v100", "rtx3090"))])
def test_our_energies_are_at_most_half_as_far_off(lab: Lab, zeus: Path, family: str) -> None:
    asked = windows(1, 20, START_NS, longest_s=4.0)
    ours, theirs = lab(family, asked), lab(family, asked)
    with loaded(ours):
        told = by_edgewatt(LabClock(ours, START_NS, 3), asked)
    truth_j = ours.energy_j(asked.t0_ns, asked.t1_ns)
    found = score(told.energy_j["nvml0/energy"], by_zeus(zeus, theirs, asked), truth_j)
    assert found.given == len(truth_j)
    assert found.failures == 0
    assert found.ratio <= 0.5
    assert told.learnt["update_period_basis"] == "measured"
    assert told.learnt["update_period_s"] == pytest.approx(FAMILIES[family].period_s, rel=0.03)


def test_both_read_the_same_counter(lab: Lab, zeus: Path) -> None:
    """Over 20 s the edges are small beside the whole: then both agree, and with the truth."""
    asked = Windows(np.array([START_NS + 3 * S]), np.array([START_NS + 23 * S]), [(START_NS, 250.0)])
    ours, theirs = lab("a100", asked), lab("a100", asked)
    with loaded(ours):
        told = by_edgewatt(LabClock(ours, START_NS, 3), asked)
    by_us, by_them = told.energy_j["nvml0/energy"], by_zeus(zeus, theirs, asked)
    assert by_us == pytest.approx(by_them, rel=0.01)
    assert by_us == pytest.approx(ours.energy_j(asked.t0_ns, asked.t1_ns), rel=0.002)

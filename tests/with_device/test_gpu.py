"""A real GPU, wherever one is at hand: what it is like, and that counter and integral agree."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.peer, pytest.mark.timeout(300)]
ROOT = Path(__file__).parents[2]


def test_counter_and_integral_agree_on_a_real_gpu() -> None:
    """In a process of its own: in this one a test may have loaded the stand-in library."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.with_device.gpu"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if "not measured" in done.stderr:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    print(done.stdout)
    rows = [line.split("|") for line in done.stdout.splitlines() if line.startswith("| nvml0/")]
    joules = [float(row[2].strip().removesuffix(" J")) for row in rows]
    assert joules
    assert all(value > 0 for value in joules)
    if "A loop of copies" in done.stdout:
        assert min(joules) >= 0.8 * max(joules)

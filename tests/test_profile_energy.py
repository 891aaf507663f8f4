"""A profile on a host with rails, end to end: the joules of a counter that runs at a known power."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edgewatt.collectors.runtimes.model_file import bundled_model
from edgewatt.profiler.device import open_device
from edgewatt.profiler.protocols import WorkloadRequest
from edgewatt.profiler.running.profile import ProfileOptions, profile
from tests.trees import Powercap

POWER_W = 50.0
TOLERANCE = 0.2


@contextmanager
def counting(counter: Path) -> Iterator[None]:
    """The counter runs at POWER_W; its digits are replaced in place, so that a reader never finds half of them."""
    stop = threading.Event()

    def run(file: int) -> None:
        while not stop.wait(0.002):
            os.pwrite(file, b"%015d\n" % round(time.monotonic() * POWER_W * 1e6), 0)

    file = os.open(counter, os.O_WRONLY | os.O_TRUNC)
    os.pwrite(file, b"%015d\n" % 0, 0)
    thread = threading.Thread(target=run, args=(file,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        os.close(file)


def test_joules_of_a_counter_at_a_known_power(tmp_path: Path) -> None:
    """Wide tolerances: the counter is moved by a thread in real time. Exact energies have tests in virtual time."""
    sysfs = tmp_path / "sys"
    zone = Powercap(sysfs, range_uj=10**15 - 1).zone("intel-rapl", "0", "package-0", POWER_W)
    # Eight, since on a busy machine repeats differ so much that fewer give an interval above half.
    options = ProfileOptions(repeats=8, seconds=0.4, idle_s=0.5, warmup_limit_s=0.2)
    with counting(zone / "energy_uj"):
        device = open_device(f"host?sysfs={sysfs}")
        trace = profile(device, WorkloadRequest(bundled_model()), tmp_path / "run", meters=(device,), options=options)
    results, repeats = trace.results(), trace.repeats()
    assert results is not None
    assert repeats is not None
    (row,) = results.to_pylist()
    assert (row["energy_source"], row["energy_boundary"]) == ("rapl/package-0", "rail")
    assert row["power_w"] == pytest.approx(POWER_W, rel=TOLERANCE)
    assert row["power_idle_w"] == pytest.approx(POWER_W, rel=TOLERANCE)
    assert row["energy_gross_j_low"] <= row["energy_gross_j_mean"] <= row["energy_gross_j_high"]
    assert row["energy_gross_j_accuracy_low"] is None, "nobody stated the gain"
    for repeat in repeats.to_pylist():
        took_s = (repeat["t1_ns"] - repeat["t0_ns"]) / 1e9
        assert repeat["energy_gross_j"] * repeat["iterations"] == pytest.approx(POWER_W * took_s, rel=TOLERANCE)
    assert [window.name for window in trace.windows("idle/")] == ["idle/before", "idle/after"]

"""A virtual phone whose connection is cut while it is watched: it comes back, and the gap is shown."""

import time
from collections.abc import Callable
from urllib.parse import urlencode

import numpy as np
import pytest

from edgewatt.profiler.watching.connection import Asked
from edgewatt.profiler.watching.view import DeviceView
from edgewatt.profiler.watching.watch import Watch
from edgewatt.reports.live.text_line import text_lines
from edgewatt.virtual_lab.phone.lab import phone_lab

pytestmark = pytest.mark.peer
PATIENCE_S = 100.0


def until(watch: Watch, holds: Callable[[DeviceView], bool]) -> DeviceView:
    """The view once it holds."""
    end_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < end_s:
        seen = watch.look().devices[0]
        if holds(seen):
            return seen
        time.sleep(0.1)
    pytest.fail(f"never seen: {seen}")


def test_a_cut_is_survived() -> None:
    with phone_lab("pixel", seed=1) as phone:
        said = phone.to_json()
        where = urlencode({name: said[name] for name in ("sysfs", "proc", "tmp")})
        with Watch([Asked(f"adb+tcp://{said['adb']}?services=off&period=0.1&{where}")]) as watch:
            until(watch, lambda device: any(line.is_source and line.energy_j for line in device.lines))
            phone.adb.faults.refuse()
            phone.adb.faults.cut()
            away = until(watch, lambda device: device.state == "silent")
            assert away.gaps > 0
            assert all(line.value is None for line in away.lines)
            assert "NO SAMPLES" in text_lines(watch.look())[0]
            phone.adb.faults.refuse(False)
            before = away.samples
            back = until(watch, lambda device: device.state == "connected" and device.samples > before + 20)
            assert back.simulated
            assert back.lines[0].value is not None
            series = until(watch, lambda device: np.isfinite(device.lines[0].series[-1])).lines[0].series
            came = np.flatnonzero(np.isfinite(series))
            assert np.isnan(series[came[0] : came[-1]]).any()

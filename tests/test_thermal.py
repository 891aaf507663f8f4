"""The thermal gate: as cool as last time, or the run says that it was hot."""

from collections.abc import Callable
from pathlib import Path

import pytest

from edgewatt.profiler.clock import HostClock
from edgewatt.profiler.device import open_device
from edgewatt.profiler.running import thermal
from edgewatt.profiler.running.beginning import begin_run
from edgewatt.profiler.running.recording import Recording
from edgewatt.profiler.running.thermal import ThermalGate
from tests.trees import thermal_zone


class Told:
    """Progress that keeps what it was told, and lets something happen each time."""

    def __init__(self, then: Callable[[], object] = lambda: None) -> None:
        self.phases: list[str] = []
        self._then = then

    def phase(self, what: str, seconds_left: float | None = None) -> None:  # noqa: ARG002
        self.phases.append(what)
        self._then()


def run(folder: Path, sysfs: Path, limit_s: float, told: Told) -> list[str]:
    """One run that only waits at the gate; its reasons."""
    device = open_device(f"host?sysfs={sysfs}")
    with Recording(begin_run(folder, device), (), HostClock()) as recording:
        ThermalGate(device, recording, limit_s).wait(told, 0.0)
    return recording.reasons


def test_a_run_waits_until_it_is_as_cool_as_the_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thermal, "POLL_S", 0.02)
    zone = thermal_zone(tmp_path / "sys", 0, "x86_pkg_temp", 40_000)
    first = Told()
    assert run(tmp_path / "first", tmp_path / "sys", 1.0, first) == []
    assert first.phases == [], "the first run has nothing to wait for"

    (zone / "temp").write_text("60000\n")
    assert run(tmp_path / "hot", tmp_path / "sys", 0.1, Told()) == ["hot"]

    (zone / "temp").write_text("70000\n")
    cooling = Told(lambda: (zone / "temp").write_text("61000\n"))
    assert run(tmp_path / "cooled", tmp_path / "sys", 60.0, cooling) == []
    assert cooling.phases == ["cooling from 70 C to 60 C"]


def test_without_a_sensor_the_gate_is_open(tmp_path: Path) -> None:
    (tmp_path / "sys").mkdir()
    told = Told()
    assert run(tmp_path / "run", tmp_path / "sys", 60.0, told) == []
    assert told.phases == []

"""The thermal gate: as cool as last time, or the run says that it was hot."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgewatt.profiler.batch import Batch
from edgewatt.profiler.channel import Channel, Opened
from edgewatt.profiler.clock import Clock, HostClock
from edgewatt.profiler.device import Device, open_device
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.running import thermal
from edgewatt.profiler.running.beginning import begin_run
from edgewatt.profiler.running.recording import Recording
from edgewatt.profiler.running.thermal import Ambient, ThermalGate
from edgewatt.profiler.units import Quantity
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


class Room:
    """A thermometer in the room, which reads one temperature after the other."""

    def __init__(self, *celsius: float) -> None:
        self._celsius = list(celsius)

    def open(self, clock: Clock) -> Opened:
        self._clock = clock
        return Opened("room", {"": (Channel("room", Quantity.TEMPERATURE),)} if self._celsius else {})

    def read(self, timeout_s: float) -> Batch:
        self._clock.sleep(min(timeout_s, 0.002))
        now_c = self._celsius.pop(0) if len(self._celsius) > 1 else self._celsius[0]
        return Batch(np.array([self._clock.now_ns()]), {"room.temperature_c": np.array([now_c])})

    def close(self) -> None:
        """Nothing is open."""


def waited(folder: Path, room: Room | None, ambient: Ambient) -> tuple[list[str], list[str]]:
    """The reasons of a run that waits for its room, and what was said of it."""
    sensors = () if room is None else (room,)
    device = Device("made", "made up", "f00d", sensors, room=sensors)
    told = Told()
    with Recording(begin_run(folder, device), sensors, HostClock()) as recording:
        ThermalGate(device, recording, 0.0).wait_for_room(ambient, told, 0.0)
    return recording.reasons, told.phases


def test_a_run_waits_for_its_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thermal, "POLL_S", 0.01)
    reasons, said = waited(tmp_path / "run", Room(*[27.0] * 40, 23.4), Ambient(23.0, limit_s=600.0))
    assert reasons == []
    assert "waiting for a room of 23 C, it is 27.0 C" in said


def test_a_room_that_stays_warm_marks_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thermal, "POLL_S", 0.05)
    assert waited(tmp_path / "run", Room(27.0), Ambient(23.0, limit_s=0.5))[0] == ["ambient_off:27.0 C"]


def test_a_room_without_a_sensor_is_not_waited_for(tmp_path: Path) -> None:
    assert waited(tmp_path / "run", None, Ambient(23.0)) == (["ambient_unknown"], [])


@pytest.mark.parametrize(("celsius", "tolerance_c"), [(-50.0, 1.0), (float("nan"), 1.0), (20.0, 0.0)])
def test_no_room_is_like_that(celsius: float, tolerance_c: float) -> None:
    with pytest.raises(UsageError):
        Ambient(celsius, tolerance_c)

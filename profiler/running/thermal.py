"""The thermal gate: a run starts as cool as the last one on this device did, or says that it was hot."""

import json
from typing import Any, Final

from edgewatt.profiler.device import Device
from edgewatt.profiler.identity import sha256_of_json
from edgewatt.profiler.progress import Progress
from edgewatt.profiler.running.recording import Recording
from edgewatt.profiler.state import state_folder

# Temperatures within this of each other count as the same start: half of the 5 degree classes by which
# conditions.py compares runs.
TOLERANCE_C: Final = 2.5
POLL_S: Final = 1.0
REASON: Final = "hot"


class ThermalGate:
    """Waits until `device` is as cool as at the start of its last run, at most `limit_s` seconds.

    The first run on a device has nothing to wait for. Where no temperature can be read the gate is open.
    """

    def __init__(self, device: Device, recording: Recording, limit_s: float) -> None:
        self._device, self._recording, self._limit_s = device, recording, limit_s
        self._file = state_folder("thermal") / f"{sha256_of_json({'device_id': device.device_id})[:16]}.json"
        self._goal_c = self._last_start_c()
        self._started = False

    def wait(self, progress: Progress, left_s: float) -> None:
        """Wait; mark the run "hot" if the limit came first. The first wait's end is this run's start."""
        waited_s, now_c = 0.0, self._temperature_c()
        while self._goal_c is not None and now_c is not None and now_c > self._goal_c + TOLERANCE_C:
            if waited_s >= self._limit_s:
                self._recording.reasons.append(REASON)
                break
            progress.phase(f"cooling from {now_c:.0f} C to {self._goal_c:.0f} C", left_s)
            self._recording.wait(POLL_S)
            waited_s += POLL_S
            now_c = self._temperature_c()
        if not self._started and now_c is not None:
            self._started = True
            self._goal_c = now_c
            self._file.write_text(json.dumps({"start_c": now_c}))

    def _temperature_c(self) -> float | None:
        value = self._device.target.facts().get("temperature_c") if self._device.target is not None else None
        return float(value) if isinstance(value, int | float) else None

    def _last_start_c(self) -> float | None:
        try:
            stored: Any = json.loads(self._file.read_text())
            return float(stored["start_c"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

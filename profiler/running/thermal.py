"""The thermal gate: a run starts as cool as the last one on this device did, or says that it was hot.

Between repeats it waits until the device is as cool as at the run's own start; and before all of it until the room is
as warm as was asked for, where a sensor tells.
"""

import json
from dataclasses import dataclass
from typing import Any, Final

from edgewatt.profiler.device import Device
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.identity import sha256_of_json
from edgewatt.profiler.progress import Progress
from edgewatt.profiler.running.recording import Recording
from edgewatt.profiler.state import state_folder

# Temperatures within this of each other count as the same start: half of the 5 degree classes by which
# conditions.py compares runs.
TOLERANCE_C: Final = 2.5
POLL_S: Final = 1.0
REASON: Final = "hot"
# The reason codes of a room that was not as warm as asked for within the limit, and of one that nobody measures.
AMBIENT_OFF, AMBIENT_UNKNOWN = "ambient_off", "ambient_unknown"


@dataclass(frozen=True, slots=True)
class Ambient:
    """How warm the room has to be, within `tolerance_c`, and how long that is waited for."""

    celsius: float
    tolerance_c: float = 1.0
    limit_s: float = 600.0

    def __post_init__(self) -> None:
        """Refuse what no room is."""
        if not -40 <= self.celsius <= 85:
            raise UsageError(f"the room is to be {self.celsius:g} C; expected a set-point from -40 to 85")
        if not (0 < self.tolerance_c < float("inf") and 0 <= self.limit_s < float("inf")):
            raise UsageError("the tolerance of the room's temperature must be above 0, and its limit from 0 on")


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
        is_cool, now_c = self._cooled(progress, left_s, self._limit_s)
        if not is_cool:
            self._recording.reasons.append(REASON)
        if not self._started and now_c is not None:
            self._started = True
            self._goal_c = now_c
            self._file.write_text(json.dumps({"start_c": now_c}))

    def cool_down(self, progress: Progress, left_s: float, limit_s: float) -> bool:
        """Wait until it is as cool as at the start of this run; False if it was not within `limit_s` seconds.

        With a limit of 0 nothing is waited for or looked at.
        """
        return not limit_s or self._cooled(progress, left_s, limit_s)[0]

    def wait_for_room(self, ambient: Ambient, progress: Progress, left_s: float) -> None:
        """Wait until the room is as warm as asked for; mark the run if it never is, or if nobody measures it."""
        waited_s = 0.0
        while (now_c := self._recording.celsius_of(self._device.room)) is None or abs(
            now_c - ambient.celsius
        ) > ambient.tolerance_c:
            if waited_s >= ambient.limit_s or not self._device.room:
                self._recording.reasons.append(AMBIENT_UNKNOWN if now_c is None else f"{AMBIENT_OFF}:{now_c:.1f} C")
                return
            seen = "its sensor has said nothing yet" if now_c is None else f"it is {now_c:.1f} C"
            progress.phase(f"waiting for a room of {ambient.celsius:g} C, {seen}", left_s)
            self._recording.wait(POLL_S)
            waited_s += POLL_S

    def _cooled(self, progress: Progress, left_s: float, limit_s: float) -> tuple[bool, float | None]:
        """Whether it became cool enough within the limit, and how warm it is now."""
        waited_s, now_c = 0.0, self._temperature_c()
        while self._goal_c is not None and now_c is not None and now_c > self._goal_c + TOLERANCE_C:
            if waited_s >= limit_s:
                return False, now_c
            progress.phase(f"cooling from {now_c:.0f} C to {self._goal_c:.0f} C", left_s)
            self._recording.wait(POLL_S)
            waited_s += POLL_S
            now_c = self._temperature_c()
        return True, now_c

    def _temperature_c(self) -> float | None:
        value = self._device.target.facts().get("temperature_c") if self._device.target is not None else None
        return float(value) if isinstance(value, int | float) else None

    def _last_start_c(self) -> float | None:
        try:
            stored: Any = json.loads(self._file.read_text())
            return float(stored["start_c"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

"""The trains of pulses in a run: where a meter stands beside a device that can execute them."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from edgewatt.profiler.analysis.synchronised import train_attributes
from edgewatt.profiler.device import Device
from edgewatt.profiler.errors import DeviceError
from edgewatt.profiler.progress import Progress
from edgewatt.profiler.running.recording import Recording
from edgewatt.profiler.synchronising.train import TRAIN_S, Pulses, train
from edgewatt.profiler.window import Window

# Nothing else may happen right before the first pulse and right after the last; assumed.
QUIET_S: Final = 0.5
# Starting the train on the device, a second of it over adb (assumed).
SYNCHRONISING_S: Final = TRAIN_S + 2 * QUIET_S + 1.0
# The reason code where the device did not execute a train: the clocks are then compared by echoes alone.
NOT_SYNCHRONISED: Final = "not_synchronised"


@dataclass(frozen=True, slots=True)
class Synchronising:
    """Executes trains that the named sources should see; without any it takes no time and does nothing."""

    recording: Recording
    clock: str
    sources: tuple[str, ...] = ()
    pulses: Pulses | None = None

    @classmethod
    def of(cls, recording: Recording, device: Device, meters: Sequence[Device]) -> "Synchronising":
        """Of the meters that are other devices than the one that is measured, and that its pulses load."""
        beside = [meter for meter in meters if meter.uri != device.uri and meter.sees_pulses]
        sources = tuple(name for meter in beside for name in recording.sources_of(meter.collectors))
        return cls(recording, device.clock, sources, device.pulses if sources else None)

    @property
    def takes_s(self) -> float:
        """About how long one train takes, with what is around it."""
        return 0.0 if self.pulses is None else SYNCHRONISING_S

    def train(self, name: str, progress: Progress, left_s: float) -> None:
        """Execute a train, each time another one, and record the window `name` with its edges.

        A device that fails marks the run and does not stop it.
        """
        if self.pulses is None:
            return
        progress.phase("synchronising", left_s)
        self.recording.wait(QUIET_S)
        try:
            edges = self.pulses(train(secrets.randbits(32)))
        except DeviceError as error:
            self.recording.reasons.append(f"{NOT_SYNCHRONISED}: {error}")
            return
        span = int(edges.begin_ns[0]), int(edges.end_ns[-1])
        attributes = train_attributes(edges, self.sources)
        self.recording.window(Window(name, *span, clock=self.clock, attributes=attributes))
        self.recording.wait(QUIET_S)

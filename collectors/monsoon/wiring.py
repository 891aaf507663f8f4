"""Which decoder a meter needs, and the voltage at its terminals by a short look."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from edgewatt.collectors.monsoon.calibration import CHANNELS, Scales
from edgewatt.collectors.monsoon.decoding import Samples
from edgewatt.collectors.monsoon.meter import Meter, Status
from edgewatt.collectors.monsoon.serial_samples import SCALES, SerialSamples
from edgewatt.collectors.monsoon.usb_samples import HVPM, LVPM, UsbSamples
from edgewatt.collectors.monsoon.usb_scales import AUX_ASSUMED, Numbers, read_scales
from edgewatt.profiler.errors import DeviceError

# A tenth of a second of samples is enough for a voltage.
LOOK_SAMPLES: Final = 500
_LOOK_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Wiring:
    """A meter's status, its own scales, and the channels they are known for."""

    status: Status
    scales: Scales
    channels: tuple[str, ...]

    @property
    def voltages(self) -> tuple[str, ...]:
        """The channels whose voltage is on the wire: over serial one alone, which the meter says."""
        if self.status.wire == "usb":
            return CHANNELS[:2]
        return ("main",) if self.status.voltage_is_main else ("aux",)

    @property
    def assumed(self) -> Mapping[str, str]:
        """What is assumed of a channel, to be said with its source."""
        return {"aux": AUX_ASSUMED} if (self.status.model, self.status.wire) == ("lvpm", "usb") else {}

    def samples(self, channels: tuple[str, ...]) -> Samples:
        """A decoder of what it sends."""
        if self.status.wire == "serial":
            return SerialSamples(channels, revision=self.status.revision or 0, voltage=self.voltages[0])
        return UsbSamples(HVPM if self.status.model == "hvpm" else LVPM, self.scales, channels)


def wiring_of(meter: Meter) -> Wiring:
    """What a meter that does not sample says of itself. Raises DeviceError."""
    status = meter.status()
    if isinstance(meter, Numbers):
        return Wiring(status, *read_scales(meter))
    return Wiring(status, SCALES, CHANNELS)


def terminal_voltage(meter: Meter, wiring: Wiring) -> float:
    """The mean main voltage of a tenth of a second, in volts. Raises DeviceError if nothing comes."""
    if not wiring.status.voltage_is_main:
        raise DeviceError(
            f"{meter.where}: it measures the voltage of its AUX terminals, so that of main cannot be checked"
        )
    samples, seen = wiring.samples(CHANNELS[:1]), np.empty(0, np.float32)
    deadline_s = time.monotonic() + _LOOK_S
    meter.start()
    try:
        while len(seen) < LOOK_SAMPLES and time.monotonic() < deadline_s:
            for frames in samples.take(meter.read(0.1)):
                seen = np.append(seen, frames.columns["main.voltage_v"][frames.measured()])
    finally:
        meter.stop()
    if not len(seen):
        raise DeviceError(f"{meter.where}: no samples within {_LOOK_S:g} s, so its voltage cannot be checked")
    return float(seen.mean())

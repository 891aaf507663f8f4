"""How a device's clock is compared with the host's: bracketed questions at the start and at the end of a run."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from edgewatt.profiler.clock import NS_PER_S, Clock
from edgewatt.profiler.clockfit import ClockFit, Echo, fit_echoes
from edgewatt.profiler.device import Device
from edgewatt.profiler.errors import DeviceError

# The fastest of so many answers decides (measurement.md, Clocks); over a cable one takes 2 to 5 ms.
ECHOES: Final = 12
# Without a second look the drift is not known: two quartz clocks, each within 50 ppm (assumed, the usual tolerance of a
# 32 kHz crystal at room temperature).
DRIFT_UNKNOWN: Final = 1e-4
# The reason code, as of a device that is away at the end.
CLOCK_DRIFT_UNKNOWN: Final = "clock_drift_unknown"


class DeviceClock:
    """The fit of the clock of `device` to `clock`; nothing to do where the device stamps by the host's own."""

    def __init__(self, device: Device, clock: Clock) -> None:
        self._device, self._clock = device, clock
        self._start: list[Echo] = []
        self.reasons: list[str] = []

    @property
    def is_needed(self) -> bool:
        """True if the device has a clock of its own."""
        return self._device.clock != self._clock.name and self._device.target is not None

    def begin(self) -> Mapping[str, dict[str, Any]]:
        """The fit by a first look, as the manifest holds it. Raises DeviceError without an answer."""
        self._start = self._echoes()
        return {self._device.clock: fit_echoes(self._device.clock, self._start).to_json()}

    def end(self) -> ClockFit:
        """The fit by both looks; if the device is gone or its clock went back, by the first, widened."""
        name = self._device.clock
        try:
            return fit_echoes(name, self._start, self._echoes())
        except DeviceError as error:
            self.reasons.append(f"{CLOCK_DRIFT_UNKNOWN}: {error}")
        once = fit_echoes(name, self._start)
        elapsed_s = (self._clock.now_ns() - self._start[0].asked_ns) / NS_PER_S
        return replace(once, bound_ns=once.bound_ns + round(DRIFT_UNKNOWN * elapsed_s * NS_PER_S))

    def _echoes(self) -> list[Echo]:
        assert self._device.target is not None  # noqa: S101  (is_needed)
        return [self._device.target.probe_clock(self._clock) for _ in range(ECHOES)]

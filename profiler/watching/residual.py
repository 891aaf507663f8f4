"""How far a device's clock lies beside what earlier looks at it foretold."""

from typing import Final

from edgewatt.profiler.clock import NS_PER_S, Clock
from edgewatt.profiler.clockfit import ClockFit, Echo, fit_echoes
from edgewatt.profiler.device import Device
from edgewatt.profiler.errors import DeviceError
from edgewatt.profiler.running.clocks import ECHOES
from edgewatt.profiler.watching.view import ClockView

# Looking asks the device a few questions, which costs it a little: seldom, and few.
FIRST_AFTER_S: Final = 10.0
EVERY_S: Final = 30.0
LATER_ECHOES: Final = 4


class WatchedClock:
    """The clock of a device that stamps by its own: its fit to the host's, looked at again now and then."""

    def __init__(self, device: Device, clock: Clock) -> None:
        self._device, self._clock = device, clock
        self._first: list[Echo] = []
        self._next_ns = 0
        self.fit: ClockFit | None = None
        self.residual_s: float | None = None

    @property
    def is_needed(self) -> bool:
        """True if the device has a clock of its own."""
        device = self._device
        return device.clock != self._clock.name and device.target is not None and device.recorded is None

    def begin(self) -> None:
        """Look for the first time. Raises DeviceError without an answer."""
        self._first = self._echoes(ECHOES)
        self.fit = fit_echoes(self._device.clock, self._first)
        self._next_ns = self._clock.now_ns() + round(FIRST_AFTER_S * NS_PER_S)

    def again(self) -> None:
        """Look again if it is time. Raises DeviceError without an answer, or if the clock went back."""
        if self.fit is None or self._clock.now_ns() < self._next_ns:
            return
        self._next_ns = self._clock.now_ns() + round(EVERY_S * NS_PER_S)
        seen = self._echoes(LATER_ECHOES)
        self.residual_s = residual_s(self.fit, seen)
        self.fit = fit_echoes(self._device.clock, self._first, seen)

    def view(self) -> tuple[ClockView, ...]:
        """What is known of it; nothing before the first look."""
        fit = self.fit
        if fit is None:
            return ()
        drift = None if self.residual_s is None else fit.drift
        return (ClockView(fit.clock, fit.bound_ns / NS_PER_S, self.residual_s, drift),)

    def _echoes(self, count: int) -> list[Echo]:
        if self._device.target is None:
            raise DeviceError(f"{self._device.uri} has nobody to ask for the time")
        return [self._device.target.probe_clock(self._clock) for _ in range(count)]


def residual_s(fit: ClockFit, seen: list[Echo]) -> float:
    """Seconds from where the fit places the best of these looks to where it was; positive: the device's clock is slow.

    The best look is the one of least round trip; it happened in the middle of that, within half of it.
    """
    best = min(seen, key=lambda echo: echo.answered_ns - echo.asked_ns)
    placed_ns = best.device_ns + fit.offset_ns + round(fit.drift * (best.device_ns - fit.origin_ns))
    return ((best.asked_ns + best.answered_ns) / 2 - placed_ns) / NS_PER_S

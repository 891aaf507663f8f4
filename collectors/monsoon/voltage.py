"""The output voltage: changed only when asked, in small steps from where it is, and compared with what is measured."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from edgewatt.collectors.monsoon.meter import Meter, Model, Status
from edgewatt.profiler.errors import DeviceError, UsageError

# What a phone in operation survives (assumed): smaller steps than the 0.1 V of AOSP's ramp, and its pause.
STEP_V: Final = 0.05
PAUSE_S: Final = 0.02
# Where AOSP CTS begins its ramp: a phone that runs does not below (second-hand; assumed to hold for all).
LEAST_LIVE_V: Final = 3.0
# More than that at once on something that runs is the wrong thing, or the wrong number (assumed).
MOST_RISE_V: Final = 1.0
# How near the measured voltage has to come (facts/meters.md: e.g. within 0.1 V), and how long it may take.
WITHIN_V: Final = 0.1
SETTLE_S: Final = 2.0
# PyMonsoon: outside of these the voltage that comes out is not the one that was set.
DAC_LOW: Final = (0xD000, 0xF000)
DAC_HIGH: Final = (0xC000, 0xD000)


@dataclass(frozen=True, slots=True)
class Range:
    """What a model can give, in volts; 0 is off."""

    low_v: float
    high_v: float

    def check(self, volt: float, model: Model) -> None:
        """Raise UsageError for a voltage that the model cannot give."""
        if volt != 0 and not self.low_v <= volt <= self.high_v:
            raise UsageError(
                f"voltage={volt:g}: an {model.upper()} gives 0 (off) or {self.low_v:g} to {self.high_v:g} V"
            )


def check_live(live_v: float, volt: float) -> None:
    """Raise UsageError for a change that would end or damage what runs on the output now."""
    if not live_v or not volt:
        return
    if volt < min(LEAST_LIVE_V, live_v):
        raise UsageError(
            f"voltage={volt:g}: the output is at {live_v:g} V now, and what runs on it would not survive below "
            f"{LEAST_LIVE_V:g} V; switch it off first with voltage=0"
        )
    if volt > live_v + MOST_RISE_V:
        raise UsageError(
            f"voltage={volt:g}: the output is at {live_v:g} V now; more than {MOST_RISE_V:g} V above that is refused, "
            "for what runs on it: check the wiring, switch it off with voltage=0, then set it"
        )


def check_dac(status: Status) -> None:
    """Raise DeviceError if a meter's voltage calibration is one with which wildly wrong voltages come out."""
    if status.wire != "usb" or status.dac is None:
        return
    low, high = status.dac
    if not (DAC_LOW[0] < low < DAC_LOW[1] and DAC_HIGH[0] < high < DAC_HIGH[1]):
        raise DeviceError(
            f"voltage: the DAC calibration of this meter is off (0x{low:04x} and 0x{high:04x}; expected between 0xd000 "
            "and 0xf000, 0xc000 and 0xd000): what it puts out would not be what it is told. Update it to firmware 32 "
            "and calibrate its voltage with the vendor's tools"
        )


def steps(live_v: float, volt: float) -> list[float]:
    """The voltages to set one after the other, each between the live one and the end; off and on are one step.

    >>> steps(4.1, 4.2)
    [4.15, 4.2]
    """
    if not live_v or not volt:
        return [volt]
    count = max(int(np.ceil(round(abs(volt - live_v) / STEP_V, 6))), 1)
    return [round(live_v + (volt - live_v) * k / count, 3) for k in range(1, count)] + [volt]


def set_voltage(
    meter: Meter,
    status: Status,
    volt: float,
    allowed: Range,
    measure: Callable[[Meter], float],
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> float:
    """Set the output and give what is measured there. Raises UsageError before anything is touched, DeviceError after.

    `measure` gives the voltage at the terminals. Where the meter does not tell what it is set to, that is what counts
    as live. Where it tells, but that is not what comes out, no other voltage would either, and it is left as it is; if
    that shows only afterwards, it is put back.
    """
    allowed.check(volt, status.model)
    check_dac(status)
    live_v = status.output_v if status.output_v is not None else measure(meter)
    check_live(live_v, volt)
    if abs(live_v - volt) <= 1e-9:
        return _measured(meter, volt, measure, "nothing was changed")
    if live_v and volt and status.output_v is not None:
        _measured(meter, live_v, measure, "nothing was changed; voltage=0 switches it off")
    _ramp(meter, live_v, volt, sleep)
    told_v = meter.status().output_v
    if told_v is not None and abs(told_v - volt) > STEP_V / 2:
        raise DeviceError(f"{meter.where}: the output was set to {volt:g} V and reads back {told_v:g} V")
    try:
        return _measured(meter, volt, measure, f"it is back at {live_v:g} V" if live_v else "it is off again")
    except DeviceError:
        _ramp(meter, volt, live_v, sleep)
        raise


def _ramp(meter: Meter, from_v: float, volt: float, sleep: Callable[[float], None]) -> None:
    for step_v in steps(from_v, volt):
        meter.set_voltage(step_v)
        sleep(PAUSE_S)


def _measured(meter: Meter, volt: float, measure: Callable[[Meter], float], then: str) -> float:
    """What comes out, once it is what is set; `then` is said where it does not get there. Raises DeviceError."""
    deadline_s = time.monotonic() + SETTLE_S
    while abs((seen_v := measure(meter)) - volt) > WITHIN_V:
        if not volt:
            return seen_v  # what hangs on it may hold its own voltage
        if seen_v > volt or time.monotonic() > deadline_s:
            raise DeviceError(
                f"{meter.where}: the output is set to {volt:g} V and {seen_v:.2f} V are measured there; look for a "
                "short, a current limit (the red light), another supply at the same terminals, or a meter whose "
                f"voltage is not calibrated. {then[0].upper()}{then[1:]}"
            )
    return seen_v

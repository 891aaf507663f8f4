"""Temperatures of one hwmon chip, such as an SHT3x or LM75 that tells how warm the room is."""

import re
from typing import Final

from edgewatt.collectors.generic.chips import Chip
from edgewatt.collectors.generic.hwmon import TEMPERATURE, Input, Rail, probe
from edgewatt.collectors.generic.polling import Polling, Reading
from edgewatt.collectors.generic.sysfs import unique_names
from edgewatt.profiler.batch import Batch, Gap
from edgewatt.profiler.channel import Channel, Opened, Unavailable
from edgewatt.profiler.clock import Clock

# A room's air; chips of this kind convert within tens of milliseconds.
PERIOD_S: Final = 1.0
_FILE: Final = re.compile(r"temp([0-9]{1,3})_input")


class ChipCelsius:
    """Every temp*_input of a chip, in Celsius, once a second. No joules come from it."""

    def __init__(self, chip: Chip, name: str) -> None:
        self._chip, self._name = chip, f"{name}-temperature"
        self._prefix = name
        self._polling: Polling | None = None

    def open(self, clock: Clock) -> Opened:
        """The temperatures that the chip has."""
        numbers = sorted(int(hit[1]) for name in self._chip.files if (hit := _FILE.fullmatch(name)))
        labels = [self._chip.label(f"temp{number}") or f"temp{number}" for number in numbers]
        names = unique_names((f"{self._prefix}_{label}", self._chip.device) for label in labels)
        found = [
            Rail(name, self._chip.device, (Input(self._chip.folder / f"temp{number}_input", TEMPERATURE),), None)
            for name, number in zip(names, numbers, strict=True)
        ]
        probed = [(one, probe(one)) for one in found]
        missing = [why for _, why in probed if isinstance(why, Unavailable)]
        readings = [_reading(one) for one, why in probed if not isinstance(why, Unavailable)]
        self._polling = Polling(readings, clock, PERIOD_S)
        channels = tuple(channel for reading in readings for channel in reading.channels)
        return Opened(self._name, {"": channels} if channels else {}, tuple(missing), facts={"poll_period_s": PERIOD_S})

    def read(self, timeout_s: float) -> Batch | Gap:
        """One row, a Gap where the chip fails, or an empty Batch if none is due."""
        return Batch.empty() if self._polling is None else self._polling.read(timeout_s)

    def close(self) -> None:
        """Stop reading."""
        self._polling = None

    @staticmethod
    def is_on(chip: Chip) -> bool:
        """True if the chip has a temperature."""
        return any(_FILE.fullmatch(name) for name in chip.files)


def _reading(one: Rail) -> Reading:
    (only,) = one.inputs
    channel = Channel(one.label, only.kind.quantity, source=str(only.path), resolution=only.kind.scale)
    return Reading(f"{one.label} ({only.path})", (channel,), one.read)

"""A virtual meter behind the collectors' own meters: a serial line and a USB device whose time passes by reading."""

import array
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Final, cast

import numpy as np

from edgewatt.collectors.monsoon.capture import TOGETHER_NS
from edgewatt.collectors.monsoon.meter import Meter as Asked
from edgewatt.collectors.monsoon.serial_meter import SerialMeter
from edgewatt.collectors.monsoon.usb_device import UsbDevice
from edgewatt.collectors.monsoon.usb_meter import UsbMeter
from edgewatt.virtual_lab.monsoon.lvpm import Lvpm
from edgewatt.virtual_lab.monsoon.meter import Meter
from edgewatt.virtual_lab.monsoon.usb_meter import UsbMeter as UsbMachine

# From the last sample's end to its reception at best, and how much later on average (exponential); both assumed.
LATE_S, LATER_S = 2e-4, 5e-4


class SerialLine:
    """A serial line to an LVPM; `now_ns` is the true time, which a read lets pass."""

    where = "virtual"

    def __init__(self, meter: Meter, now_ns: int) -> None:
        self._machine, self._said, self.now_ns = Lvpm(meter), b"", now_ns

    def write(self, data: bytes) -> None:
        """To the meter, now."""
        self._said += self._machine.take(data, self.now_ns)

    def read(self, timeout_s: float) -> bytes:
        """What the meter says until so much later."""
        self.now_ns += round(timeout_s * 1e9)
        said, self._said = self._said + self._machine.until(self.now_ns), b""
        return said

    def close(self) -> None:
        """Nothing to give back."""


class UsbLine:
    """A USB device; its time passes as that of a serial line does."""

    where = "virtual"

    def __init__(self, meter: Meter, now_ns: int) -> None:
        self._machine, self._packets, self.now_ns = UsbMachine(meter), deque[bytes](), now_ns

    def control(self, kind: int, request: int, value: int, index: int, data: bytes | int) -> bytes:
        """A control transfer, now."""
        if isinstance(data, int):
            return self._machine.get(kind, request, index, self.now_ns)[:data]
        self._machine.put(kind, request, value, index, data, self.now_ns)
        return b""

    def bulk(self, endpoint: int, buffer: "array.array[int]", timeout_s: float) -> int:
        """The next packet of those until so much later."""
        assert endpoint
        if not self._packets:
            self.now_ns += round(timeout_s * 1e9)
            self._packets.extend(self._machine.prompt(self.now_ns))
        if not self._packets:
            return 0
        packet = self._packets.popleft()
        buffer[: len(packet)] = array.array("B", packet)
        return len(packet)

    def close(self) -> None:
        """Nothing to give back."""


Line = SerialLine | UsbLine
LINES: Final[Mapping[str, Callable[[Meter, int], Line]]] = {"lvpm": SerialLine, "lvpm-usb": UsbLine, "hvpm": UsbLine}


def asked(line: Line) -> Asked:
    """The collectors' meter at the other end of a line."""
    return SerialMeter(line) if isinstance(line, SerialLine) else UsbMeter(cast("UsbDevice", line))


def deliveries(meter: Asked, line: Line, until_ns: int, rng: np.random.Generator) -> Iterator[tuple[int, bytes]]:
    """When bytes of a meter that samples had been received, as its capture tells, and the bytes."""
    while line.now_ns < until_ns:
        pieces = [meter.read(TOGETHER_NS / 1e9)]
        while piece := meter.read(0.0):
            pieces.append(piece)
        yield line.now_ns + round((LATE_S + rng.exponential(LATER_S)) * 1e9), b"".join(pieces)

"""LVPM and HVPM over USB: control transfers, and packets from a bulk endpoint (second-hand: PyMonsoon, pmapi.py).

SET is a vendor request 1 to the device: wValue the low 16 bits, wIndex the operation and the next 8 bits, the whole
number as data. GET is the same request from the device. START is request 2 (wValue: ms between calibrations), STOP
request 3. While it samples the meter answers other requests with 0xFFFFFFFE, and operation 0xC4 says so. What writes
its calibration or resets it is never sent.
"""

import array
import time
from typing import Final

from edgewatt.collectors.monsoon.meter import PASSTHROUGH, Model, Status, passthrough_word
from edgewatt.collectors.monsoon.usb_device import UsbDevice
from edgewatt.collectors.monsoon.usb_samples import packed
from edgewatt.collectors.monsoon.usb_scales import current_counts, limit_ampere
from edgewatt.profiler.errors import DeviceError

SET, GET = 0x40, 0xC0
REQUEST_VALUE, REQUEST_START, REQUEST_STOP = 0x01, 0x02, 0x03
BULK_IN: Final = 0x81
PACKET_B: Final = 64
CALIBRATE_MS: Final = 1250
NO_END: Final = 0xFFFFFFFF
SAMPLING: Final = 0xFFFFFFFE

PASSTHROUGH_MODE, VOLTAGE_CHANNEL, OUTPUT, SERIAL, POWER_UP_LIMIT, RUN_LIMIT, HARDWARE = (
    0x10,
    0x23,
    0x41,
    0x42,
    0x43,
    0x44,
    0x45,
)
DAC_LOW, DAC_HIGH, FIRMWARE, PROTOCOL, START_STATUS = 0x88, 0x89, 0xC0, 0xC1, 0xC4
STARTED: Final = 0x80  # second-hand: PyMonsoon, of firmware 26 and later
COUNTS_PER_VOLT: Final = 1 << 20
HIGHEST_V: Final = 16.0  # what the protocol can say (second-hand: ACTS)
MODELS: Final[dict[int, Model]] = {1: "lvpm", 2: "hvpm"}
_DRAIN_S: Final = 0.5


class UsbMeter:
    """A meter on USB, taken for this process alone. It is stopped, in case somebody left it sampling."""

    def __init__(self, device: UsbDevice) -> None:
        self.where, self._device = device.where, device
        self._buffer = array.array("B", bytes(PACKET_B))
        try:
            self._halt()
            self.model = self._model()
        except BaseException:
            device.close()
            raise

    def status(self) -> Status:
        """Ask for everything, one request each."""
        output_v = self.get(OUTPUT, 4) / COUNTS_PER_VOLT
        return Status(
            model=self.model,
            wire="usb",
            serial=self.get(SERIAL, 2),
            firmware=self.get(FIRMWARE, 2),
            protocol=self.get(PROTOCOL, 1),
            revision=None,
            output_v=round(output_v, 4) if output_v <= HIGHEST_V else None,
            passthrough=passthrough_word(self.get(PASSTHROUGH_MODE, 1)),
            power_up_limit_a=limit_ampere(self.model, self.get(POWER_UP_LIMIT, 2)),
            run_limit_a=limit_ampere(self.model, self.get(RUN_LIMIT, 2)),
            dac=(self.get(DAC_LOW, 2), self.get(DAC_HIGH, 2)),
            voltage_is_main=True,
        )

    def set_voltage(self, volt: float) -> None:
        """0, or what the model can give."""
        self._set(OUTPUT, round(volt * COUNTS_PER_VOLT))

    def set_passthrough(self, mode: str) -> None:
        """A word of PASSTHROUGH."""
        self._set(PASSTHROUGH_MODE, PASSTHROUGH.index(mode))

    def set_current_limits(self, ampere: float) -> None:
        """At power-up and later."""
        counts = current_counts(self.model, ampere)
        self._set(POWER_UP_LIMIT, counts)
        self._set(RUN_LIMIT, counts)

    def start(self) -> None:
        """Begin to sample."""
        self._device.control(SET, REQUEST_START, CALIBRATE_MS, 0, NO_END.to_bytes(4, "little"))

    def read(self, timeout_s: float) -> bytes:
        """The next packet as a slot of 64 bytes, b"" if none came."""
        count = self._device.bulk(BULK_IN, self._buffer, timeout_s)
        return packed(self._buffer[:count].tobytes()) if count else b""

    def stop(self) -> None:
        """Stop, and read what is still queued."""
        self._halt()
        deadline_s = time.monotonic() + _DRAIN_S
        while self.read(0.02) and time.monotonic() < deadline_s:
            continue

    def close(self) -> None:
        """Give the device back."""
        self._device.close()

    def get(self, operation: int, size: int) -> int:
        """The unsigned number of `size` bytes behind an operation. Raises DeviceError while the meter samples."""
        answer = self._device.control(GET, REQUEST_VALUE, 0, operation, 4)
        if len(answer) < size:
            raise DeviceError(f"{self.where}: {len(answer)} bytes for operation 0x{operation:02x}, expected {size}")
        if int.from_bytes(answer, "little") == SAMPLING and len(answer) == 4 and self._samples():
            raise DeviceError(f"{self.where}: it samples for somebody else, and answers nothing meanwhile")
        return int.from_bytes(answer[:size], "little")

    def _samples(self) -> bool:
        """True if it does; an offset of -2 reads like the answer of a meter that samples."""
        answer = self._device.control(GET, REQUEST_VALUE, 0, START_STATUS, 4)
        return bool(answer) and bool(answer[0] & STARTED)

    def _set(self, operation: int, value: int) -> None:
        data = value.to_bytes(4, "little")
        self._device.control(SET, REQUEST_VALUE, value & 0xFFFF, operation | (value >> 16 & 0xFF) << 8, data)

    def _halt(self) -> None:
        self._device.control(SET, REQUEST_STOP, 0, 0, b"")

    def _model(self) -> Model:
        number = self.get(HARDWARE, 2)
        if number not in MODELS:
            raise DeviceError(f"{self.where}: hardware model {number}; expected 1 (LVPM) or 2 (HVPM)")
        return MODELS[number]

"""The LVPM on a serial port: its commands, and its status.

Bodies of frames (second-hand: mobly controllers/monsoon.py, AOSP CTS monsoon.py): 01 00 00 asks for the status; 01 op v
sets: op 01 the voltage in steps of 0.01 V above 2 V, 08 09 and 0a 0b the current limits (low and high byte of
1023 - A/8 x 1023), 10 the USB passthrough. 01 1b 01 goes before each start; nobody says what it means. 02 ff ff ff ff
03 e8 starts: without end, a calibration each 1000 ms (inferred). 03 00 stops. A status may come unasked after a stop.
Nothing else is ever sent: other commands rewrite the calibration or reset the meter.
"""

import struct
import time
from typing import Final, Protocol

from edgewatt.collectors.monsoon.frames import encode, find_status
from edgewatt.collectors.monsoon.meter import PASSTHROUGH, Status, passthrough_word
from edgewatt.profiler.errors import DeviceError

LOWEST_V: Final = 2.0
STEP_V: Final = 0.01
LIMIT_A: Final = 8.0
LIMIT_COUNTS: Final = 1023

ASK, STOP = encode(b"\x01\x00\x00"), encode(b"\x03\x00")
BEFORE_START, START = encode(b"\x01\x1b\x01"), encode(b"\x02\xff\xff\xff\xff\x03\xe8")

# Type to event data, big-endian (second-hand: the vendor's PT4 reader names the same fields).
_STATUS: Final = struct.Struct(">BBB hhhH hhhH BbBxBb HB HHHH BbbHH BBB bbb bbb bbb BH".replace(" ", ""))
_LED_AUX: Final = 0x08
# A status is on its way within milliseconds; a meter that is busy gets a second, as other clients give it, twice.
ANSWER_S: Final = 1.0
ASKS: Final = 2
_QUIET_S: Final = 0.05
_DRAIN_S: Final = 1.0
_DRAIN_B: Final = 1 << 20


class Port(Protocol):
    """A serial line. Raises Unplugged when it is gone."""

    where: str

    def write(self, data: bytes) -> None:
        """Send all of it."""
        ...

    def read(self, timeout_s: float) -> bytes:
        """What is there, or comes within the timeout; b"" if nothing does."""
        ...

    def close(self) -> None:
        """Give it back; idempotent, never raises."""
        ...


class SerialMeter:
    """An LVPM behind a serial line. It is stopped when it is taken, in case somebody left it sampling."""

    def __init__(self, port: Port) -> None:
        self.where, self._port = port.where, port

    def status(self) -> Status:
        """Ask for the status, and wait for it among whatever else comes."""
        received = b""
        self._port.read(0.0)  # an answer to an earlier question is none to this one
        for _ in range(ASKS):
            self._port.write(ASK)
            deadline_s = time.monotonic() + ANSWER_S
            while (left_s := deadline_s - time.monotonic()) > 0 and len(received) < _DRAIN_B:
                received += self._port.read(left_s)
                if (body := find_status(received)) is not None:
                    return parse_status(body)
        raise DeviceError(
            f"{self.where}: no answer of a Monsoon within {ANSWER_S * ASKS:g} s ({len(received)} bytes came, none of "
            "them its status); is it switched on, and is this its port?"
        )

    def set_voltage(self, volt: float) -> None:
        """0, or 2.01 to 4.55 V in steps of 0.01 V."""
        steps = round((volt - LOWEST_V) / STEP_V) if volt else 0
        self._set(0x01, steps)

    def set_passthrough(self, mode: str) -> None:
        """A word of PASSTHROUGH."""
        self._set(0x10, PASSTHROUGH.index(mode))

    def set_current_limits(self, ampere: float) -> None:
        """Of 0 to 8 A, at power-up and later."""
        counts = LIMIT_COUNTS - round(ampere / LIMIT_A * LIMIT_COUNTS)
        for low, high in ((0x08, 0x09), (0x0A, 0x0B)):
            self._set(low, counts & 0xFF)
            self._set(high, counts >> 8)

    def start(self) -> None:
        """Begin to sample."""
        self._port.write(BEFORE_START)
        self._port.write(START)

    def read(self, timeout_s: float) -> bytes:
        """Bytes as they came."""
        return self._port.read(timeout_s)

    def stop(self) -> None:
        """Stop, and read until nothing comes for a moment."""
        self._port.write(STOP)
        deadline_s = time.monotonic() + _DRAIN_S
        while self._port.read(_QUIET_S) and time.monotonic() < deadline_s:
            continue

    def close(self) -> None:
        """Give the port back."""
        self._port.close()

    def _set(self, operation: int, value: int) -> None:
        self._port.write(encode(bytes([0x01, operation, value])))


def parse_status(body: bytes) -> Status:
    """The status in a frame's body of at least 58 bytes; what comes after these is of a later protocol.

    >>> parse_status(bytes([0x10]) + bytes(57)).serial
    0
    """
    fields = _STATUS.unpack_from(body)
    (_, firmware, protocol, *_rest) = fields
    output, temperature, bits, leds = fields[11:15]
    serial, rate_khz, dac_low, dac_high, power_up, run = fields[16:22]
    revision, passthrough = fields[27], fields[29]
    return Status(
        model="lvpm",
        wire="serial",
        serial=serial,
        firmware=firmware,
        protocol=protocol,
        revision=revision,
        output_v=round(LOWEST_V + STEP_V * output, 2) if output else 0.0,
        passthrough=passthrough_word(passthrough),
        power_up_limit_a=_ampere(power_up),
        run_limit_a=_ampere(run),
        rate_khz=rate_khz,
        temperature_c=temperature,
        dac=(dac_low, dac_high),
        voltage_is_main=not leds & _LED_AUX,
        events={"event": fields[-2], "event_data": fields[-1], "status_bits": bits, "leds": leds},
    )


def _ampere(counts: int) -> float:
    return round(LIMIT_A * (LIMIT_COUNTS - counts) / LIMIT_COUNTS, 3)

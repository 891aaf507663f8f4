"""The frames of the serial LVPM, as bytes (meters.md 1.1 to 1.4; what is marked assumed there is assumed here).

A frame is L, a body of L - 1 bytes, and the sum of both modulo 256. Multi-byte numbers are big-endian.
"""

import struct
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.virtual_lab.monsoon.adc import Counts
from edgewatt.virtual_lab.monsoon.feeds import Instants
from edgewatt.virtual_lab.monsoon.meter import Meter

Rows = NDArray[np.uint8]

STATUS_TYPE: Final = 0x10
SAMPLES_TYPE: Final = 0x20
OVERCURRENT: Final = 0x10
DATA, ZERO, REFERENCE = 0, 1, 2
# As many as a USB transfer of 64 bytes holds (assumed: no source says how many).
ENTRIES: Final = 7
_STATUS: Final = struct.Struct(">BBBhhhHhhhHBbBxBbHBHHHHBbbHHBBBbbbbbbbbbBH")
_SAMPLE_KHZ: Final = 5
_HARDWARE_C: Final = 3
_BOARD_C, _LIMIT_C = 31, 60
OUTPUT_LED, ERROR_LED = 0x01, 0x02
NOT_AT_VOLTAGE, NO_POWER, BAD_CHECKSUM, AFTER_SAMPLES, AFTER_STOP, BAD_PACKET = 0x01, 0x02, 0x04, 0x08, 0x10, 0x40


def frame(body: bytes) -> bytes:
    """One frame."""
    length = len(body) + 1
    return bytes([length, *body, (length + sum(body)) & 0xFF])


def framed(bodies: Rows) -> Rows:
    """Frames of bodies of one length: shape (n, L - 1) to (n, L + 1)."""
    n, size = bodies.shape
    out = np.empty((n, size + 2), np.uint8)
    out[:, 0] = size + 1
    out[:, 1:-1] = bodies
    out[:, -1] = bodies.sum(axis=1, dtype=np.uint8) + np.uint8(size + 1)
    return out


def sample_frames(counts: Counts, kind: int, sequence: int, overcurrent: NDArray[np.bool_]) -> Rows:
    """Frames of sampled counts, shape (n, entries, 4): main, usb, aux, voltage; numbered from `sequence` on."""
    n, entries, _ = counts.shape
    bodies = np.zeros((n, 4 + 8 * entries + 1), np.uint8)
    number = (sequence + np.arange(n)) & 0x0F
    bodies[:, 0] = SAMPLES_TYPE | number | np.where(overcurrent, OVERCURRENT, 0)
    bodies[:, 1] = kind
    # The lower 16 bits of a negative number are those of its two's complement.
    bodies[:, 4:-1] = (counts & 0xFFFF).astype(">u2").view(np.uint8).reshape(n, 8 * entries)
    return framed(bodies)


def status_body(meter: Meter, t_ns: int, bits: int, event: int) -> bytes:
    """The 58 bytes of a status at an instant, what is measured being the mean of the 200 us before."""
    seen, _ = meter.seen(np.array([t_ns - 200_000, t_ns], np.int64))
    fine, coarse = meter.adc.status(seen)
    volts = int(meter.adc.volts(seen.main_v, 125e-6, 0)[0])
    setting = round((meter.voltage_v - 2.0) * 100) if meter.voltage_v else 0
    on = bool(meter.voltage_v) and not meter.killed
    bits |= (0 if on else NOT_AT_VOLTAGE) | (NO_POWER if meter.killed else 0)
    leds = (OUTPUT_LED if on else 0) | (ERROR_LED if meter.killed else 0)
    low, high = meter.dac
    resistors = meter.build.resistor_offsets
    return _STATUS.pack(
        STATUS_TYPE, meter.model.firmware, meter.model.protocol, *fine, volts, *coarse, volts, setting, _BOARD_C, bits,
        leds, resistors[0], meter.build.serial, _SAMPLE_KHZ, low, high, limit_raw(meter.power_up_limit_a),
        limit_raw(meter.run_limit_a), min(meter.power_up_ms, 255), resistors[2], resistors[4],
        round(5.0 / 125e-6), 0, _HARDWARE_C, _LIMIT_C, meter.passthrough, resistors[1], resistors[3], resistors[5],
        0, 0, 0, 0, 0, 0, event & 0xFF, 0,
    )  # fmt: skip


def limit_raw(limit_a: float) -> int:
    """A current limit of 0 to 8 A in its 10 bits."""
    return 1023 - round(limit_a / 8 * 1023)


def ends_ns(edges_ns: Instants) -> Instants:
    """When each frame of `ENTRIES` entries is complete, from the edges of its slots."""
    return edges_ns[ENTRIES::ENTRIES]

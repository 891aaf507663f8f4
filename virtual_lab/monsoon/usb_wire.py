"""What USB meters send and what their control transfers mean, as bytes (meters.md 2.1 to 2.3)."""

import struct
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.virtual_lab.monsoon.adc import Counts
from edgewatt.virtual_lab.monsoon.build import Model
from edgewatt.virtual_lab.monsoon.meter import Meter

Entries = NDArray[np.uint8]

VENDOR, PRODUCT = 0x2AB9, 0x0001
BULK_IN, BULK_OUT = 0x81, 0x02
PACKET_B: Final = 64
TO_METER, FROM_METER = 0x40, 0xC0
VALUE, START, STOP, BOOTLOADER = 0x01, 0x02, 0x03, 0xFF
# What is answered, while it samples, to what may not be asked then.
REFUSED: Final = 0xFFFFFFFE
SAMPLING: Final = 0x80
PER_VOLT: Final = 1048576
ENTRY_B: Final = 18
PER_PACKET: Final = 3
MEASURED, ZERO, INVALID, REFERENCE = 0x00, 0x10, 0x20, 0x30
OVERCURRENT, OUTPUT_ON = 0x10, 0x20
OP_VOLTAGE, OP_PASSTHROUGH, OP_CHANNEL, OP_START_STATUS = 0x41, 0x10, 0x23, 0xC4
OP_POWER_UP_LIMIT, OP_RUN_LIMIT, OP_POWER_UP_MS = 0x43, 0x44, 0x0C
ALWAYS_ANSWERED: Final = (0xC0, 0xC1, OP_START_STATUS)
_LIMIT_OFFSET: Final = 3840
_LIMIT_A: Final = 15.625
_HEAD: Final = struct.Struct("<HBB")


def entries(counts: Counts, kind: int) -> Entries:
    """Entries of counts of shape (n, 8): coarse and fine of main, usb and aux, then the voltages; shape (n, 18)."""
    out = np.zeros((len(counts), ENTRY_B), np.uint8)
    out[:, :16] = (counts & 0xFFFF).astype(">u2").view(np.uint8)
    out[:, 17] = kind
    return out


def calibration_entry(counts: Counts, kind: int) -> Entries:
    """One entry of fine and coarse counts, shape (2, 3), while the meter looks at its zero or its reference."""
    row = np.zeros((1, 8), np.int64)
    row[0, 1:6:2], row[0, 0:6:2] = counts
    return entries(row, kind)


def packet(dropped: int, sequence: int, flags: int, rows: list[bytes]) -> bytes:
    """One bulk packet of 1 to 3 entries."""
    return _HEAD.pack(dropped & 0xFFFF, (sequence & 0x0F) | flags, len(rows)) + b"".join(rows)


def full_packets(rows: Entries, dropped: int, sequence: int, flags: NDArray[np.uint8]) -> Entries:
    """Packets of 3 entries each, shape (n, 58), of 3 n entries."""
    n = len(rows) // PER_PACKET
    out = np.empty((n, _HEAD.size + PER_PACKET * ENTRY_B), np.uint8)
    out[:, 0], out[:, 1] = dropped & 0xFF, (dropped >> 8) & 0xFF
    out[:, 2] = ((sequence + np.arange(n)) & 0x0F).astype(np.uint8) | flags
    out[:, 3] = PER_PACKET
    out[:, 4:] = rows[: n * PER_PACKET].reshape(n, PER_PACKET * ENTRY_B)
    return out


def limit_a(model: Model, raw: int) -> float:
    """A current limit. For the HVPM as PyMonsoon's code has it; its documentation has another formula."""
    if model.name == "lvpm":
        return 8 * (1 - min(raw, 1023) / 1023)
    return _LIMIT_A * (raw - _LIMIT_OFFSET) / (65535 - _LIMIT_OFFSET)


def limit_raw(model: Model, limit: float) -> int:
    """The inverse of `limit_a`."""
    if model.name == "lvpm":
        return round(1023 * (1 - limit / 8))
    return round((65535 - _LIMIT_OFFSET) * limit / _LIMIT_A) + _LIMIT_OFFSET


def eeprom(meter: Meter) -> dict[int, int]:
    """What the meter keeps besides what is set, by opcode."""
    model, build = meter.model, meter.build
    low, high = meter.dac
    values = {0x29: 60, 0x42: build.serial, 0x45: model.hardware, 0x88: low, 0x89: high, 0xC0: model.firmware}
    values |= {0xC1: model.protocol}
    if model.name == "lvpm":
        return values | dict(zip((0x02, 0x11, 0x0D, 0x12, 0x0E, 0x13), build.resistor_offsets, strict=True))
    scales = (model.main, model.usb, model.aux)
    micro, milli = (round(fine.scale_a * 1e6) for fine, _ in scales), (round(c.scale_a * 1e3) for _, c in scales)
    values |= dict(zip((0x1A, 0x1C, 0x1E), micro, strict=True)) | dict(zip((0x1B, 0x1D, 0x1F), milli, strict=True))
    ranges = (build.main.fine, build.main.coarse, build.usb.fine, build.usb.coarse)
    return values | dict(zip((0x25, 0x26, 0x27, 0x28), (one.zero_offset for one in ranges), strict=True))

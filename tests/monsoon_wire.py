"""Frames and packets built by hand for the tests of collectors/monsoon, and a serial line that follows a transcript."""

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from edgewatt.collectors.monsoon.frames import encode
from edgewatt.collectors.monsoon.usb_samples import packed

# A calibration by which raw counts are easy: a fine count is 1 uA above 100, a coarse one 100 uA above 60.
FINE_ZERO, FINE_REFERENCE = 100, 100 + 33_200 // 2
COARSE_ZERO, COARSE_REFERENCE = 60, 60 + 28_800
FINE_A, COARSE_A = 0.0332 / (FINE_REFERENCE - FINE_ZERO), 2.88 / (COARSE_REFERENCE - COARSE_ZERO)
VOLT_COUNTS = 33_600  # 4.2 V in steps of 125 uV


def entry(main: int, volt: int = VOLT_COUNTS, usb: int = 0, aux: int = 0) -> bytes:
    """One entry of a frame."""
    return struct.pack(">hhhH", main, usb, aux, volt)


def sample_frame(sequence: int, entries: Sequence[bytes], kind: int = 0) -> bytes:
    """A whole sample frame."""
    return encode(bytes([0x20 | sequence & 15, kind, 0, 0]) + b"".join(entries) + b"\x84")


def fine(ampere: float) -> int:
    """The fine raw count nearest to a current."""
    return round(ampere / FINE_A) + FINE_ZERO & ~1


def coarse(ampere: float) -> int:
    """The coarse raw count nearest to a current."""
    return round(ampere / COARSE_A) + COARSE_ZERO | 1


def calibration(sequence: int, entries: int = 2) -> list[bytes]:
    """A zero frame and a reference frame."""
    zero = [entry([FINE_ZERO, COARSE_ZERO][k % 2], 0, 0, 0) for k in range(entries)]
    reference = [entry(*([FINE_REFERENCE, 0] if k % 2 == 0 else [COARSE_REFERENCE, 0])) for k in range(entries)]
    return [sample_frame(sequence, zero, 1), sample_frame(sequence + 1, reference, 2)]


def stream(frames: int, ampere: float = 0.75, entries: int = 7) -> list[bytes]:
    """Calibration and then data frames of a constant current."""
    raw = coarse(ampere) if ampere > 0.03 else fine(ampere)
    return [*calibration(0), *(sample_frame(k + 2, [entry(raw)] * entries) for k in range(frames))]


def usb_entry(coarse_raw: int, fine_raw: int, volt: int = 16_800, kind: int = 0) -> bytes:
    """One entry of a packet: main current, 4.2 V at an HVPM's 250 uV a count, 5 V of usb."""
    return struct.pack(">8H", coarse_raw, fine_raw, 10, 10, 10, 10, volt, 40_000) + bytes([0, kind << 4])


def packet(sequence: int, entries: Sequence[bytes], dropped: int = 0) -> bytes:
    """A packet as a slot."""
    head = struct.pack("<HBB", dropped & 0xFFFF, 0x20 | sequence & 15, len(entries))
    return packed(head + b"".join(entries))


class Wire:
    """A serial line that answers as its transcript says, and is shown what was written."""

    where = "/dev/test"

    def __init__(self, *exchanges: tuple[bytes, bytes]) -> None:
        self._left = list(exchanges)
        self._answers = b""
        self.closed = False

    def write(self, data: bytes) -> None:
        """What the next exchange expects."""
        assert self._left, f"nothing more was expected, and {data.hex()} was written"
        expected, answer = self._left.pop(0)
        assert data == expected, f"{data.hex()} was written, {expected.hex()} was expected"
        self._answers += answer

    def read(self, timeout_s: float) -> bytes:
        """What was answered."""
        assert timeout_s >= 0
        data, self._answers = self._answers, b""
        return data

    def close(self) -> None:
        """Note it."""
        self.closed = True

    def check(self) -> None:
        """Everything was written, and read."""
        assert not self._left, f"never written: {[sent.hex() for sent, _ in self._left]}"
        assert not self._answers, f"never read: {self._answers.hex()}"


@contextmanager
def wire(*exchanges: tuple[bytes, bytes]) -> Iterator[Wire]:
    """A line whose transcript has to be used up."""
    line = Wire(*exchanges)
    yield line
    line.check()

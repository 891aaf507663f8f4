"""The samples of an HVPM or LVPM over USB: from packets to amperes and volts.

A packet is the meter's count of dropped samples (u16, little-endian), flags (sequence in the low four bits, bit 4
overcurrent), the number of entries (1 to 3) and entries of 18 bytes: main, usb and aux current, coarse before fine,
main and usb voltage (big-endian words), and two bytes of gains, of which bits 4 and 5 of the second say what the entry
is (second-hand: PyMonsoon, sampleEngine.py, HVPM.py and LVPM.py). A fine reading at its threshold or above gives way to
the coarse one. An HVPM's aux channel is unsigned to PyMonsoon, signed to the vendor's API.DOCX, which is followed here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.collectors.monsoon.calibration import CHANNELS, RANGES, Calibration, Line, Readings, Scales
from edgewatt.collectors.monsoon.readings import (
    MEASURED,
    OTHER,
    REFERENCE,
    ZERO,
    Columns,
    Counts,
    Frames,
    spans_of,
    with_unknown,
)

# A packet as the capture hands it on: padded, its length in the last byte.
SLOT_B: Final = 64
HEAD_B: Final = 4
ENTRY_B: Final = 18
MOST_ENTRIES: Final = 3
SEQUENCE, OVERCURRENT = 0x0F, 0x10
_RUN: Final = 4096
_KIND_BITS: Final = np.uint8(0x30)
_KINDS: Final = np.array([MEASURED, ZERO, OTHER, REFERENCE], np.uint8)
_ADC_V: Final = 62.5e-6
_VOLTAGES: Final = {"main": 6, "usb": 7}


@dataclass(frozen=True, slots=True)
class Model:
    """What differs between the two.

    Per channel: whether its words are signed, and where the coarse range takes over. Then the factor of the main
    voltage's divider; that of usb is 2 on both.
    """

    signed: tuple[bool, bool, bool]
    threshold: tuple[int, int, int]
    main_divider: int


HVPM: Final = Model((False, False, True), (64000, 64000, 30000), 4)
LVPM: Final = Model((True, True, True), (30000, 30000, 30000), 2)


def packed(packet: bytes) -> bytes:
    """A packet of at most 63 bytes as a slot; a longer one is cut, and will be refused."""
    kept = packet[: SLOT_B - 1]
    return kept + bytes(SLOT_B - 1 - len(kept)) + bytes([min(len(packet), 255)])


class UsbSamples:
    """Decodes what a meter sends over USB, as slots; `channels` are the currents to give, with their voltages."""

    def __init__(self, model: Model, scales: Scales, channels: Sequence[str] = ("main",)) -> None:
        self._model = model
        self._channels = [(name, CHANNELS.index(name)) for name in channels]
        self._volt = {"main": np.float32(_ADC_V * model.main_divider), "usb": np.float32(_ADC_V * 2)}
        self._rest = b""
        self._damaged = False
        self.calibration = Calibration(scales)
        self.counts = Counts()

    def take(self, data: bytes, *, final: bool = False) -> list[Frames]:
        """The packets in `data`, any bytes. With `final` nothing is kept waiting."""
        whole = self._rest + data if self._rest else data
        used = len(whole) // SLOT_B * SLOT_B
        self._rest = b"" if final else whole[used:]
        slots = np.frombuffer(whole, np.uint8, used).reshape(-1, SLOT_B)
        found = []
        for start in range(0, len(slots), _RUN):
            found += self._runs(slots[start : start + _RUN])
        return found

    def restart(self) -> None:
        """Forget what came before: what follows is a new beginning."""
        self._rest, self._damaged = b"", False

    def _runs(self, slots: NDArray[np.uint8]) -> list[Frames]:
        count = slots[:, 3]
        good = (slots[:, -1] == HEAD_B + ENTRY_B * count.astype(np.int64)) & (count > 0) & (count <= MOST_ENTRIES)
        if good.all():
            parts = [slots]
        else:
            self.counts.bad_packets += int((~good).sum())
            parts = np.split(slots, np.flatnonzero(np.diff(good)) + 1)
        found, at = [], 0
        for part in parts:
            if good[at]:
                found.append(self._decoded(part, damaged=self._damaged))
            self._damaged = not good[at]
            at += len(part)
        return found

    def _decoded(self, rows: NDArray[np.uint8], *, damaged: bool) -> Frames:
        entries = rows[:, HEAD_B : HEAD_B + ENTRY_B * MOST_ENTRIES].view(">u2").reshape(len(rows), MOST_ENTRIES, -1)
        bits = rows[:, HEAD_B + ENTRY_B - 1 : HEAD_B + MOST_ENTRIES * ENTRY_B : ENTRY_B] & _KIND_BITS
        ends = np.cumsum(rows[:, 3], dtype=np.int64)
        slots = int(ends[-1])
        there = None if slots == bits.size else np.arange(MOST_ENTRIES) < rows[:, 3, None]
        flat = _flat(bits, there)
        others = np.flatnonzero(flat)
        kinds = _KINDS[flat[others] >> 4]
        packet = np.searchsorted(ends, others, "right")
        line = self.calibration.follow(self._readings(_flat(entries, there), others, kinds, packet), len(rows))
        columns: Columns = {name: _flat(values, there) for name, values in self._columns(entries, line).items()}
        spans = spans_of(others, others + 1, announced=True)
        if not line.is_known(at for _, at in self._channels[:1]):
            spans, unknown = with_unknown(columns[f"{self._channels[0][0]}.current_a"], spans)
            self.counts.uncalibrated += unknown
        self._count(rows, kinds)
        dropped = rows[:, :2].view("<u2")[:, 0]
        return Frames(rows[:, 2] & np.uint8(SEQUENCE), ends, dropped, columns, spans, damaged)

    def _count(self, rows: NDArray[np.uint8], kinds: NDArray[np.uint8]) -> None:
        other = int(np.count_nonzero(kinds == OTHER))
        self.counts.unknown_entries += other
        self.counts.calibration += len(kinds) - other
        self.counts.frames += len(rows)
        self.counts.flagged_frames += int(np.count_nonzero(rows[:, 2] & OVERCURRENT))

    def _readings(
        self,
        entries: NDArray[np.uint16],
        others: NDArray[np.int64],
        kinds: NDArray[np.uint8],
        packet: NDArray[np.int64],
    ) -> Readings:
        """The calibration entries, each fine and coarse at once; they count for the packets after their own."""
        told = kinds != OTHER
        words = entries[others[told], : 2 * len(CHANNELS)].astype(np.uint16)
        counts = np.empty(words.shape)
        for channel, signed in enumerate(self._model.signed):
            for coarse in range(len(RANGES)):
                raw = words[:, 2 * channel + (coarse ^ 1)]
                counts[:, 2 * channel + coarse] = raw.view(np.int16) if signed else raw
        return Readings(packet[told] + 1, kinds[told] == REFERENCE, counts)

    def _columns(self, entries: NDArray[np.uint16], line: Line) -> Columns:
        columns = {}
        for name, at in self._channels:
            columns[f"{name}.current_a"] = self._amperes(entries, line, at)
            if name in _VOLTAGES:
                columns[f"{name}.voltage_v"] = entries[:, :, _VOLTAGES[name]].astype(np.float32) * self._volt[name]
        return columns

    def _amperes(self, entries: NDArray[np.uint16], line: Line, channel: int) -> NDArray[np.float32]:
        coarse, values = (self._counts(entries[:, :, 2 * channel + at], channel) for at in (0, 1))
        is_coarse = values >= self._model.threshold[channel]
        for of, (fine, above) in line.of(channel):
            some, which = values[of], is_coarse[of]
            if which.any():
                some[...] = np.where(which, coarse[of] * above[0] + above[1], some * fine[0] + fine[1])
                continue
            some *= fine[0]
            some += fine[1]
        return values

    def _counts(self, words: NDArray[np.uint16], channel: int) -> NDArray[np.float32]:
        raw = words.astype(np.uint16)
        return (raw.view(np.int16) if self._model.signed[channel] else raw).astype(np.float32)


def _flat(values: NDArray[Any], there: NDArray[np.bool_] | None) -> NDArray[Any]:
    """Entry by entry, [packet, entry, ...] as [slot, ...]; `there` are the entries that packets have (None: all)."""
    return values.reshape(-1, *values.shape[2:]) if there is None else values[there]

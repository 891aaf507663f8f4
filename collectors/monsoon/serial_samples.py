"""The samples of a serial LVPM: from frames to amperes and volts.

A frame's body is type and sequence, kind (0 data, 1 zero, 2 reference), two bytes whose meaning nobody states, entries
of main, usb and aux current (i16) and voltage (u16), big-endian, and a trailer. Bit 0 of a current says that it is
coarse; in a calibration frame even entries are fine and odd ones coarse. Scales (second-hand: AOSP CTS monsoon.py,
which took them from a wiki): 0.0332 A and 2.88 A from zero to reference. Bits 0 and 1 of the voltage are markers; its
step is 62.5 uV on hardware revision 1, 125 uV on later ones (second-hand: Chromium's monsoon.py, the vendor's PT4
reader).
"""

import struct
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.collectors.monsoon import frames
from edgewatt.collectors.monsoon.calibration import CHANNELS, RANGES, Calibration, Line, Reading, Scales
from edgewatt.collectors.monsoon.readings import (
    MEASURED,
    OTHER,
    REFERENCE,
    ZERO,
    Columns,
    Counts,
    Frames,
    Span,
    spans_of,
    without_unknown,
)

SCALES: Final = Scales.of(0.0332, 2.88)
VOLT_PER_COUNT: Final = 125e-6
VOLT_PER_COUNT_REVISION_1: Final = 62.5e-6
VOLTAGE: Final = "main.voltage_v"
_MARKERS: Final = np.uint16(0x3)
_WORDS: Final = frames.ENTRY_B // 2
_KINDS: Final = np.array([MEASURED, ZERO, REFERENCE, *[OTHER] * 253], np.uint8)


class SerialSamples:
    """Decodes what a serial LVPM sends; `channels` are the currents to give, "main" with its voltage."""

    def __init__(self, channels: Sequence[str] = ("main",), *, revision: int = 2) -> None:
        self._channels = [(name, CHANNELS.index(name)) for name in channels]
        self._volt = np.float32(VOLT_PER_COUNT_REVISION_1 if revision == 1 else VOLT_PER_COUNT)
        self._rest = b""
        self._damaged = False
        self.calibration = Calibration(SCALES)
        self.counts = Counts()

    def take(self, data: bytes, *, final: bool = False) -> list[Frames]:
        """The frames that became whole with `data`, any bytes. With `final` nothing is kept waiting."""
        whole = self._rest + data if self._rest else data
        parsed = frames.parse(whole, damaged=self._damaged, final=final)
        self._rest, self._damaged = whole[parsed.consumed :], parsed.damaged
        self.counts.checksum_errors += parsed.checksum_errors
        self.counts.skipped_b += parsed.skipped_b
        self.counts.status_frames += parsed.status_frames
        groups: list[list[frames.Run]] = []
        for run in parsed.runs:
            if run.damaged or not groups:
                groups.append([])
            groups[-1].append(run)
        return [self._decoded(group) for group in groups]

    def restart(self) -> None:
        """Forget half a frame: what follows is a new beginning."""
        self._rest, self._damaged = b"", False

    def _decoded(self, runs: Sequence[frames.Run]) -> Frames:
        """Runs that follow each other; their measured frames are decoded at once, as far as they are equally long."""
        spans: list[Span] = []
        parts: list[tuple[list[NDArray[np.uint8]], list[Reading]]] = []
        sequences, ends, slots = [], [], 0
        for run in runs:
            rows, count = run.rows, _entries(run.rows)
            sequences.append(rows[:, 1])
            ends.append(np.arange(slots + count, slots + count * len(rows) + 1, count))
            if not parts or (parts[-1][0] and parts[-1][0][0].shape[1] != rows.shape[1] and not rows[:, 2].all()):
                parts.append(([], []))
            measured, readings = parts[-1]
            if rows[:, 2].any():
                before = sum(map(len, measured))
                kinds = _KINDS[rows[:, 2]]
                where = np.cumsum(kinds == MEASURED) + before
                readings += _readings(rows, kinds, where)
                spans += self._spans(kinds, count, slots)
                rows = rows[kinds == MEASURED]
            if len(rows):
                measured.append(rows)
            slots += count * len(run.rows)
        sequence = np.concatenate(sequences) if len(sequences) > 1 else sequences[0]
        self.counts.frames += len(sequence)
        self.counts.flagged_frames += int(np.count_nonzero(sequence & frames.OVERCURRENT))
        columns, known = self._columns(parts)
        if not known:
            columns, spans, unknown = without_unknown(columns, spans, slots)
            self.counts.uncalibrated += unknown
        end = np.concatenate(ends) if len(ends) > 1 else ends[0]
        return Frames(sequence & np.uint8(frames.SEQUENCE), end, None, columns, spans, runs[0].damaged)

    def _spans(self, kinds: NDArray[np.uint8], count: int, first: int) -> list[Span]:
        at = np.flatnonzero(kinds)
        other = int(np.count_nonzero(kinds == OTHER))
        self.counts.unknown_entries += count * other
        self.counts.calibration += count * (len(at) - other)
        return spans_of(at * count + first, count, announced=True)

    def _columns(self, parts: Sequence[tuple[list[NDArray[np.uint8]], list[Reading]]]) -> tuple[Columns, bool]:
        """The columns of measured frames, and whether all are calibrated."""
        made: list[Columns] = []
        known = True
        for measured, readings in parts:
            line = self.calibration.follow(readings, sum(map(len, measured)))
            if not measured:
                continue
            known = known and line.is_known
            rows = np.concatenate(measured) if len(measured) > 1 else measured[0]
            words = rows[:, frames.BEFORE_ENTRIES : frames.BEFORE_ENTRIES + _entries(rows) * frames.ENTRY_B].view(">u2")
            entries = words.reshape(len(rows), -1, _WORDS)
            columns = {f"{name}.current_a": _amperes(entries[:, :, at], line, at) for name, at in self._channels}
            volts = (entries[:, :, 3].astype(np.uint16) & ~_MARKERS) * self._volt
            made.append({**columns, VOLTAGE: volts.reshape(-1)})
        if len(made) == 1:
            return made[0], known
        names = [*(f"{name}.current_a" for name, _ in self._channels), VOLTAGE]
        empty = [np.empty(0, np.float32)]
        return {name: np.concatenate([one[name] for one in made] or empty) for name in names}, known


def _entries(rows: NDArray[np.uint8]) -> int:
    """How many entries a frame of these rows has."""
    length: int = rows.shape[1]
    return (length - 1 - frames.BEFORE_ENTRIES - 1) // frames.ENTRY_B


def _readings(rows: NDArray[np.uint8], kinds: NDArray[np.uint8], where: NDArray[np.int64]) -> list[Reading]:
    """The calibration frames: the means of their fine entries and of their coarse ones. `where` each counts from."""
    count = _entries(rows)
    if count < len(RANGES):
        return []
    found = []
    layout = struct.Struct(f">{frames.BEFORE_ENTRIES}x{count * _WORDS}h")
    for at in np.flatnonzero((kinds == ZERO) | (kinds == REFERENCE)).tolist():
        words = layout.unpack_from(rows[at].tobytes())
        each = [words[first * _WORDS + channel :: 2 * _WORDS] for channel in range(len(CHANNELS)) for first in (0, 1)]
        counts = tuple(sum(raw) / len(raw) for raw in each)
        found.append(Reading(int(where[at]), bool(kinds[at] == REFERENCE), counts))
    return found


def _amperes(words: NDArray[np.uint16], line: Line, channel: int) -> NDArray[np.float32]:
    raw = words.astype(np.uint16).view(np.int16)
    values = (raw & ~np.int16(1)).astype(np.float32)
    coarse = (raw & 1).astype(np.bool_)
    any_coarse = coarse.any()
    mixed = any_coarse and not coarse.all()
    for of, (fine, above) in line.of(channel):
        some = values[of]
        if mixed:
            some[...] = np.where(coarse[of], some * above[0] + above[1], some * fine[0] + fine[1])
            continue
        gain, offset = above if any_coarse else fine
        some *= gain
        some += offset
    return values.reshape(-1)

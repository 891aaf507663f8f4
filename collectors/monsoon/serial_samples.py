"""The samples of a serial LVPM: from frames to amperes and volts.

A frame's body is type and sequence, kind (0 data, 1 zero, 2 reference), two bytes whose meaning nobody states, entries
of main, usb and aux current (i16) and voltage (u16), big-endian, and a trailer. Bit 0 of a current says that it is
coarse; in a calibration frame even entries are fine and odd ones coarse. Scales (second-hand: AOSP CTS monsoon.py,
which took them from a wiki): 0.0332 A and 2.88 A from zero to reference. Bits 0 and 1 of the voltage are markers; its
step is 62.5 uV on hardware revision 1, 125 uV on later ones (second-hand: Chromium's monsoon.py, the vendor's PT4
reader).
"""

from collections.abc import Sequence
from functools import cache
from itertools import accumulate, groupby, pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.collectors.monsoon import frames
from edgewatt.collectors.monsoon.calibration import CHANNELS, NO_READINGS, RANGES, Calibration, Line, Readings, Scales
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
    with_unknown,
)

SCALES: Final = Scales.of(0.0332, 2.88)
VOLT_PER_COUNT: Final = 125e-6
VOLT_PER_COUNT_REVISION_1: Final = 62.5e-6
_MARKERS: Final = np.uint16(0x3)
_WORDS: Final = frames.ENTRY_B // 2
_KINDS: Final = np.array([MEASURED, ZERO, REFERENCE, *[OTHER] * 253], np.uint8)


class SerialSamples:
    """Decodes what a serial LVPM sends; `channels` are the currents to give, with `voltage` if it is of one."""

    def __init__(self, channels: Sequence[str] = ("main",), *, revision: int = 2, voltage: str = "main") -> None:
        self._channels = [(name, CHANNELS.index(name)) for name in channels]
        self._volt = np.float32(VOLT_PER_COUNT_REVISION_1 if revision == 1 else VOLT_PER_COUNT)
        self._voltage = f"{voltage}.voltage_v" if voltage in channels else None
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
        """Runs that follow each other: their measured entries side by side, and a calibration that moves among them."""
        sizes = [len(run.rows) for run in runs]
        entries = np.repeat([_entries(run.rows) for run in runs], sizes)
        ends = np.cumsum(entries)
        sequence = np.concatenate([run.rows[:, 1] for run in runs])
        kind = np.concatenate([run.rows[:, 2] for run in runs])
        others = np.flatnonzero(kind)
        kinds, length = _KINDS[kind[others]], entries[others]
        kind[others] = kinds
        spans, slots = spans_of(ends[others] - length, ends[others], announced=True), int(ends[-1])
        readings = _readings(_looks(runs, sizes, others), kinds, ends[others])
        line = self.calibration.follow(readings, slots)
        columns = self._columns(_words(runs, slots, spans), line)
        if not line.is_known(at for _, at in self._channels[:1]):
            spans, unknown = with_unknown(columns[f"{self._channels[0][0]}.current_a"], spans)
            self.counts.uncalibrated += unknown
        if len(others):
            unread = int(length[kinds == OTHER].sum())
            self.counts.unknown_entries += unread
            self.counts.calibration += int(length.sum()) - unread
        self.counts.frames += len(sequence)
        self.counts.flagged_frames += int(np.count_nonzero(sequence & frames.OVERCURRENT))
        return Frames(sequence & np.uint8(frames.SEQUENCE), ends, None, columns, spans, runs[0].damaged, kind)

    def _columns(self, words: NDArray[np.uint16], line: Line) -> Columns:
        columns = {}
        for name, at in self._channels:
            columns[f"{name}.current_a"] = _amperes(words[:, at], line, at)
        if self._voltage is None:
            return columns
        volts = (words[:, 3].astype(np.uint16) & ~_MARKERS).astype(np.float32)
        volts *= self._volt
        return {**columns, self._voltage: volts}


def _entries(rows: NDArray[np.uint8]) -> int:
    """How many entries a frame of these rows has."""
    length: int = rows.shape[1]
    return (length - 1 - frames.BEFORE_ENTRIES - 1) // frames.ENTRY_B


def _looks(runs: Sequence[frames.Run], sizes: Sequence[int], others: NDArray[np.int64]) -> list[NDArray[np.uint8]]:
    """The rows of the `others` among all frames, by the run that they are of."""
    if not len(others):
        return []
    edges = [0, *accumulate(sizes)]
    among = pairwise(np.searchsorted(others, edges).tolist())
    return [
        run.rows[others[first:last] - begin]
        for run, begin, (first, last) in zip(runs, edges, among, strict=False)
        if first < last
    ]


def _words(runs: Sequence[frames.Run], slots: int, spans: Sequence[Span]) -> NDArray[np.uint16]:
    """The entries of frames of any lengths, [slot, word]: side by side they are read several times as fast.

    Those in spans are like their neighbour, so that a range that is only calibrated is not taken for used.
    """
    data = np.empty(slots * frames.ENTRY_B, np.uint8)
    at = 0
    for run in runs:
        end = at + len(run.rows) * _entries(run.rows) * frames.ENTRY_B
        data[at:end].reshape(len(run.rows), -1)[...] = run.rows[:, frames.BEFORE_ENTRIES : -2]
        at = end
    words = data.view(">u2").reshape(-1, _WORDS)
    for span in spans:
        words[span.begin : span.end] = words[span.begin - 1 if span.begin else min(span.end, slots - 1)]
    return words


def _readings(looks: Sequence[NDArray[np.uint8]], kinds: NDArray[np.uint8], where: NDArray[np.int64]) -> Readings:
    """What frames that do not measure say of zero and the reference; `where` each counts from."""
    if not looks:
        return NO_READINGS
    counts = np.concatenate([_means(np.concatenate(list(equal))) for _, equal in groupby(looks, _entries)])
    told = ((kinds == ZERO) | (kinds == REFERENCE)) & np.isfinite(counts[:, 0])
    return Readings(where[told], kinds[told] == REFERENCE, counts[told])


def _means(rows: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Of calibration frames: the means of their fine entries and of their coarse ones, NaN where there is one alone."""
    if _entries(rows) < len(RANGES):
        return np.full((len(rows), len(CHANNELS) * len(RANGES)), np.nan)
    words = rows[:, frames.BEFORE_ENTRIES : -2].view(">i2").reshape(len(rows), -1, _WORDS)
    means: NDArray[np.float64] = np.einsum("fn,knc->kcf", _shares(words.shape[1]), words[:, :, : len(CHANNELS)])
    return means.reshape(len(rows), -1)


@cache
def _shares(count: int) -> NDArray[np.float64]:
    """What each of so many entries adds to the mean of the fine ones and to that of the coarse ones."""
    is_coarse = np.arange(count) % len(RANGES) == np.arange(len(RANGES))[:, None]
    shares: NDArray[np.float64] = is_coarse / is_coarse.sum(axis=1, keepdims=True)
    return shares


def _amperes(words: NDArray[np.uint16], line: Line, channel: int) -> NDArray[np.float32]:
    raw = words.astype(np.uint16).view(np.int16)
    any_coarse = bool(len(raw)) and bool(np.bitwise_or.reduce(raw) & 1)
    mixed = any_coarse and not np.bitwise_and.reduce(raw) & 1
    coarse = (raw & 1).astype(np.bool_) if mixed else None
    values = (raw & ~np.int16(1) if any_coarse else raw).astype(np.float32)
    for of, (fine, above) in line.of(channel):
        some = values[of]
        if coarse is not None:
            some[...] = np.where(coarse[of], some * above[0] + above[1], some * fine[0] + fine[1])
            continue
        gain, offset = above if any_coarse else fine
        some *= gain
        some += offset
    return values

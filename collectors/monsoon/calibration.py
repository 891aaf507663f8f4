"""From raw counts to amperes: the zero and the reference that the meter measures again and again while it samples.

Current = (raw - zero) x scale / (reference - zero), each channel with a fine and a coarse range (second-hand:
AOSP CTS monsoon.py and ACTS for the serial LVPM, PyMonsoon for USB). The last KEPT readings of each are averaged, as
ACTS and PyMonsoon do; unlike them, measuring begins with the first pair.
"""

import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

CHANNELS: Final = ("main", "usb", "aux")
RANGES: Final = ("fine", "coarse")
KEPT: Final = 5


# One number for each channel and range: main fine, main coarse, usb fine and so on.
Six = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Scales:
    """Amperes between zero and reference, and counts to add to the zero."""

    between_a: Six
    zero_offset: Six = (0.0,) * (len(CHANNELS) * len(RANGES))

    @classmethod
    def of(cls, fine_a: float, coarse_a: float) -> Self:
        """The same for all channels."""
        return cls((fine_a, coarse_a) * len(CHANNELS))


class Ranges(NamedTuple):
    """Amperes = raw x gain + offset of one channel, fine and coarse; NaN while not calibrated."""

    fine: tuple[np.float32, np.float32]
    coarse: tuple[np.float32, np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """What is measured, in stretches: stretch k ends before `edges[k + 1]`.

    `gains` and `offsets` are float32 of shape [stretches, 6], in the order of Six.
    """

    gains: NDArray[np.float32]
    offsets: NDArray[np.float32]
    edges: Sequence[int]

    def is_known(self, channels: Iterable[int]) -> bool:
        """True if these channels are calibrated throughout."""
        columns = [len(RANGES) * channel + which for channel in channels for which in range(len(RANGES))]
        return bool(np.isfinite(self.gains[:, columns]).all())

    def of(self, channel: int) -> Iterator[tuple[slice, Ranges]]:
        """Each stretch, with the ranges of a channel."""
        fine, coarse = len(RANGES) * channel, len(RANGES) * channel + 1
        for at, (begin, end) in enumerate(pairwise(self.edges)):
            if begin < end:
                gain, offset = self.gains[at], self.offsets[at]
                yield slice(begin, end), Ranges((gain[fine], offset[fine]), (gain[coarse], offset[coarse]))


@dataclass(frozen=True, slots=True, eq=False)
class Readings:
    """k looks at zero or the reference, in order: `at` int64 [k], where each begins to count, `counts` float64 [k, 6].

    `is_reference` bool [k]. Where one begins is in the unit of the line that is asked for.
    """

    at: NDArray[np.int64]
    is_reference: NDArray[np.bool_]
    counts: NDArray[np.float64]


NO_READINGS: Final = Readings(np.empty(0, np.int64), np.empty(0, np.bool_), np.empty((0, 6)))


class Calibration:
    """What is known of a meter's zeros and references so far.

    `readings` counts those of each kind. `first` is the zero and the reference as they were when both were first known,
    `last` what they are now, averaged over the last KEPT; NaN where there is none.
    """

    def __init__(self, scales: Scales) -> None:
        self._between_a, self._zero_offset = np.array(scales.between_a), np.array(scales.zero_offset)
        self._kept: tuple[deque[Six], deque[Six]] = (deque(maxlen=KEPT), deque(maxlen=KEPT))
        self.readings = [0, 0]
        self.first: tuple[Six, Six] | None = None
        unknown = (math.nan,) * len(scales.between_a)
        self.last: tuple[Six, Six] = (unknown, unknown)
        self._now = self._line([self.last])

    def follow(self, readings: Readings, end: int) -> Line:
        """The line from 0 to `end`, with readings that begin to count in between."""
        gains, offsets = self._now
        if not len(readings.at):
            return Line(gains, offsets, (0, end))
        edges, means = [0], []
        begins = readings.at.tolist()
        for at, following, is_reference, counts in zip(
            begins, [*begins[1:], -1], readings.is_reference.tolist(), readings.counts.tolist(), strict=True
        ):
            self._kept[is_reference].append(counts)
            self.readings[is_reference] += 1
            if following != at:
                edges.append(at)
                means.append(self._means())
        self.last = means[-1]
        more_gains, more_offsets = self._line(means)
        self._now = more_gains[-1:], more_offsets[-1:]
        return Line(np.concatenate((gains, more_gains)), np.concatenate((offsets, more_offsets)), (*edges, end))

    def _means(self) -> tuple[Six, Six]:
        zero, reference = (
            tuple([sum(values) / len(kept) for values in zip(*kept, strict=True)]) if kept else self.last[of]
            for of, kept in enumerate(self._kept)
        )
        if self.first is None and self._kept[0] and self._kept[1]:
            self.first = (zero, reference)
        return zero, reference

    def _line(self, means: Sequence[tuple[Six, Six]]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        counts = np.array(means)
        at = counts[:, 0] + self._zero_offset
        between = counts[:, 1] - at
        between[between == 0] = np.nan
        gains = self._between_a / between
        return gains.astype(np.float32), (-at * gains).astype(np.float32)

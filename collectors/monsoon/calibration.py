"""From raw counts to amperes: the zero and the reference that the meter measures again and again while it samples.

Current = (raw - zero) x scale / (reference - zero), each channel with a fine and a coarse range (second-hand:
AOSP CTS monsoon.py and ACTS for the serial LVPM, PyMonsoon for USB). The last KEPT readings of each are averaged, as
ACTS and PyMonsoon do; unlike them, measuring begins with the first pair.
"""

import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple, Self

import numpy as np

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


class Line(NamedTuple):
    """The ranges of every channel, for each stretch of frames, and where the stretches end."""

    stretches: Sequence[tuple[Ranges, ...]]
    edges: Sequence[int]

    @property
    def is_known(self) -> bool:
        """True if the main channel is calibrated throughout."""
        return all(math.isfinite(gain) for main, *_ in self.stretches for gain, _ in (main.fine, main.coarse))

    def of(self, channel: int) -> Iterator[tuple[slice, Ranges]]:
        """The frames of each stretch, with the ranges of a channel."""
        for (begin, end), ranges in zip(pairwise(self.edges), self.stretches, strict=True):
            if begin < end:
                yield slice(begin, end), ranges[channel]


class Reading(NamedTuple):
    """One look at zero or the reference, raw counts; it counts for frame `at` and those after it."""

    at: int
    is_reference: bool
    counts: Six


class Calibration:
    """What is known of a meter's zeros and references so far.

    `readings` counts those of each kind. `first` is the zero and the reference as they were when both were first known.
    """

    def __init__(self, scales: Scales) -> None:
        self._scales = scales
        self._kept: tuple[deque[Six], deque[Six]] = (deque(maxlen=KEPT), deque(maxlen=KEPT))
        self.readings = [0, 0]
        self.first: tuple[Six, Six] | None = None
        self._now = self._present()

    @property
    def last(self) -> tuple[Six, Six]:
        """The zero and the reference now, averaged over the last KEPT; NaN where there is none."""
        zero, reference = (_mean(kept) for kept in self._kept)
        return zero, reference

    def follow(self, readings: Sequence[Reading], frames: int) -> Line:
        """The line for each of `frames` frames, with readings that begin to count among them, in order."""
        stretches, edges = [self._now], [0]
        for k, reading in enumerate(readings):
            self._kept[reading.is_reference].append(reading.counts)
            self.readings[reading.is_reference] += 1
            if k + 1 == len(readings) or readings[k + 1].at > reading.at:
                self._now = self._present()
                stretches.append(self._now)
                edges.append(reading.at)
        return Line(stretches, (*edges, frames))

    def _present(self) -> tuple[Ranges, ...]:
        zero, reference = self.last
        if self.first is None and self._kept[0] and self._kept[1]:
            self.first = (zero, reference)
        lines = []
        for counts, above, between_a, more in zip(
            zero, reference, self._scales.between_a, self._scales.zero_offset, strict=True
        ):
            at = counts + more
            gain = between_a / (above - at) if above != at else math.nan
            lines.append((np.float32(gain), np.float32(-at * gain)))
        return tuple(Ranges(*lines[k : k + 2]) for k in range(0, len(lines), 2))


def _mean(kept: Sequence[Six]) -> Six:
    if not kept:
        return (math.nan,) * (len(CHANNELS) * len(RANGES))
    return tuple(sum(values) / len(kept) for values in zip(*kept, strict=True))

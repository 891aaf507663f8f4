"""How many slots lost frames of a serial LVPM took: those of data, unless a calibration was due among them.

A meter interrupts its data about once a second for two frames, zero and reference (second-hand: mobly's start command
asks for 1000 ms), which are shorter than the others. Their order, their lengths and their distance are learnt from
those that arrive; nothing is taken for granted but that it goes on like that.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.collectors.monsoon.readings import MEASURED, REFERENCE, ZERO

# Distances that are kept, and how many make a rhythm: one that spans a lost calibration is twice as long.
KEPT: Final = 5
LEAST: Final = 3
# A pair that is due comes within a frame of its time; those that follow a gap tell whether it was among the lost.
_LOOK: Final = 4


@dataclass(frozen=True, slots=True)
class Due:
    """Calibrations expected within a gap: slots from its begin to the first and between them, and by how much shorter.

    `counted` of them are in the length already.
    """

    first: int
    every: int
    shorter: int
    counted: int

    def shorten(self, slots: int) -> int:
        """By how much a gap of so many slots, if all were data, is shorter than that for those not counted yet."""
        inside = (slots - self.first) // self.every + 1 if slots > self.first else 0
        return min(self.shorter * max(inside - self.counted, 0), slots)


@dataclass(frozen=True, slots=True)
class Lost:
    """`slots` that lost frames took, give or take `unsure`; `due` speaks of what else may have been lost."""

    slots: int
    unsure: int = 0
    due: Due | None = None


class Rhythm:
    """Follows the frames of one meter. `data` is how many slots its frames of data take, 0 before the first."""

    def __init__(self) -> None:
        self.data = 0
        self._short: dict[int, int] = {}
        self._pair: tuple[int, int] | None = None
        self._before: list[int] = []
        self._slot = 0
        self._began: int | None = None
        self._distances: deque[int] = deque(maxlen=KEPT)

    @property
    def shorter(self) -> int:
        """By how many slots a calibration is shorter than as many frames of data, as far as one was seen."""
        return sum(max(self.data - short, 0) for short in self._short.values())

    def restart(self) -> None:
        """The meter was started anew: when it calibrates next is not known."""
        self._before, self._began = [], None

    def follow(self, kinds: NDArray[np.uint8], entries: NDArray[np.int64], lost: Mapping[int, int]) -> dict[int, Lost]:
        """What frames took that are missing before some of these; `lost` says how many, by the frame after them."""
        measured = np.flatnonzero(kinds == MEASURED)
        if len(measured):
            self.data = int(entries[measured[0]])
        found: dict[int, Lost] = {}
        begins, missing, done = np.cumsum(entries) - entries, 0, 0
        breaks = [*sorted(lost), len(kinds)]
        for at in sorted({*lost, *np.flatnonzero(kinds != MEASURED).tolist()}):
            self._before = [*self._before, *[MEASURED] * min(at - done, 2)][-2:]
            slot = self._slot + int(begins[at]) + missing
            if at in lost:
                following = kinds[at : min(breaks[bisect_right(breaks, at)], at + _LOOK)]
                found[at] = self._lost(lost[at], slot, following.tolist(), int(entries[at]))
                missing += found[at].slots
                slot += found[at].slots
                self._before = []
            if kinds[at] in (ZERO, REFERENCE):
                self._calibrates(int(kinds[at]), slot, int(entries[at]))
            self._before = [*self._before, int(kinds[at])][-2:]
            done = at + 1
        self._before = [*self._before, *[MEASURED] * min(len(kinds) - done, 2)][-2:]
        self._slot += int(begins[-1] + entries[-1]) + missing
        return found

    def _calibrates(self, kind: int, slot: int, entries: int) -> None:
        """Learn from a frame of calibration."""
        self._short[kind] = entries
        previous = self._before[-1] if self._before else None
        if len(self._before) > 1 and self._before[0] == MEASURED and previous in self._short and previous != kind:
            self._pair = (previous, kind)
            self._begins(slot - self._short[previous])
        elif self._pair is not None and kind == self._pair[0]:
            self._begins(slot)
        elif self._pair is not None and previous is None:
            self._begins(slot - self._short[self._pair[0]])

    def _begins(self, slot: int) -> None:
        """A pair of calibrations began there."""
        if self._began is not None and slot > self._began:
            self._distances.append(slot - self._began)
        self._began = slot

    def _every(self) -> int | None:
        """The slots from one pair to the next; None while that is not known."""
        if len(self._distances) < LEAST:
            return None
        middle = sorted(self._distances)[len(self._distances) // 2]
        agree = sum(abs(distance - middle) <= 2 * self.data for distance in self._distances)
        return middle if agree >= LEAST else None

    def _lost(self, count: int, slot: int, following: Sequence[int], next_entries: int) -> Lost:
        """What `count` frames took, the first of them at `slot`."""
        data = self.data or next_entries
        slots, left = count * data, count
        if self._pair is None:
            return Lost(slots, sum(sorted(max(data - short, 0) for short in self._short.values())[-count:]))
        first, second = self._pair
        if self._before[-1:] == [first]:
            slots, left = slots - (data - self._short[second]), left - 1
        if left and list(following[:1]) == [second]:
            slots, left = slots - (data - self._short[first]), left - 1
        shorter, every = max(2 * data - self._short[first] - self._short[second], 0), self._every()
        if every is None or self._began is None:
            return Lost(slots, shorter if left > 1 else 0)
        due, latest = self._began + every - slot, (left - 2) * data
        if due < -data:
            due = (due + data) % every - data
        pairs = unsure = 0
        if left > 1 and due <= latest - data:
            pairs = min(1 + (latest - data - due) // every, left // 2)
        elif left > 1 and due <= latest + data and first not in following:
            pairs = int(len(following) == _LOOK or due <= latest)
            unsure = 0 if len(following) == _LOOK else shorter
        return Lost(slots - pairs * shorter, unsure, Due(due, every, shorter, pairs) if left == count else None)

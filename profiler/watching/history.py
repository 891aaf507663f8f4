"""The last two minutes of some columns, a bin per second: mean, least and most, so that an extreme never vanishes.

A second without a sample holds the last one's values, but no longer than one and a half of the usual intervals: what
comes once a second or less has no gap because a sample came a little late.
"""

from collections import deque
from itertools import pairwise
from statistics import median
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.clock import NS_PER_S

BINS: Final = 120
BIN_NS: Final = NS_PER_S
HOLD_INTERVALS: Final = 1.5
# The usual interval is the median of so many newest ones, so that an outage does not count.
_INTERVALS: Final = 9
_EMPTY: Final = np.array([0.0, 0.0, np.inf, -np.inf]).reshape(4, 1)


class History:
    """Bins of `columns` columns on the host's clock; memory is bounded whatever comes, and in whatever order."""

    def __init__(self, columns: int) -> None:
        self._newest: int | None = None
        self._last_ns: int | None = None
        self._intervals_s: deque[float] = deque(maxlen=_INTERVALS)
        self._rows = np.zeros(BINS, np.int64)
        # By bin and column: how many values, their sum, their least, their most.
        self._of = np.broadcast_to(_EMPTY[:, :, np.newaxis], (4, columns, BINS)).copy()

    def fold(self, t_ns: NDArray[np.int64], values: NDArray[np.float64], now_ns: int) -> None:
        """Add samples: stamps of shape [n] on the host's clock, values of shape [columns, n], NaN for not measured.

        What is stamped later than now is taken for now, so that a clock that errs cannot push the present out.
        """
        if not len(t_ns):
            return
        self._note_interval(t_ns)
        bins = np.minimum(t_ns, now_ns) // BIN_NS
        if (bins[1:] < bins[:-1]).any():
            order = np.argsort(bins, kind="stable")
            bins, values = bins[order], values[:, order]
        self._advance(int(bins[-1]))
        first = int(np.searchsorted(bins, self._oldest()))
        if first == len(bins):
            return
        self._add(bins[first:], values[:, first:])

    def _add(self, bins: NDArray[np.int64], values: NDArray[np.float64]) -> None:
        known = np.isfinite(values)
        whole = bool(known.all())
        if not whole:
            values = np.where(known, values, np.nan)
        edges = [0, *(np.flatnonzero(bins[1:] != bins[:-1]) + 1).tolist(), len(bins)]
        # A second's samples lie in one bin or two: parts of arrays are faster there than indices.
        for begin, end in pairwise(edges):
            slot, part = int(bins[begin]) % BINS, values[:, begin:end]
            count, total, low, high = self._of[:, :, slot]
            self._rows[slot] += end - begin
            count += end - begin if whole else known[:, begin:end].sum(axis=1)
            total += part.sum(axis=1) if whole else np.where(known[:, begin:end], part, 0.0).sum(axis=1)
            np.fmin(low, np.fmin.reduce(part, axis=1), out=low)
            np.fmax(high, np.fmax.reduce(part, axis=1), out=high)

    @property
    def usual_s(self) -> float:
        """Seconds between two samples, as a rule; 0 before there are two."""
        return median(self._intervals_s) if self._intervals_s else 0.0

    def series(self, now_ns: int) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Mean, least and most of every whole bin before now, float64 [columns, BINS], oldest first; NaN: nothing."""
        wanted, known = self._before(now_ns)
        came = known & (self._rows[wanted % BINS] > 0)
        at = np.arange(BINS)
        last = np.maximum.accumulate(np.where(came, at, -1))
        fresh = (last >= 0) & (at - last <= int(HOLD_INTERVALS * self.usual_s))
        chosen = wanted[np.maximum(last, 0)] % BINS
        count, total, low, high = self._of[:, :, chosen]
        there = fresh & (count > 0)
        mean = total / np.maximum(count, 1)
        return np.where(there, mean, np.nan), np.where(there, low, np.nan), np.where(there, high, np.nan)

    def rows(self, now_ns: int, bins: int) -> int:
        """How many samples the last `bins` whole bins before now have."""
        wanted, known = self._before(now_ns)
        return int(np.where(known, self._rows[wanted % BINS], 0)[-bins:].sum())

    def _note_interval(self, t_ns: NDArray[np.int64]) -> None:
        first_ns, count = (int(t_ns[0]), len(t_ns) - 1) if self._last_ns is None else (self._last_ns, len(t_ns))
        self._last_ns = int(t_ns[-1])
        if count > 0 and self._last_ns > first_ns:
            self._intervals_s.append((self._last_ns - first_ns) / count / NS_PER_S)

    def _before(self, now_ns: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """The whole bins before now, and which of them are still held."""
        wanted = np.arange(-BINS, 0) + now_ns // BIN_NS
        if self._newest is None:
            return wanted, np.zeros(BINS, np.bool_)
        return wanted, (wanted <= self._newest) & (wanted >= self._oldest())

    def _oldest(self) -> int:
        return 0 if self._newest is None else self._newest - BINS + 1

    def _advance(self, newest: int) -> None:
        """Make room up to the bin `newest`."""
        if self._newest is None:
            self._newest = newest
        if newest <= self._newest:
            return
        first, self._newest = max(self._newest + 1, newest - BINS + 1), newest
        for slot in (at % BINS for at in range(first, newest + 1)):
            self._rows[slot] = 0
            self._of[:, :, slot] = _EMPTY

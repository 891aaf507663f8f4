"""A series of any length as few elements that hide no extreme: of each its lowest, its mean and its highest value."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, zip_longest
from typing import Final

import numpy as np
from numpy.typing import NDArray

Block = tuple[NDArray[np.int64], NDArray[np.float64]]

_NO_TIME: Final = np.empty(0, np.int64)
_NO_VALUES: Final = np.empty(0)


@dataclass(frozen=True, slots=True, eq=False)
class Envelope:
    """Elements in the order of time: element k holds from `t_ns[k]` to `t_ns[k + 1]`, the last one to `end_ns`.

    `low`, `high` and `mean`, float64 of shape [n], are of the `samples` readings in it (fewer before a break and at the
    end); NaN where there was none, so that nothing is drawn. With `samples` 1 the three are one array: each reading.
    `readings` are all that had a value.
    """

    t_ns: NDArray[np.int64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    mean: NDArray[np.float64]
    end_ns: int
    samples: int
    readings: int

    def __len__(self) -> int:
        return len(self.t_ns)


@dataclass(frozen=True, slots=True)
class Asked:
    """Readings, block by block, and how many of them an element holds.

    A block is time (int64 ns, never decreasing) and value, float64, both of shape [n]; a value that is not finite is
    none. Where two readings are more than `gap_ns` apart (None: never) an element ends, and one without values follows.
    """

    blocks: Iterable[Block]
    samples: int
    gap_ns: int | None = None


def envelopes_of(asked: Sequence[Asked]) -> list[Envelope]:
    """The envelope of each, block by block side by side, so that blocks made of one reading of a file stay few."""
    found: list[list[Envelope]] = [[] for _ in asked]
    for together in zip_longest(*(_parts(one) for one in asked)):
        for part, parts in zip(together, found, strict=True):
            if part is not None and len(part):
                parts.append(part)
    return [_joined(parts, one.samples) for parts, one in zip(found, asked, strict=True)]


def _joined(parts: Sequence[Envelope], samples: int) -> Envelope:
    if not parts:
        return Envelope(_NO_TIME, _NO_VALUES, _NO_VALUES, _NO_VALUES, 0, samples, 0)
    t_ns = np.concatenate([part.t_ns for part in parts])
    mean = np.concatenate([part.mean for part in parts])
    low = mean if samples == 1 else np.concatenate([part.low for part in parts])
    high = mean if samples == 1 else np.concatenate([part.high for part in parts])
    return Envelope(t_ns, low, high, mean, parts[-1].end_ns, samples, sum(part.readings for part in parts))


def _parts(asked: Asked) -> Iterator[Envelope | None]:
    """What each block adds, None where it fills no element; what is left over waits for the next block."""
    t_ns, values = _NO_TIME, _NO_VALUES
    last_ns: int | None = None
    for more_ns, more in asked.blocks:
        t_ns, values = np.concatenate((t_ns, more_ns)), np.concatenate((values, more))
        if len(t_ns) < asked.samples:
            yield None
            continue
        starts, breaks = _starts(t_ns, asked, last_ns)
        whole = int(starts[-1]) if len(t_ns) - starts[-1] < asked.samples else len(t_ns)
        kept = starts[starts < whole], breaks[breaks < whole]
        yield _reduced(t_ns[:whole], values[:whole], *kept, last_ns) if whole else None
        if whole:
            last_ns, t_ns, values = int(t_ns[whole - 1]), t_ns[whole:], values[whole:]
    if len(t_ns):
        yield _reduced(t_ns, values, *_starts(t_ns, asked, last_ns), last_ns)


def _starts(t_ns: NDArray[np.int64], asked: Asked, last_ns: int | None) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Where elements start, and which of these come after a gap; `last_ns` is the reading before the first."""
    if asked.gap_ns is None:
        return np.arange(0, len(t_ns), asked.samples), np.empty(0, np.intp)
    breaks = np.flatnonzero(np.diff(t_ns) > asked.gap_ns) + 1
    if last_ns is not None and t_ns[0] - last_ns > asked.gap_ns:
        breaks = np.concatenate(([0], breaks))
    if not len(breaks):
        return np.arange(0, len(t_ns), asked.samples), breaks
    edges = np.unique(np.concatenate(([0], breaks, [len(t_ns)])))
    starts = [np.arange(begin, end, asked.samples) for begin, end in pairwise(edges)]
    return np.concatenate(starts), breaks


def _reduced(
    t_ns: NDArray[np.int64],
    values: NDArray[np.float64],
    starts: NDArray[np.intp],
    breaks: NDArray[np.intp],
    last_ns: int | None,
) -> Envelope:
    low, high, mean, readings = _extremes(values, starts)
    begin_ns = t_ns[starts]
    if len(breaks):
        places = np.searchsorted(starts, breaks)
        before_ns = np.where(breaks > 0, t_ns[breaks - 1], t_ns[0] if last_ns is None else last_ns)
        begin_ns = np.insert(begin_ns, places, before_ns)
        low, high, mean = (np.insert(of, places, np.nan) for of in (low, high, mean))
    return Envelope(begin_ns, low, high, mean, int(t_ns[-1]), 0, readings)


def _extremes(
    values: NDArray[np.float64], starts: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], int]:
    if np.isfinite(values).all():
        counts = np.diff(starts, append=len(values))
        total = np.add.reduceat(values, starts)
        return np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts), total / counts, len(values)
    there = np.isfinite(values)
    known = np.where(there, values, np.nan)
    counts = np.add.reduceat(there, starts, dtype=np.int64)
    total = np.add.reduceat(np.where(there, values, 0.0), starts)
    mean = np.divide(total, counts, out=np.full(len(starts), np.nan), where=counts > 0)
    return np.fmin.reduceat(known, starts), np.fmax.reduceat(known, starts), mean, int(there.sum())

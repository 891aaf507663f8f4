"""Where samples are missing: the sequence number of frames, and the meter's own count of what it dropped.

A sequence number has four bits, so that a gap of g frames may be one of g + 16, g + 32 and so on: only the host's clock
can tell (timeline.py). The count over USB has 16 bits and wraps; in the first second the number is not believed, as it
may start anywhere (second-hand: ACTS, which leaves that second out), and the host's clock is asked instead.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.collectors.monsoon.readings import SEQUENCES, Columns, Frames, Span
from edgewatt.collectors.monsoon.rhythm import Due, Rhythm

# Samples in the meter's first second (5 kHz: every client of both models).
FIRST_SECOND: Final = 5000
LOST: Final = "frames lost between the meter and this machine"
DAMAGED: Final = "frames damaged between the meter and this machine"
DROPPED: Final = "samples dropped by the meter itself"


@dataclass(frozen=True, slots=True)
class Break:
    """What is missing before something: at least `lost` slots, and any multiple of `step` more (0: certainly none).

    `unsure`: it may be so many fewer or more. `due` knows of calibrations that may be among what is missing more.
    """

    lost: int
    step: int
    cause: str
    unsure: int = 0
    due: Due | None = None

    def length(self, more: int) -> int:
        """The slots that are missing, if `more` are than `lost`."""
        return self.lost + more - (self.due.shorten(self.lost + more) if more and self.due is not None else 0)


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Slots that follow each other, `slots` of them; those in `spans` hold no measurement."""

    slots: int
    columns: Columns
    spans: Sequence[Span] = ()
    before: Break | None = None

    def __len__(self) -> int:
        return self.slots


class Continuity:
    """Cuts frames into parts, wherever something is missing. `step` is the present ambiguity of a gap, in slots."""

    def __init__(self) -> None:
        self._sequence: int | None = None
        self._dropped: int | None = None
        self._since_start = 0
        self._rhythm = Rhythm()
        self._most = 1

    @property
    def step(self) -> int:
        """Slots of as many frames as the sequence does not count."""
        return SEQUENCES * (self._rhythm.data or self._most)

    @property
    def unsure(self) -> int:
        """By how many slots a loss may be shorter that nothing in the frames tells of: it may hold a calibration."""
        return self._rhythm.shorter

    def restart(self) -> None:
        """What follows was measured after a new start, and counts from anywhere."""
        self._sequence = self._dropped = None
        self._since_start = 0
        self._rhythm.restart()

    def parts(self, frames: Frames) -> Iterator[Part]:
        """The parts of frames that follow those of the last call."""
        breaks = self._breaks(frames)
        slots = int(frames.ends[-1])
        self._since_start += slots
        if not breaks:
            yield Part(slots, frames.columns, frames.spans)
            return
        for begin, end in pairwise(sorted({0, *breaks, len(frames)})):
            yield _cut(
                frames, int(frames.ends[begin - 1]) if begin else 0, int(frames.ends[end - 1]), breaks.get(begin)
            )

    def _breaks(self, frames: Frames) -> dict[int, Break]:
        """What is missing before which frame."""
        lost = _steps(frames.sequence, self._sequence, first=1) - np.uint8(1) & np.uint8(SEQUENCES - 1)
        self._sequence = int(frames.sequence[-1])
        dropped = None
        if frames.dropped is not None:
            dropped = _steps(frames.dropped, self._dropped, first=0)
            self._dropped = int(frames.dropped[-1])
        entries = np.diff(frames.ends, prepend=0)
        least, most = int(entries.min()), int(entries.max())
        self._most = max(self._most, most)
        missing = {at: int(lost[at]) for at in np.flatnonzero(lost).tolist()}
        if frames.kinds is not None:
            known = self._rhythm.follow(frames.kinds, entries, missing)
            found = {at: Break(one.slots, self.step, LOST, one.unsure, one.due) for at, one in known.items()}
        else:
            found = self._by_meter(frames, missing, dropped, least, most)
        if frames.damaged and (0 not in found or found[0].cause == LOST):
            found[0] = replace(found.get(0, Break(0, self.step, LOST)), cause=DAMAGED)
        return found

    def _by_meter(
        self,
        frames: Frames,
        missing: Mapping[int, int],
        dropped: NDArray[np.uint16] | None,
        least: int,
        most: int,
    ) -> dict[int, Break]:
        """What is missing over USB: the meter's own count, and packets of one to three entries."""
        found = {
            at: Break(count * least, self.step if least == most else 1, LOST, count * (most - least))
            for at, count in missing.items()
        }
        counted = dropped if dropped is not None else np.empty(0, np.uint16)
        for at in np.flatnonzero(counted).tolist():
            count = int(counted[at]) if int(frames.ends[at]) + self._since_start > FIRST_SECOND else 0
            found[at] = Break(max(count, missing.get(at, 0) * least), 1, DROPPED)
        return found


def _steps(counts: NDArray[Any], before: int | None, *, first: int) -> NDArray[Any]:
    """By how much each count is above the one before, wrapping as its type does; `first` where nothing was before."""
    steps = np.empty_like(counts)
    steps[0] = first if before is None else (int(counts[0]) - before) % (1 << 8 * counts.itemsize)
    np.subtract(counts[1:], counts[:-1], out=steps[1:])
    return steps


def _cut(frames: Frames, begin: int, end: int, before: Break | None) -> Part:
    """The slots from `begin` to before `end`."""
    inside = [span for span in frames.spans if span.end > begin and span.begin < end]
    spans = [Span(max(one.begin, begin) - begin, min(one.end, end) - begin, one.announced) for one in inside]
    return Part(end - begin, {name: values[begin:end] for name, values in frames.columns.items()}, spans, before)

"""What both wires carry, in one form: frames of entries, each a slot of 1/5000 s that holds a measurement or not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

MEASURED, ZERO, REFERENCE, OTHER = range(4)
SEQUENCES: Final = 16

Columns = Mapping[str, NDArray[np.float32]]


class Span(NamedTuple):
    """Slots from `begin` to before `end` that hold no measurement; `announced`: the meter said so, as it calibrates."""

    begin: int
    end: int
    announced: bool


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """m frames that follow each other.

    `sequence` uint8 of shape [m]; `ends` int64 of shape [m], the slots up to and with each frame; `dropped` uint16 of
    shape [m], the meter's own count of lost samples (None: it has none). `columns` have float32 for every slot; those
    in `spans` hold no measurement. `damaged`: something unreadable stood before the first frame. `kinds` uint8 of shape
    [m], where a whole frame is of one kind (None: each entry has its own).
    """

    sequence: NDArray[np.uint8]
    ends: NDArray[np.int64]
    dropped: NDArray[np.uint16] | None
    columns: Columns
    spans: Sequence[Span]
    damaged: bool
    kinds: NDArray[np.uint8] | None = None

    def __len__(self) -> int:
        return len(self.sequence)

    def measured(self) -> NDArray[np.bool_]:
        """Of each slot, whether it holds a measurement."""
        there = np.ones(int(self.ends[-1]), np.bool_)
        for span in self.spans:
            there[span.begin : span.end] = False
        return there


@dataclass(slots=True)
class Counts:
    """What was met on the wire so far; `uncalibrated` measurements were thrown away."""

    frames: int = 0
    checksum_errors: int = 0
    skipped_b: int = 0
    bad_packets: int = 0
    status_frames: int = 0
    flagged_frames: int = 0
    unknown_entries: int = 0
    calibration: int = 0
    uncalibrated: int = 0


def spans_of(begins: NDArray[np.int64], ends: NDArray[np.int64], announced: bool) -> list[Span]:  # noqa: FBT001
    """Spans of these begins and ends, in order; those that touch are one."""
    if not len(begins):
        return []
    apart = begins[1:] != ends[:-1]
    firsts, lasts = begins[np.append(True, apart)], ends[np.append(apart, True)]
    return [Span(begin, end, announced) for begin, end in zip(firsts.tolist(), lasts.tolist(), strict=True)]


def with_unknown(values: NDArray[np.float32], spans: Sequence[Span]) -> tuple[list[Span], int]:
    """The spans, with those of measured values that have no calibration, and how many these are."""
    unknown = ~np.isfinite(values)
    for span in spans:
        unknown[span.begin : span.end] = False
    at = np.flatnonzero(unknown)
    return sorted([*spans, *spans_of(at, at + 1, announced=False)]), len(at)

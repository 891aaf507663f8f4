"""What both wires carry, in one form: frames of entries, each a slot of 1/5000 s that holds a measurement or not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

MEASURED, ZERO, REFERENCE, OTHER = range(4)
SEQUENCES: Final = 16
CURRENT: Final = "main.current_a"

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
    shape [m], the meter's own count of lost samples (None: it has none). `columns` have float32 for every measured
    slot in order, `spans` are the others. `damaged`: something unreadable stood before the first frame.
    """

    sequence: NDArray[np.uint8]
    ends: NDArray[np.int64]
    dropped: NDArray[np.uint16] | None
    columns: Columns
    spans: Sequence[Span]
    damaged: bool

    def __len__(self) -> int:
        return len(self.sequence)


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


def spans_of(at: NDArray[np.int64], length: int, announced: bool) -> list[Span]:  # noqa: FBT001
    """The spans that slots `at` make, in order, each `length` slots long; neighbours are one."""
    if not len(at):
        return []
    if at[-1] - at[0] == (len(at) - 1) * length:
        return [Span(int(at[0]), int(at[-1]) + length, announced)]
    edges = np.flatnonzero(np.diff(at, prepend=at[0] - 2 * length) != length)
    begins, ends = at[edges], at[np.append(edges[1:], len(at)) - 1] + length
    return [Span(begin, end, announced) for begin, end in zip(begins.tolist(), ends.tolist(), strict=True)]


def without_unknown(columns: Columns, spans: Sequence[Span], slots: int) -> tuple[Columns, list[Span], int]:
    """The columns without what has no calibration, its slots among the spans, and how many there were."""
    unknown = ~np.isfinite(columns[CURRENT])
    count = int(np.count_nonzero(unknown))
    if not count:
        return columns, list(spans), 0
    measured = np.ones(slots, np.bool_)
    for span in spans:
        measured[span.begin : span.end] = False
    lost = spans_of(np.flatnonzero(measured)[unknown], 1, False)
    return {name: values[~unknown] for name, values in columns.items()}, sorted([*spans, *lost]), count

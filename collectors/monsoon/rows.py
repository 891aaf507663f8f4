"""From placed slots to stretches of rows: what was measured is kept, calibration is bridged, all else is a hole.

While a meter calibrates itself it does not measure: a few slots over USB, some of them called invalid, and two frames
on a serial port. A straight line across so short a hole, which the meter itself announced, is stored and counted;
nothing else is ever filled in.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.collectors.monsoon.continuity import Part
from edgewatt.collectors.monsoon.readings import Columns, Span
from edgewatt.collectors.monsoon.timeline import Placed

# Two calibration frames of the most entries that fit a USB transfer of 64 bytes are 14 slots; 4 ms (assumed).
BRIDGE: Final = 20
UNSURE: Final = "; it may be {} samples more or fewer"
NOT_MEASURED: Final = "slots that hold no measurement"


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """Rows of slots that follow each other, from `first` on: float32 columns of shape [n]."""

    first: int
    columns: Mapping[str, NDArray[np.float32]]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    @property
    def end(self) -> int:
        """The slot after its last."""
        return self.first + len(self)


@dataclass(frozen=True, slots=True)
class Hole:
    """Between the slots `after` and `before` nothing was measured: `lost` for this cause, while the rest calibrated."""

    after: int
    before: int
    lost: int
    cause: str


@dataclass(slots=True)
class RowCounts:
    """What became of slots; `bridged` ones were filled in across a calibration, `lost` may be `lost_unsure` off."""

    rows: int = 0
    lost: int = 0
    lost_unsure: int = 0
    bridged: int = 0


class Rows:
    """Takes placed parts in order; `counts` says what became of them."""

    def __init__(self) -> None:
        self.counts = RowCounts()
        self._last: Mapping[str, np.float32] = {}
        self._next: int | None = None
        self._announced = self._unsure = 0
        self._cause = ""

    def take(self, placed: Iterable[Placed]) -> Iterator[Stretch | Hole]:
        """The rows of these parts, and the holes that stay between them and those before, in order."""
        for one in placed:
            self._cause = one.cause if one.lost else self._cause
            self._unsure += one.unsure
            columns, spans = one.part.columns, self._bridged(one.part)
            at = 0
            for span in (*spans, Span(len(one.part), len(one.part), announced=True)):
                if at < span.begin:
                    of = slice(at, span.begin)
                    yield from self._joined(Stretch(one.first + at, {name: v[of] for name, v in columns.items()}))
                self._announced += (span.end - span.begin) * span.announced
                at = span.end

    def _bridged(self, part: Part) -> Sequence[Span]:
        """The spans that are left of a part once those between two of its measurements are bridged."""
        edges = [0, *(edge for span in part.spans for edge in span[:2]), len(part)]
        short = [
            span.announced and span.end - span.begin <= BRIDGE and before < span.begin and span.end < after
            for span, before, after in zip(part.spans, edges[::2], edges[3::2], strict=False)
        ]
        if not any(short):
            return part.spans
        bridged = [span for span, is_short in zip(part.spans, short, strict=True) if is_short]
        _bridge(part.columns, bridged)
        width = sum(span.end - span.begin for span in bridged)
        self.counts.bridged += width
        self.counts.rows -= width
        return [span for span, is_short in zip(part.spans, short, strict=True) if not is_short]

    def _joined(self, rows: Stretch) -> Iterator[Stretch | Hole]:
        """These rows, after what lies between them and the rows before."""
        if self._next is not None and rows.first > self._next:
            missing = rows.first - self._next
            lost = missing - self._announced
            if lost == 0 and missing <= BRIDGE:
                self.counts.bridged += missing
                yield self._between(rows)
            else:
                self.counts.lost += lost
                self.counts.lost_unsure += self._unsure
                unsure = UNSURE.format(self._unsure) if self._unsure else ""
                yield Hole(self._next - 1, rows.first, lost, f"{self._cause or NOT_MEASURED}{unsure}")
        self._last = {name: values[-1] for name, values in rows.columns.items()}
        self._next, self._announced, self._unsure, self._cause = rows.end, 0, 0, ""
        self.counts.rows += len(rows)
        yield rows

    def _between(self, rows: Stretch) -> Stretch:
        """Straight lines from the last row to the first of `rows`."""
        first = self._next or 0
        width = rows.first - first
        columns = {
            name: np.concatenate(([self._last[name]], np.empty(width, np.float32), values[:1]))
            for name, values in rows.columns.items()
        }
        _bridge(columns, [Span(1, 1 + width, announced=True)])
        return Stretch(first, {name: values[1:-1] for name, values in columns.items()})


def _bridge(columns: Columns, spans: Sequence[Span]) -> None:
    """Put straight lines into columns, from the value before each span to the one after it."""
    widths = np.array([span.end - span.begin for span in spans])
    step = np.arange(widths.sum()) - np.repeat(np.cumsum(widths) - widths, widths) + 1
    before = np.repeat([span.begin - 1 for span in spans], widths)
    after = np.repeat([span.end for span in spans], widths)
    share = step.astype(np.float32) / np.repeat(widths + 1, widths).astype(np.float32)
    for values in columns.values():
        left = values[before]
        values[before + step] = left + share * (values[after] - left)

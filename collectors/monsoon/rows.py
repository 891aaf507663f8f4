"""From placed slots to stretches of rows: what was measured is kept, calibration is bridged, all else is a hole.

While a meter calibrates itself it does not measure: a few slots over USB, some of them called invalid, and two frames
on a serial port. A straight line across so short a hole, which the meter itself announced, is stored and counted;
nothing else is ever filled in.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.collectors.monsoon.timeline import Placed

# Two calibration frames of the most entries that fit a USB transfer of 64 bytes are 14 slots; 4 ms (assumed).
BRIDGE: Final = 20
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
    """What became of slots; `bridged` ones were filled in across a calibration."""

    rows: int = 0
    lost: int = 0
    bridged: int = 0


class Rows:
    """Takes placed parts in order; `counts` says what became of them."""

    def __init__(self) -> None:
        self.counts = RowCounts()
        self._last: Mapping[str, np.float32] = {}
        self._next: int | None = None
        self._announced = 0
        self._cause = ""

    def take(self, placed: Iterable[Placed]) -> Iterator[Stretch | Hole]:
        """The rows of these parts, and the holes that stay between them and those before, in order."""
        for one in placed:
            self._cause = one.cause if one.lost else self._cause
            at = used = 0
            for span in one.part.spans:
                if at < span.begin:
                    yield from self._joined(one, at, slice(used, used + span.begin - at))
                used += span.begin - at
                self._announced += (span.end - span.begin) * span.announced
                at = span.end
            if at < len(one.part):
                yield from self._joined(one, at, slice(used, used + len(one.part) - at))

    def _joined(self, one: Placed, begin: int, of: slice) -> Iterator[Stretch | Hole]:
        """The rows `of` a part, from its slot `begin` on, after what lies between them and the rows before."""
        rows = Stretch(one.first + begin, {name: values[of] for name, values in one.part.columns.items()})
        if self._next is not None and rows.first > self._next:
            missing = rows.first - self._next
            lost = missing - self._announced
            if lost == 0 and missing <= BRIDGE:
                self.counts.bridged += missing
                yield self._bridge(rows)
            else:
                self.counts.lost += lost
                yield Hole(self._next - 1, rows.first, lost, self._cause or NOT_MEASURED)
        self._last = {name: values[-1] for name, values in rows.columns.items()}
        self._next, self._announced, self._cause = rows.end, 0, ""
        self.counts.rows += len(rows)
        yield rows

    def _bridge(self, rows: Stretch) -> Stretch:
        """Straight lines from the last row to the first of `rows`."""
        first = self._next or 0
        share = np.arange(1, rows.first - first + 1, dtype=np.float32) / np.float32(rows.first - first + 1)
        columns = {
            name: self._last[name] + share * (values[0] - self._last[name]) for name, values in rows.columns.items()
        }
        return Stretch(first, columns)

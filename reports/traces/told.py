"""What both formats say of the runs that they hold, and where each begins."""

from collections.abc import Iterator
from dataclasses import dataclass

from edgewatt.profiler.storage.trace import Trace
from edgewatt.reports.escape import printable
from edgewatt.reports.source import Source
from edgewatt.reports.traces.events import NAME_LIMIT, Slice, begin_of, slices_of, unplaced


@dataclass(frozen=True, slots=True)
class Told:
    """A run of a trace: its slices, and by how much its stamps are moved, so that several begin together."""

    run: Trace
    number: int
    slices: list[Slice]
    shift_ns: int

    @property
    def name(self) -> str:
        """What the viewer calls it; SIMULATED comes first."""
        device = self.run.manifest.device.get("name") or ""
        first = "SIMULATED " if self.run.manifest.simulated else ""
        return printable(f"{first}{device} ({self.run.path.name})", NAME_LIMIT)


def told_of(source: Source) -> Iterator[Told]:
    """The runs one by one. Of several, each begins where the first one does: their clocks have nothing in common."""
    first_ns: int | None = None
    for number, run in enumerate(source.runs):
        slices = list(slices_of(run, source.notices))
        begin_ns = begin_of(run, slices)
        first_ns = begin_ns if first_ns is None else first_ns
        source.notices.extend(f"{run.path}: {column} cannot be placed in time" for column in unplaced(run))
        yield Told(run, number, slices, first_ns - begin_ns)
    if len(source.runs) > 1:
        source.notices.append("each run begins where the first one does; wall clocks hold for the first alone")

"""A short look at one instrument, kept in memory: what it gave, what is missing, and how fast its samples came."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.batch import Batch, End, Gap
from edgewatt.profiler.channel import Opened
from edgewatt.profiler.clock import NS_PER_S, Clock
from edgewatt.profiler.clockfit import ClockFit
from edgewatt.profiler.errors import DeviceError
from edgewatt.profiler.progress import Progress, Silent
from edgewatt.profiler.protocols import Collector, Learning, Learnt

READ_S: Final = 0.2
# How often it says that it is alive.
_PROGRESS_S: Final = 5.0
# Two samples that are further apart than so many usual distances have a gap between them.
_GAP: Final = 1.5


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What a look gave: `t_ns` int64 [n] of the stream's clock, and float64 [n] for each column that was asked for.

    `lost` counts what is missing in the gaps, None where nobody did. `fit` is that of a clock of the meter's own.
    """

    t_ns: NDArray[np.int64]
    columns: dict[str, NDArray[np.float64]]
    gaps: tuple[Gap, ...] = ()
    fit: ClockFit | None = None
    reasons: tuple[str, ...] = ()

    @property
    def lost(self) -> int | None:
        """How many samples are missing."""
        counts = [gap.samples_lost for gap in self.gaps]
        return None if None in counts else sum(count for count in counts if count is not None)

    @property
    def seconds(self) -> float:
        """From the first sample to the last."""
        return (int(self.t_ns[-1]) - int(self.t_ns[0])) / NS_PER_S if len(self.t_ns) else 0.0

    @property
    def rate_hz(self) -> float | None:
        """Samples in a second of the host's clock, where none are missing; None for fewer than two."""
        between_ns = np.diff(self.t_ns)
        between_ns = between_ns[between_ns <= _GAP * np.median(between_ns)] if len(between_ns) else between_ns
        if not len(between_ns) or not between_ns.any():
            return None
        return float(NS_PER_S / between_ns.mean() / (1 + (0.0 if self.fit is None else self.fit.drift)))

    @property
    def rate_bound(self) -> float | None:
        """By which share that can be wrong, as the fit of the meter's clock is; None without one."""
        return None if self.fit is None or not self.seconds else 2 * self.fit.bound_ns / NS_PER_S / self.seconds


@dataclass(slots=True)
class _Taken:
    stream: str
    t_ns: list[NDArray[np.int64]] = field(default_factory=list)
    columns: dict[str, list[NDArray[np.float64]]] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)

    def take(self, item: Batch | Gap) -> None:
        if item.stream != self.stream:
            return
        if isinstance(item, Gap):
            self.gaps.append(item)
        elif len(item):
            self.t_ns.append(item.t_ns)
            for name, values in self.columns.items():
                values.append(item.columns[name].astype(np.float64))


def look(
    collector: Collector,
    choose: Callable[[Opened], tuple[str, Sequence[str]]],
    seconds: float,
    clock: Clock,
    progress: Progress | None = None,
) -> tuple[Opened, Seen]:
    """What an instrument gives within some seconds. `choose` names a stream, and columns of it, that are gauges.

    Raises what `choose` does, and DeviceError where the instrument fails or ends.
    """
    progress = progress or Silent()
    try:
        opened = collector.open(clock)
        stream, columns = choose(opened)
        taken = _Taken(stream, columns={name: [] for name in columns})
        end_s = time.monotonic() + seconds
        said_s = -_PROGRESS_S
        while (left_s := end_s - time.monotonic()) > 0:
            if seconds - left_s >= said_s + _PROGRESS_S:
                said_s = seconds - left_s
                progress.phase("measuring", left_s)
            item = collector.read(min(READ_S, left_s))
            if isinstance(item, End):
                raise DeviceError(f"{opened.name} ended after {seconds - left_s:.1f} s: {item.cause}")
            taken.take(item)
    finally:
        collector.close()
    learnt = collector.learnt() if isinstance(collector, Learning) else Learnt()
    fit = next((fit for fit in learnt.fits if fit.clock == opened.clock), None)
    return opened, Seen(
        np.concatenate([np.empty(0, np.int64), *taken.t_ns]),
        {name: np.concatenate([np.empty(0), *values]) for name, values in taken.columns.items()},
        tuple(taken.gaps),
        fit,
        learnt.reasons,
    )

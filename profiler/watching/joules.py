"""Power and joules of an energy source while it is measured, from the very knots that a run's energies are made of."""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.batch import Batch
from edgewatt.profiler.channel import Channel, EnergySource, Opened
from edgewatt.profiler.clock import NS_PER_S
from edgewatt.profiler.energy.cumulative import Piece, pieces
from edgewatt.profiler.energy.flow import Flow, flows_of, sampling_of
from edgewatt.profiler.energy.knots import BLOCK, knots_of
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.watching.history import BINS, History
from edgewatt.profiler.watching.tap import stream_name

# How a flow is sampled is seen from so many seconds of samples, or from so many samples.
LOOK_S: Final = 2.0
LOOK_SAMPLES: Final = 200
_FEWEST: Final = 3


@dataclass(frozen=True, slots=True, eq=False)
class _Samples:
    t_ns: NDArray[np.int64]
    columns: Mapping[str, NDArray[Any]]


class Flowing:
    """One flow of a source: `power_w` now (None: not known), `energy_j` and `covered_s` since the first sample."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._columns = _columns(flow)
        self._first: list[_Samples] = []
        self._waiting: deque[_Samples] = deque()
        self._pieces: Iterator[Piece | None] | None = None
        self._kept_j = self._kept_s = 0.0
        self._until_ns = np.iinfo(np.int64).min
        self.power_w: float | None = None
        self.energy_j = self.covered_s = 0.0
        self.history = History(1)

    def feed(self, t_ns: NDArray[np.int64], columns: Mapping[str, NDArray[Any]], now_ns: int) -> None:
        """Add samples of its stream, stamped on the host's clock."""
        chosen = {name: columns[name] for name in self._columns if name in columns}
        if len(chosen) < len(self._columns) or not len(t_ns):
            return
        samples = _Samples(t_ns, chosen)
        if self._pieces is None:
            self._first.append(samples)
            if not self._begin():
                return
            first, self._first = self._first, []
        else:
            first = [samples]
        for one in first:
            for start in range(0, len(one.t_ns), BLOCK):
                part = slice(start, start + BLOCK)
                self._flow_on(_Samples(one.t_ns[part], {name: of[part] for name, of in one.columns.items()}), now_ns)

    def again(self) -> None:
        """What comes from now on is of another session: nothing is bridged, and the joules go on."""
        self._pieces, self._first, self.power_w = None, [], None
        self._kept_j, self._kept_s = self.energy_j, self.covered_s

    def _begin(self) -> bool:
        t_ns = np.concatenate([one.t_ns for one in self._first])
        enough = len(t_ns) >= LOOK_SAMPLES or int(t_ns[-1] - t_ns[0]) >= LOOK_S * NS_PER_S
        took_ns = np.diff(t_ns)
        took_ns = took_ns[took_ns > 0]
        if len(t_ns) < _FEWEST or not enough or not len(took_ns):
            self._first = self._first[-LOOK_SAMPLES:]
            return False
        sampling = sampling_of(self._flow, float(np.median(took_ns)) / NS_PER_S)
        self._waiting.clear()
        self._pieces = pieces(knots_of(self._flow, sampling, self._handed()), sampling)
        return True

    def _handed(self) -> Iterator[_Samples]:
        """What waits; asked for once for every part that was put there."""
        while True:
            yield self._waiting.popleft()

    def _flow_on(self, samples: _Samples, now_ns: int) -> None:
        if self._pieces is None:
            return
        self._waiting.append(samples)
        try:
            piece = next(self._pieces)
        except UsageError:  # its stamps went back
            self.again()
            return
        if piece is None or not len(piece.t_ns):
            return
        self.energy_j = self._kept_j + float(piece.energy_at(-1))
        self.covered_s = self._kept_s + float(piece.covered_at(-1)) / NS_PER_S
        new = piece.t_ns > self._until_ns
        if new.any():
            self._until_ns = int(piece.t_ns[-1])
            self.power_w = float(piece.power_w[-1]) if np.isfinite(piece.power_w[-1]) else None
            self.history.fold(piece.t_ns[new], piece.power_w[new][np.newaxis], now_ns)


class LiveSource:
    """A source while it is measured. Its series are those of its flows together."""

    def __init__(self, source: EnergySource, opened: Opened) -> None:
        self.source, self._collector = source, opened.name
        self.flows: list[tuple[str, Flowing]] = []
        by_column = {channel.column: (stream, channel) for stream, of in opened.channels.items() for channel in of}
        terms: dict[str, list[tuple[Channel, ...]]] = {}
        for term in source.terms:
            streams = {by_column[column][0] for column in term if column in by_column}
            if len(streams) != 1 or any(column not in by_column for column in term):
                return  # no joules can be formed from it: it stays unknown
            terms.setdefault(streams.pop(), []).append(tuple(by_column[column][1] for column in term))
        try:
            self.flows = [(stream, Flowing(flow)) for stream, of in terms.items() for flow in flows_of(of)]
        except UsageError:
            return

    @property
    def streams(self) -> list[str]:
        """The whole names of the streams that it is made of."""
        return [stream_name(self._collector, suffix) for suffix, _ in self.flows]

    def feed(self, batch: Batch, t_ns: NDArray[np.int64], now_ns: int) -> None:
        """Add a batch of one of its streams, with its stamps on the host's clock."""
        for stream, flowing in self.flows:
            if stream == batch.stream:
                flowing.feed(t_ns, batch.columns, now_ns)

    def again(self) -> None:
        """Another session begins."""
        for _, flowing in self.flows:
            flowing.again()

    @property
    def power_w(self) -> float | None:
        """Watts now; None while any of its flows is not known."""
        powers = [flowing.power_w for _, flowing in self.flows]
        return None if not powers or None in powers else sum(power for power in powers if power is not None)

    @property
    def energy_j(self) -> float | None:
        """Joules of the time that samples cover; None before there is any."""
        return sum(flowing.energy_j for _, flowing in self.flows) if self.covered_s else None

    @property
    def covered_s(self) -> float:
        """How many seconds its samples cover: those of the flow with the fewest."""
        return min((flowing.covered_s for _, flowing in self.flows), default=0.0)

    def series(self, now_ns: int) -> tuple[NDArray[np.float64], ...]:
        """Mean, least and most by bin, each [BINS]; NaN where any flow has nothing. Extremes add up as bounds."""
        if not self.flows:
            return (np.full(BINS, np.nan),) * 3
        kept = [flowing.history.series(now_ns) for _, flowing in self.flows]
        return tuple(np.sum([one[which][0] for one in kept], axis=0) for which in range(3))


def _columns(flow: Flow) -> list[str]:
    of_counter = [] if flow.counter is None else [flow.counter.column]
    of_gauges = [column for term in flow.gauges for column in term]
    voltage = [] if flow.voltage is None else [flow.voltage]
    return list(dict.fromkeys([*of_counter, *of_gauges, *voltage]))

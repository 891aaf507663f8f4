"""A stored run as a device: `replay:RUN`, or `replay:RUN?speed=1` at the pace at which it was recorded.

Recording it again gives a run with the same streams, gaps, windows and iterations. A log of tegrastats is replayed as
well: see jetson/tegrastats_log.py.
"""

import math
import os
import threading
from collections import deque
from collections.abc import Iterator
from itertools import groupby, pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.collectors.jetson import tegrastats_log
from edgewatt.profiler.batch import Batch, End, Gap
from edgewatt.profiler.channel import EnergySource, Opened, Unavailable
from edgewatt.profiler.clock import NS_PER_S, Clock
from edgewatt.profiler.device import Device, DeviceUri, Family, Found, only_options
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.protocols import BeginSink, Operator, RepeatSink
from edgewatt.profiler.storage.layout import RAW, is_file_name
from edgewatt.profiler.storage.manifest import FILE_NAME
from edgewatt.profiler.storage.packing.magic import is_packed
from edgewatt.profiler.storage.trace import Trace

# Samples handed over at once: a queue of a thousand such batches with four columns stays under 100 MB.
_BATCH_ROWS: Final = 4096
_RAW_PIECE_B: Final = 1 << 20
# What a device says of itself in fields of its own, and what belongs to the sitting rather than to the device.
_NOT_FACTS: Final = frozenset({"uri", "name", "device_id", "soc", "idle_state", "session"})


def _open(uri: DeviceUri) -> Device:
    """The device that a path replays: a log of tegrastats, or a run, by the `run.json` inside."""
    path = Path(uri.rest)
    if uri.rest and tegrastats_log.is_log(path):
        return tegrastats_log.open_log(uri)
    only_options(uri, "speed")
    if uri.rest and (is_packed(path) or os.path.isfile(path / FILE_NAME)):  # noqa: PTH113  (unlike Path.is_file, never raises)
        return _run_as_device(uri, Trace.open(path), _speed(uri))
    seen = "nothing" if not uri.rest or not os.path.exists(path) else f"no {FILE_NAME}"  # noqa: PTH110  (the same)
    raise UsageError(
        f"device {uri.text!r}: {seen} there; expected the folder of a run, as -o of `edgewatt record` makes, or a log "
        "of tegrastats"
    )


def _speed(uri: DeviceUri) -> float:
    """How many seconds of the run pass in one; infinite unless asked for."""
    text = uri.options.get("speed", "inf")
    try:
        speed = float(text)
    except ValueError:
        speed = math.nan
    if not speed > 0:
        raise UsageError(f"device {uri.text!r}: speed is {text!r}, expected a number above 0; 1 is the recorded pace")
    return speed


def _run_as_device(uri: DeviceUri, trace: Trace, speed: float) -> Device:
    stored = trace.manifest
    pace = _Pace(trace, speed)
    return Device(
        uri=uri.text,
        name=str(stored.device.get("name", "unknown")),
        device_id=str(stored.device.get("device_id", "unknown")),
        collectors=tuple(_StoredStream(trace, name, pace, first=not at) for at, name in enumerate(trace.streams)),
        soc=stored.device.get("soc"),
        simulated=stored.simulated,
        idle_state=stored.device.get("idle_state"),
        recorded=_StoredWorkload(trace),
        facts={
            **{key: value for key, value in stored.device.items() if key not in _NOT_FACTS},
            "replayed": {
                "created": stored.created,
                "session": stored.device.get("session"),
                "status": stored.status,
                "uri": stored.device.get("uri"),
            },
        },
    )


class _Pace:
    """When a sample is due: `speed` times as fast as it was recorded, counted from the first read of any stream."""

    def __init__(self, trace: Trace, speed: float) -> None:
        self._trace, self._speed = trace, speed
        self._lock = threading.Lock()
        self._first_ns: int | None = None
        self._started_ns = 0

    @property
    def is_kept(self) -> bool:
        """False if every sample is due at once."""
        return math.isfinite(self._speed)

    def start(self, clock: Clock) -> None:
        """Count from now, unless another stream has begun."""
        with self._lock:
            if self._first_ns is None:
                firsts = (next(self._trace.chunks(name, []), None) for name in self._trace.streams)
                self._first_ns = min((int(chunk.t_ns[0]) for chunk in firsts if chunk), default=0)
                self._started_ns = clock.now_ns()

    def reached_ns(self, clock: Clock) -> float:
        """Up to which stamp of the stored run, on the host's clock, samples are due."""
        return (self._first_ns or 0) + (clock.now_ns() - self._started_ns) * self._speed

    def wait_s(self, t_ns: int, clock: Clock) -> float:
        """How long until that stamp is due."""
        return (t_ns - self.reached_ns(clock)) / self._speed / NS_PER_S


class _StoredStream:
    """The Collector of one stored stream; its samples are stamped as they were, by the clock that stamped them."""

    def __init__(self, trace: Trace, name: str, pace: _Pace, *, first: bool) -> None:
        self._trace, self._name, self._pace, self._is_first = trace, name, pace, first
        self._stored = trace.stored_streams[name]
        self._items: Iterator[Batch | Gap] = iter(())
        self._held: Batch | Gap | None = None

    def open(self, clock: Clock) -> Opened:
        """The stored channels; what the run could not measure comes with its first stream."""
        self._clock = clock
        self._items = _in_order(self._trace, self._name)
        missing = self._trace.manifest.unavailable if self._is_first else ()
        return Opened(
            name=self._name,
            channels={"": tuple(self._stored.channels.values())},
            unavailable=tuple(Unavailable(**entry) for entry in missing),
            sources=tuple(source for source in self._trace.sources if self._holds(source)),
            clock=self._stored.clock,
            can_wait=True,
        )

    def read(self, timeout_s: float) -> Batch | Gap | End:
        """The next stored samples that are due, or the next gap."""
        item = self._held if self._held is not None else next(self._items, None)
        self._held = None
        if item is None:
            return End("end of the recording")
        if isinstance(item, Gap) or not self._pace.is_kept:
            return item
        return self._what_is_due(item, timeout_s)

    def close(self) -> None:
        """Read no further."""
        self._items, self._held = iter(()), None

    def _holds(self, source: EnergySource) -> bool:
        return any(self._name == self._trace.columns[column].stream for column in source.terms[0][:1])

    def _what_is_due(self, batch: Batch, timeout_s: float) -> Batch:
        self._pace.start(self._clock)
        t_ns = self._trace.clock_fit(self._stored.clock).to_host(batch.t_ns)
        wait_s = self._pace.wait_s(int(t_ns[0]), self._clock)
        if wait_s > 0:
            self._clock.sleep(min(wait_s, timeout_s))
        due = int(np.searchsorted(t_ns, self._pace.reached_ns(self._clock), "right"))
        self._held = _cut(batch, due, len(batch)) if due < len(batch) else None
        return _cut(batch, 0, due) if due else Batch.empty()


def _in_order(trace: Trace, stream: str) -> Iterator[Batch | Gap]:
    """What a stored stream holds, as it was stamped: each gap after the samples up to its beginning."""
    gaps = deque(Gap(gap.t0_ns, gap.t1_ns, gap.cause, gap.samples_lost) for gap in trace.gaps(stream))
    for chunk in trace.chunks(stream, host_clock=False):
        whole = Batch(chunk.t_ns, chunk.columns)
        start = 0
        while start < len(whole):
            end = min(start + _BATCH_ROWS, len(whole))
            if gaps:
                end = min(end, int(np.searchsorted(whole.t_ns, gaps[0].t0_ns, "right")))
            if end <= start:
                yield gaps.popleft()
                continue
            yield _cut(whole, start, end)
            start = end
    yield from gaps


def _cut(batch: Batch, start: int, end: int) -> Batch:
    return Batch(batch.t_ns[start:end], {name: values[start:end] for name, values in batch.columns.items()})


class _StoredWorkload:
    """What was executed while a stored run was recorded."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace

    def restore(self, sink: BeginSink) -> None:
        """Put back what the run knew before its first repeat."""
        stored = self._trace.manifest
        sink.update(
            conditions=stored.conditions,
            configs=stored.configs,
            clocks=stored.clocks,
            meter=stored.meter,
            quality_reasons=stored.quality_reasons,
        )
        rows = self._trace.operators().select(["config_id", *Operator._fields]).to_pylist()
        for config_id, operators in groupby(rows, key=lambda row: row["config_id"]):
            sink.operators(config_id, [Operator(*(row[name] for name in Operator._fields)) for row in operators])

    def replay(self, sink: RepeatSink) -> None:
        """Put every window, iteration and raw text of the run into the sink."""
        for window in self._trace.windows():
            sink.window(window)
        for config_id, repeat, t0_ns, t1_ns in _repeats(self._trace):
            sink.begin(config_id)
            sink.iterations(repeat, t0_ns, t1_ns)
        for name, piece in _raw_pieces(self._trace.path / RAW):
            sink.raw(name, piece)


def _repeats(trace: Trace) -> Iterator[tuple[str, int, NDArray[np.int64], NDArray[np.int64]]]:
    """The iterations in stored order, in as few pieces as there are changes of configuration or repeat."""
    table = trace.iterations().combine_chunks()
    columns = {name: table[name].to_numpy() for name in ("config_id", "repeat", "t0_ns", "t1_ns")}
    changes = [columns[name][1:] != columns[name][:-1] for name in ("config_id", "repeat")]
    starts = [0, *(np.flatnonzero(changes[0] | changes[1]) + 1).tolist()] if len(table) else []
    for start, end in pairwise([*starts, len(table)]):
        config_id, repeat = columns["config_id"][start] or "", int(columns["repeat"][start])
        yield config_id, repeat, columns["t0_ns"][start:end], columns["t1_ns"][start:end]


def _raw_pieces(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if is_file_name(path.name) and path.is_file():
            with path.open("rb") as file:
                while piece := file.read(_RAW_PIECE_B):
                    yield path.name, piece


def _discover() -> list[Found]:
    """Nothing: a run is found by its path."""
    return []


FAMILY = Family(usage="replay:RUN[?speed=1]|LOG[?period=S&board=PROFILE]", open=_open, discover=_discover)

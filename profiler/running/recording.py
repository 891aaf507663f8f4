"""A run while it is being recorded: one thread per collector, one bounded queue, one writer."""

import queue
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.batch import Batch, End, Gap
from edgewatt.profiler.channel import Opened, Unavailable
from edgewatt.profiler.clock import NS_PER_S, Clock
from edgewatt.profiler.errors import DeviceError, EdgewattError
from edgewatt.profiler.protocols import Collector, Draining, Learning
from edgewatt.profiler.running.asleep import REASON as HOST_SUSPENDED
from edgewatt.profiler.running.asleep import HostSleep
from edgewatt.profiler.storage.writer import RunWriter
from edgewatt.profiler.units import Quantity
from edgewatt.profiler.window import Window

# How long one `read` may block: the longest that stopping has to wait for a collector that has nothing to say.
READ_TIMEOUT_S: Final = 0.2
# A collector that has not returned by then is left behind, and the run says so.
STOP_TIMEOUT_S: Final = 5.0
# The log of an hour, pulled over Wi-Fi (assumed: 50 MB at 1 MB/s, and as much again).
DRAIN_TIMEOUT_S: Final = 100.0
# What a crash can lose (architecture.md, "One sample").
FLUSH_PERIOD_S: Final = 1.0
# A sensor whose update period nobody states (assumed: phones' gauges update every 0.25 to 1 s), and the longest that is
# waited for one (a phone is known that updates every 10 s).
PERIOD_UNKNOWN_S: Final = 1.0
SETTLES_LIMIT_S: Final = 10.0
_CELSIUS: Final = f".{Quantity.TEMPERATURE.value}"
# Batches in flight: a second of a collector that reads every millisecond.
QUEUE_LENGTH: Final = 1024


@dataclass(frozen=True, slots=True)
class _Window:
    window: Window


@dataclass(frozen=True, slots=True, eq=False)
class _Iterations:
    config_id: str
    repeat: int
    t0_ns: NDArray[np.int64]
    t1_ns: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Raw:
    name: str
    content: bytes


@dataclass(frozen=True, slots=True, eq=False)
class _Fields:
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class _Sample:
    collector: str
    item: Batch | Gap


_Item = _Window | _Iterations | _Raw | _Fields | _Sample


class Recording:
    """Collectors that feed a RunWriter while the caller executes something. Use it as a context manager.

    It is the Sink of the workload. Whatever breaks, every collector is closed and the run on disk is closed too:
    as "complete", or as "interrupted" when the block is left by an exception.
    """

    def __init__(self, writer: RunWriter, collectors: Sequence[Collector], clock: Clock) -> None:
        self._writer, self._clock = writer, clock
        self._collectors = collectors
        self._queue: queue.Queue[_Item] = queue.Queue(QUEUE_LENGTH)
        self._stop, self._drain, self._drained = threading.Event(), threading.Event(), threading.Event()
        self._failure: BaseException | None = None
        self._pumps: list[threading.Thread] = []
        self._config_id = ""
        self._answers: dict[int, Opened] = {}
        self._drains: set[str] = set()
        self._celsius: dict[str, float] = {}
        self._sleep = HostSleep(clock)
        self.unavailable: list[Unavailable] = []
        self.reasons: list[str] = []

    def __enter__(self) -> Self:
        try:
            for collector in self._collectors:
                self._open(collector)
        except BaseException:
            self._close_collectors()
            self._writer.close("interrupted")
            raise
        self._drainer = threading.Thread(target=self._write, name="edgewatt-writer", daemon=True)
        self._drainer.start()
        for pump in self._pumps:
            pump.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for pump in self._pumps:
            pump.join(DRAIN_TIMEOUT_S if pump.name in self._drains else STOP_TIMEOUT_S)
            if pump.is_alive():
                self.reasons.append(f"collector_stuck:{pump.name}")
        self._drain.set()
        self._drainer.join()
        self._drained.set()
        self._close_collectors()
        if self._failure is None:
            for collector in self._collectors:
                self._learn(collector)
            known = self._writer.manifest.quality_reasons
            self._writer.update(quality_reasons=[*known, *sorted(set(self.reasons) - set(known))])
            self._writer.close("complete" if error is None else "interrupted")
            return
        self._writer.abandon()
        if error is None or (isinstance(error, Exception) and error is not self._failure):
            raise self._failure

    @property
    def has_energy(self) -> bool:
        """True if joules can be formed from what the collectors measure."""
        return any(opened.sources for opened in self.opened)

    @property
    def opened(self) -> list[Opened]:
        """What the collectors that opened answered."""
        return list(self._answers.values())

    @property
    def settles_s(self) -> float:
        """How long after a change of power the last of the sensors that joules come from shows it, in seconds."""
        columns = {column for opened in self.opened for source in opened.sources for t in source.terms for column in t}
        channels = (c for opened in self.opened for of in opened.channels.values() for c in of if c.column in columns)
        periods_s = (PERIOD_UNKNOWN_S if c.period_s is None else c.period_s for c in channels)
        return min(max(periods_s, default=0.0), SETTLES_LIMIT_S)

    def gives_energy(self, collectors: Sequence[Collector]) -> bool:
        """True if joules can be formed from what these of its collectors measure."""
        return any(self._answers[id(c)].sources for c in collectors if id(c) in self._answers)

    def sources_of(self, collectors: Sequence[Collector]) -> list[str]:
        """The names of the joules that can be formed from what these of its collectors measure."""
        return [source.name for c in collectors if id(c) in self._answers for source in self._answers[id(c)].sources]

    def celsius_of(self, collectors: Sequence[Collector]) -> float | None:
        """The latest temperature that these of its collectors read; None before the first, or without a sensor."""
        answers = [self._answers[id(c)] for c in collectors if id(c) in self._answers]
        columns = (c.column for opened in answers for of in opened.channels.values() for c in of)
        return next((self._celsius[column] for column in columns if column in self._celsius), None)

    @property
    def ended(self) -> bool:
        """True once every source is exhausted."""
        return not any(pump.is_alive() for pump in self._pumps)

    def begin(self, config_id: str) -> None:
        """Iterations reported from now on belong to this configuration."""
        self._config_id = config_id

    def wait(self, seconds: float) -> None:
        """Let the collectors work for `seconds`, or until all of them are exhausted."""
        end_ns = self._clock.now_ns() + round(seconds * NS_PER_S)
        while (left_ns := end_ns - self._clock.now_ns()) > 0 and not (self._pumps and self.ended):
            self._raise_failure()
            self._clock.sleep(min(left_ns / NS_PER_S, READ_TIMEOUT_S))

    def idle(self, name: str, seconds: float) -> None:
        """Wait, and record the time as the window `name`."""
        t0_ns = self._clock.now_ns()
        self.wait(seconds)
        self.window(Window(name, t0_ns, self._clock.now_ns(), self._clock.name))

    def window(self, window: Window) -> None:
        """Record a window that has ended."""
        self._put(_Window(window))

    def iterations(self, repeat: int, t0_ns: NDArray[np.int64], t1_ns: NDArray[np.int64]) -> None:
        """Record further iterations of a repeat of the current configuration."""
        self._put(_Iterations(self._config_id, repeat, t0_ns, t1_ns))

    def raw(self, name: str, content: bytes) -> None:
        """Append to `raw/<name>`."""
        self._put(_Raw(name, content))

    def update(self, **fields: Any) -> None:
        """Replace fields of the manifest."""
        self._put(_Fields(fields))

    def _open(self, collector: Collector) -> None:
        try:
            opened = collector.open(self._clock)
        except DeviceError as error:
            self.unavailable.append(Unavailable(type(collector).__name__.lower(), str(error)))
            self._writer.update(unavailable=[*self._writer.manifest.unavailable, _as_json(self.unavailable[-1])])
            return
        self._answers[id(collector)] = opened
        self.unavailable.extend(opened.unavailable)
        self._writer.add_collector(opened)
        self._note_facts(opened, opened.facts)
        self._learn(collector)
        if opened.channels:
            pump = threading.Thread(target=self._pump, args=(collector, opened), name=opened.name, daemon=True)
            self._pumps.append(pump)
            if isinstance(collector, Draining):
                self._drains.add(opened.name)

    def _learn(self, collector: Collector) -> None:
        """Keep what a collector knows of itself by now. The writer must not be in use by its thread."""
        opened = self._answers.get(id(collector))
        if opened is None or not isinstance(collector, Learning):
            return
        learnt = collector.learnt()
        fits = {fit.clock: fit.to_json() for fit in learnt.fits}
        self._writer.update(clocks={**self._writer.manifest.clocks, **fits})
        self._note_facts(opened, {**opened.facts, **learnt.facts})
        self.reasons.extend(learnt.reasons)

    def _note_facts(self, opened: Opened, facts: Mapping[str, Any]) -> None:
        if facts:
            device = self._writer.manifest.device
            instruments = {**device.get("instruments", {}), opened.name: dict(facts)}
            self._writer.update(device={**device, "instruments": instruments})

    def _close_collectors(self) -> None:
        for collector in self._collectors:
            try:
                collector.close()
            except EdgewattError as error:
                self.reasons.append(f"not_closed:{type(collector).__name__.lower()}: {error}")

    def _pump(self, collector: Collector, opened: Opened) -> None:
        """Move what one collector reads into the queue, until it ends or the run does."""
        dropped: dict[str, Gap] = {}
        while not self._stop.is_set():
            try:
                item = collector.read(READ_TIMEOUT_S)
            except Exception as error:  # noqa: BLE001  (one instrument that breaks must not end the others)
                self.reasons.append(f"collector_failed:{opened.name}: {type(error).__name__}: {error}")
                break
            if isinstance(item, End):
                break
            if isinstance(item, Batch) and not len(item):
                continue
            if opened.can_wait:
                self._put(_Sample(opened.name, item))
                continue
            try:
                while dropped:
                    self._queue.put_nowait(_Sample(opened.name, next(iter(dropped.values()))))
                    dropped.pop(next(iter(dropped)))
                self._queue.put_nowait(_Sample(opened.name, item))
            except queue.Full:
                dropped[item.stream] = _merge(dropped.get(item.stream), item)
        for gap in dropped.values():
            self._put(_Sample(opened.name, gap))
        if isinstance(collector, Draining):
            self._drain_out(collector, opened)

    def _drain_out(self, collector: Draining, opened: Opened) -> None:
        """Take what a collector held back. Nothing else is measured any more, so it may wait for the disk."""
        try:
            for item in collector.drain():
                if isinstance(item, Gap) or len(item):
                    self._put(_Sample(opened.name, item))
        except Exception as error:  # noqa: BLE001  (what came before it is kept, and the others too)
            self.reasons.append(f"collector_failed:{opened.name}: {type(error).__name__}: {error}")

    def _put(self, item: _Item) -> None:
        while not self._drained.is_set():
            self._raise_failure()
            try:
                self._queue.put(item, timeout=READ_TIMEOUT_S)
            except queue.Full:
                continue
            return

    def _raise_failure(self) -> None:
        if self._failure is not None and threading.current_thread() is threading.main_thread():
            raise self._failure

    def _write(self) -> None:
        """The run's single writer. After a failure it goes on emptying the queue, so that nobody blocks."""
        flushed_ns = self._clock.now_ns()
        while not (self._drain.is_set() and self._queue.empty()):
            try:
                item = self._queue.get(timeout=READ_TIMEOUT_S)
            except queue.Empty:
                item = None
            if self._failure is not None:
                continue
            try:
                if (slept := self._sleep.look()) is not None:
                    self._writer.window(slept)
                    self.reasons.append(HOST_SUSPENDED)
                if item is not None:
                    self._store(item)
                if self._clock.now_ns() - flushed_ns >= FLUSH_PERIOD_S * NS_PER_S:
                    self._writer.flush()
                    flushed_ns = self._clock.now_ns()
            except Exception as error:  # noqa: BLE001  (raised again in the caller's thread)
                self._failure = error

    def _store(self, item: _Item) -> None:
        match item:
            case _Window(window):
                self._writer.window(window)
            case _Iterations(config_id, repeat, t0_ns, t1_ns):
                self._writer.begin_repeat(config_id, repeat)
                self._writer.iterations(repeat, t0_ns, t1_ns)
            case _Raw(name, content):
                self._writer.raw(name, content)
            case _Fields(fields):
                self._writer.update(**fields)
            case _Sample(collector, Gap() as gap):
                self._writer.gap(collector, gap)
            case _Sample(collector, Batch() as batch):
                self._writer.batch(collector, batch)
                self._note_celsius(batch)

    def _note_celsius(self, batch: Batch) -> None:
        for column, values in batch.columns.items():
            if column.endswith(_CELSIUS) and len(values) and np.isfinite(values[-1]):
                self._celsius[column] = float(values[-1])


def _merge(dropped: Gap | None, item: Batch | Gap) -> Gap:
    """The gap that dropping `item` leaves, together with what was dropped just before it."""
    if isinstance(item, Batch):
        item = Gap(
            int(item.t_ns[0]), int(item.t_ns[-1]), "overflow: the disk could not keep up", len(item), item.stream
        )
    if dropped is None:
        return item
    lost = (
        None if dropped.samples_lost is None or item.samples_lost is None else dropped.samples_lost + item.samples_lost
    )
    return replace(
        dropped, t0_ns=min(dropped.t0_ns, item.t0_ns), t1_ns=max(dropped.t1_ns, item.t1_ns), samples_lost=lost
    )


def _as_json(unavailable: Unavailable) -> dict[str, str]:
    return {"what": unavailable.what, "reason": unavailable.reason, "fix": unavailable.fix}

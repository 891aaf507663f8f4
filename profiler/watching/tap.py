"""An instrument whose every answer also goes to whoever watches; to a run it is the instrument itself."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from edgewatt.profiler.batch import Batch, End, Gap
from edgewatt.profiler.channel import Opened, Unavailable
from edgewatt.profiler.clock import Clock
from edgewatt.profiler.errors import DeviceError
from edgewatt.profiler.protocols import Collector, Draining, Learning, Learnt

# What waits to be looked at: ten seconds of a dozen meters at 5 kHz, about 100 bytes a sample.
SAMPLES_LIMIT: Final = 600_000
ITEMS_LIMIT: Final = 20_000


@dataclass(frozen=True, slots=True, eq=False)
class Came:
    """Something that an instrument answered, and when it came on the host's clock."""

    opened: Opened
    item: Opened | Batch | Gap
    at_ns: int


class Inbox:
    """What came and was not looked at yet. Bounded: what comes when it is full is counted, by stream, and dropped."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._items: deque[Came] = deque()
        self._samples = 0
        self._dropped: dict[str, int] = {}

    def put(self, came: Came) -> None:
        """Add what came; called by any thread."""
        size = len(came.item) if isinstance(came.item, Batch) else 0
        with self._lock:
            full = self._samples + size > SAMPLES_LIMIT or len(self._items) >= ITEMS_LIMIT
            if full and not isinstance(came.item, Opened):
                name = stream_name(came.opened.name, came.item.stream)
                self._dropped[name] = self._dropped.get(name, 0) + size
                return
            self._items.append(came)
            self._samples += size

    def take(self) -> tuple[list[Came], dict[str, int]]:
        """Everything that waits, and how many samples of each stream were dropped since the last time."""
        with self._lock:
            items, dropped = list(self._items), self._dropped
            self._items.clear()
            self._samples, self._dropped = 0, {}
        return items, dropped


def stream_name(collector: str, suffix: str) -> str:
    """The whole name of a stream of an instrument."""
    return f"{collector}-{suffix}" if suffix else collector


@dataclass(frozen=True)
class Tap:
    """A Collector that passes on what another one answers. It drains and learns if that one does.

    Without slots: a protocol's method that is None in an instance is one that it does not have.
    """

    open: Callable[[Clock], Opened]
    read: Callable[[float], Batch | Gap | End]
    close: Callable[[], None]
    learnt: Callable[[], Learnt] | None = None
    drain: Callable[[], Iterator[Batch | Gap]] | None = None


def tapped(collector: Collector, inbox: Inbox, stop: threading.Event) -> Tap:
    """The instrument, with what it answers put into the inbox too; it ends once `stop` is set.

    One that cannot be opened answers without channels and with the reason, where its own `open` raises DeviceError.
    """
    now: list[tuple[Opened, Clock]] = []

    def open_it(clock: Clock) -> Opened:
        try:
            opened = collector.open(clock)
        except DeviceError as error:
            name = type(collector).__name__.lower()
            opened = Opened(name, {}, (Unavailable(name, str(error)),))
        now[:] = [(opened, clock)]
        inbox.put(Came(opened, opened, clock.now_ns()))
        return opened

    def read(timeout_s: float) -> Batch | Gap | End:
        if stop.is_set():
            return End("the watch ended")
        item = collector.read(timeout_s)
        if isinstance(item, Gap) or (isinstance(item, Batch) and len(item)):
            opened, clock = now[0]
            inbox.put(Came(opened, item, clock.now_ns()))
        return item

    learnt = collector.learnt if isinstance(collector, Learning) else None
    drain = collector.drain if isinstance(collector, Draining) else None
    return Tap(open_it, read, collector.close, learnt, drain)

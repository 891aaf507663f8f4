"""Devices that are watched together: started, looked at, stopped."""

import threading
import time
from collections.abc import Container, Sequence
from types import TracebackType
from typing import Final, Self

from edgewatt.profiler.clock import NS_PER_S, Clock, HostClock
from edgewatt.profiler.errors import DeviceError
from edgewatt.profiler.watching.connection import Asked, Connection
from edgewatt.profiler.watching.folding import Folding
from edgewatt.profiler.watching.history import BIN_NS
from edgewatt.profiler.watching.tap import Inbox
from edgewatt.profiler.watching.view import DeviceView, State, View

# How long stopping waits for a device that does not let go; a log of an hour may have to be fetched (recording.py).
STOP_S: Final = 10.0
STOP_RECORDING_S: Final = 120.0
LABEL_LIMIT: Final = 120
# What nobody has in sight is looked at once in so many looks.
HIDDEN_LOOKS: Final = 4


class Watch:
    """Use it as a context manager: everything that was started on a device is ended when the block is left.

    Entering waits until every device was tried once. It raises UsageError and NotMeasuredError of any of them at once,
    and DeviceError only if none of them answers; the others are tried again.
    """

    def __init__(self, asked: Sequence[Asked], clock: Clock | None = None) -> None:
        self._clock = clock or HostClock()
        self._stop = threading.Event()
        self._labels = labels([one.uri for one in asked])
        self._watched: list[tuple[Connection, Folding]] = []
        for one in asked:
            inbox = Inbox()
            self._watched.append((Connection(one, inbox, self._clock, self._stop), Folding(inbox)))
        self._seen: dict[int, DeviceView] = {}
        self._looks = 0
        self.began_s = time.time()
        self.stuck: list[str] = []

    def __enter__(self) -> Self:
        for connection, _ in self._watched:
            connection.thread.start()
        try:
            self._wait_for_first()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None and issubclass(kind, KeyboardInterrupt):
            for connection, _ in self._watched:
                connection.interrupted = True
        self.close()

    def _wait_for_first(self) -> None:
        for connection, _ in self._watched:
            while not connection.first.wait(0.2):
                continue
        self.raise_failure()
        failures = [connection.failure for connection, _ in self._watched]
        if failures and all(isinstance(failure, DeviceError) for failure in failures):
            raise next(failure for failure in failures if failure is not None)

    def raise_failure(self) -> None:
        """Raise what makes watching a device pointless, such as a wrong URI."""
        for connection, _ in self._watched:
            if connection.state == "refused" and connection.failure is not None:
                raise connection.failure

    def close(self) -> None:
        """Stop, and wait until every device was let go. Idempotent."""
        self._stop.set()
        for connection, _ in self._watched:
            limit_s = STOP_S if connection.asked.run is None else STOP_RECORDING_S
            if connection.thread.is_alive():
                connection.thread.join(limit_s)
            if connection.thread.is_alive():
                self.stuck.append(connection.asked.uri)

    @property
    def ended(self) -> bool:
        """True once every device ended or was refused: nothing more will come."""
        return bool(self._watched) and all(not connection.thread.is_alive() for connection, _ in self._watched)

    def look(self, *, series: bool = True, sight: Container[int] | None = None) -> View:
        """What is seen now, without series where nobody draws them. Called by one thread, about once a second.

        Devices whose place is not in `sight` (None: all are) may stay as they were seen in one of the last looks.
        """
        now_ns = self._clock.now_ns()
        self._looks += 1
        for at, ((connection, folding), label) in enumerate(zip(self._watched, self._labels, strict=True)):
            is_due = (self._looks + at) % HIDDEN_LOOKS == 0
            if sight is None or at in sight or at not in self._seen or is_due:
                self._seen[at] = self._device(connection, folding, label, now_ns, series=series)
        return View(time.time(), self.began_s, tuple(self._seen.values()), now_ns // BIN_NS)

    def _device(self, connection: Connection, folding: Folding, label: str, now_ns: int, *, series: bool) -> DeviceView:
        device = connection.device
        recorded = device is not None and device.recorded is not None
        folding.fold(now_ns, connection.fits, recorded=recorded)
        state, why = connection.state, connection.why
        if state == "connected" and folding.streams and folding.is_silent(now_ns) and _since_s(connection, now_ns) > 3:
            state, why = _silent(folding)
        return DeviceView(
            uri=connection.asked.uri,
            label=label,
            name=connection.asked.uri if device is None else device.name,
            simulated=device is not None and device.simulated,
            state=state,
            why=why,
            retry_s=None if (at_ns := connection.retry_ns) is None else max(at_ns - now_ns, 0) / NS_PER_S,
            connected_s=None if connection.since_ns is None else _since_s(connection, now_ns),
            lost_times=connection.lost_times,
            lines=tuple(folding.lines(now_ns, series=series)),
            streams=tuple(stream.view(now_ns) for stream in folding.streams.values()),
            clocks=connection.clocks,
            unavailable=tuple((u.what, u.reason) for of in folding.unavailable.values() for u in of),
        )


def labels(uris: Sequence[str]) -> list[str]:
    """A short name for each, no two alike."""
    found: list[str] = []
    for uri in uris:
        short = uri if len(uri) <= LABEL_LIMIT else f"{uri[: LABEL_LIMIT - 1]}…"
        label, count = short, 1
        while label in found:
            count += 1
            label = f"{short}~{count}"
        found.append(label)
    return found


def _since_s(connection: Connection, now_ns: int) -> float:
    return 0.0 if connection.since_ns is None else (now_ns - connection.since_ns) / NS_PER_S


def _silent(folding: Folding) -> tuple[State, str]:
    causes = [stream.last_gap for stream in folding.streams.values() if stream.last_gap]
    return "silent", causes[-1] if causes else "no samples come"

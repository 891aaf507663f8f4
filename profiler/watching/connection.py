"""One device that is watched, in a thread of its own: opened, read, and opened again with back-off when it is lost."""

import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from edgewatt.profiler.batch import End
from edgewatt.profiler.bench_devices import opened
from edgewatt.profiler.channel import Opened
from edgewatt.profiler.clock import NS_PER_S, Clock
from edgewatt.profiler.clockfit import ClockFit
from edgewatt.profiler.device import Device
from edgewatt.profiler.errors import DeviceError, EdgewattError, NotMeasuredError
from edgewatt.profiler.protocols import Collector, Learning
from edgewatt.profiler.running.record import collectors_of, record, why_not
from edgewatt.profiler.watching.residual import WatchedClock
from edgewatt.profiler.watching.tap import Inbox, Tap, tapped
from edgewatt.profiler.watching.view import ClockView, State

# One `read` may block so long, and so long stopping waits for an instrument that has nothing to say.
READ_S: Final = 0.5
# Between two attempts; what fails again and again is asked less often.
BACK_OFF_S: Final = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
LOOK_S: Final = 0.5
LEARN_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Asked:
    """What is watched: a device's URI or a bench, and meters beside it, whose energy is demanded.

    `energy` demands it of the device itself. With `run` everything is recorded into that folder too, and a device that
    is lost for good is not opened again.
    """

    uri: str
    meters: tuple[str, ...] = ()
    energy: bool = False
    run: Path | None = None


class Connection:
    """Keeps one device connected until `stop`; `first` is set once its first attempt has come to something."""

    def __init__(self, asked: Asked, inbox: Inbox, clock: Clock, stop: threading.Event) -> None:
        self.asked, self._inbox, self._clock, self._stop = asked, inbox, clock, stop
        self.first = threading.Event()
        self.interrupted = False
        self.device: Device | None = None
        self.state: State = "opening"
        self.why = ""
        self.failure: EdgewattError | None = None
        self.retry_ns: int | None = None
        self.since_ns: int | None = None
        self.lost_times = 0
        self.remarks: list[str] = []
        self._clocks: list[WatchedClock] = []
        self._fits: dict[str, ClockFit] = {}
        self.thread = threading.Thread(target=self._live, name=f"edgewatt-watch-{asked.uri[:40]}", daemon=True)

    @property
    def fits(self) -> Mapping[str, ClockFit]:
        """How clocks lie against the host's, as far as anybody knows."""
        own = {one.fit.clock: one.fit for one in list(self._clocks) if one.fit is not None}
        return {**self._fits, **own}

    @property
    def clocks(self) -> tuple[ClockView, ...]:
        """What is known of clocks that are not the host's."""
        own = [view for one in list(self._clocks) for view in one.view()]
        of_meters = [ClockView(fit.clock, fit.bound_ns / NS_PER_S, None, fit.drift) for fit in self._fits.values()]
        return (*own, *of_meters)

    def _live(self) -> None:
        attempt = 0
        while not self._stop.is_set():
            came_ns = self._clock.now_ns()
            again = self._attempt()
            self.first.set()
            if not again or self._stop.is_set():
                return
            held_s = (self._clock.now_ns() - came_ns) / NS_PER_S
            attempt = 0 if held_s > BACK_OFF_S[-1] else attempt
            wait_s = BACK_OFF_S[min(attempt, len(BACK_OFF_S) - 1)]
            attempt += 1
            self.retry_ns = self._clock.now_ns() + round(wait_s * NS_PER_S)
            self._stop.wait(wait_s)
            self.retry_ns = None

    def _attempt(self) -> bool:
        """Open it and read it until it is lost; whether trying again can help."""
        try:
            with opened(self.asked.uri, self.asked.meters) as (device, meters):
                self.device = device
                self._serve(device, meters)
        except EdgewattError as error:
            first = not self.first.is_set()
            again = isinstance(error, DeviceError) and self.asked.run is None
            self.failure = error if first or self.asked.run is not None else None
            self._lost(str(error))
            if not again:
                self.state = "refused"
        except Exception as error:  # noqa: BLE001  (nobody sees what a thread raises)
            self._lost(f"{type(error).__name__}: {error}")
        return self.state == "waiting"

    def _lost(self, why: str) -> None:
        self.lost_times += self.state in ("connected", "silent")
        self.state, self.why, self.since_ns = "waiting", why, None
        self._clocks = []

    def _serve(self, device: Device, meters: Sequence[Device]) -> None:
        """Read until everything ended. Raises DeviceError where it was lost."""
        if self.asked.run is not None:
            self._record(device, meters, self.asked.run)
            return
        taps = [tapped(c, self._inbox, self._stop) for c in collectors_of(device, meters)]
        self._look_at_clocks((device, *meters))
        try:
            answers = [(tap, tap.open(self._clock)) for tap in taps]
            self._check([of for _, of in answers])
            self._connected()
            causes = self._read([(tap, of) for tap, of in answers if of.channels])
        finally:
            for tap in taps:
                self._close(tap)
        self._ended(device, causes)

    def _record(self, device: Device, meters: Sequence[Device], run: Path) -> None:
        """The same as a run; it ends when the watch does, and is marked interrupted if that was."""

        def mark() -> None:
            if self.interrupted:
                raise KeyboardInterrupt

        doubles = {id(d): self._doubled(d) for d in (device, *meters)}
        self._look_at_clocks((device, *meters))
        self._connected()
        with suppress(KeyboardInterrupt):  # `mark`'s alone: signals reach the main thread
            beside = [doubles[id(m)] for m in meters]
            record(doubles[id(device)], run, meters=beside, clock=self._clock, at_end=mark)
        self._ended(device, [])

    def _doubled(self, device: Device) -> Device:
        return replace(device, collectors=tuple(tapped(c, self._inbox, self._stop) for c in device.collectors))

    def _check(self, answers: Sequence[Opened]) -> None:
        """Raise NotMeasuredError where there is nothing to look at, or no energy where it was demanded."""
        missing = [unavailable for of in answers for unavailable in of.unavailable]
        if not any(of.channels for of in answers):
            raise NotMeasuredError(f"nothing to watch on {self.asked.uri}: {why_not(missing)}")
        if self.asked.energy and not any(of.sources for of in answers):
            raise NotMeasuredError(f"energy was asked of {self.asked.uri}: {why_not(missing)}")

    def _look_at_clocks(self, devices: Sequence[Device]) -> None:
        clocks = [one for d in devices if (one := WatchedClock(d, self._clock)).is_needed]
        for one in clocks:
            one.begin()
        self._clocks = clocks

    def _connected(self) -> None:
        self.state, self.why, self.since_ns, self.failure = "connected", "", self._clock.now_ns(), None
        self.first.set()

    def _read(self, instruments: Sequence[tuple[Tap, Opened]]) -> list[str]:
        """Pump every instrument until all of them ended; why they did."""
        causes: list[str] = []
        pumps = [
            threading.Thread(target=self._pump, args=(tap, of, causes), name=f"edgewatt-{of.name[:40]}", daemon=True)
            for tap, of in instruments
        ]
        for pump in pumps:
            pump.start()
        for pump in pumps:
            while pump.is_alive():
                pump.join(LOOK_S)
                self._look_again()
        return causes

    def _look_again(self) -> None:
        for one in self._clocks:
            if not self._stop.is_set():
                try:
                    one.again()
                except DeviceError:
                    continue  # it is away just now; its streams say so

    def _pump(self, tap: Tap, of: Opened, causes: list[str]) -> None:
        learn_ns = self._clock.now_ns()
        while not self._stop.is_set():
            try:
                item = tap.read(READ_S)
                if isinstance(tap, Learning) and self._clock.now_ns() >= learn_ns:
                    learn_ns = self._clock.now_ns() + round(LEARN_S * NS_PER_S)
                    self._fits = {**self._fits, **{fit.clock: fit for fit in tap.learnt().fits}}
            except Exception as error:  # noqa: BLE001  (one instrument that breaks must not end the others)
                causes.append(f"{of.name}: {type(error).__name__}: {error}")
                return
            if isinstance(item, End):
                causes.append(f"{of.name}: {item.cause}")
                return

    def _close(self, instrument: Collector) -> None:
        try:
            instrument.close()
        except EdgewattError as error:
            self.remarks.append(f"not closed: {error}")

    def _ended(self, device: Device, causes: Sequence[str]) -> None:
        if device.recorded is not None or self._stop.is_set():
            self.state, self.why, self.since_ns = "ended", "; ".join(causes) or "the watch ended", None
            return
        raise DeviceError("; ".join(causes) or f"{self.asked.uri} was lost: all of its instruments ended")

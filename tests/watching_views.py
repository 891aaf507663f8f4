"""Views to show, and devices to watch, made without any instrument."""

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.batch import Batch, End, Gap
from edgewatt.profiler.channel import Channel, EnergySource, Opened
from edgewatt.profiler.clock import Clock
from edgewatt.profiler.device import Device
from edgewatt.profiler.errors import EdgewattError
from edgewatt.profiler.units import Quantity
from edgewatt.profiler.watching.history import BINS
from edgewatt.profiler.watching.view import ClockView, DeviceView, LineView, StreamView, View

S = 1_000_000_000
MAIN = EnergySource("meter/main", (("main.power_w",),), "battery_bypass")
POWER = Channel("main", Quantity.POWER)
CELSIUS = Channel("skin", Quantity.TEMPERATURE)
OPENED = Opened("meter", {"": (POWER, CELSIUS)}, sources=(MAIN,))


def series_of(*newest: float) -> NDArray[np.float64]:
    """A series that ends with these values, and has nothing before them."""
    return np.array([*([np.nan] * (BINS - len(newest))), *newest])


def line(
    name: str = "meter/main", value: float | None = 2.5, quantity: Quantity = Quantity.POWER, **other: Any
) -> LineView:
    """A line; an energy source unless told otherwise."""
    series = series_of(1.0, np.nan, 2.0, 2.5)
    of_source = {"boundary": "battery_bypass", "energy_j": 12.5, "covered_s": 5.0} if quantity is Quantity.POWER else {}
    given = {"series": series, "low": series, "high": series, **of_source, **other}
    return LineView(name=name, unit=quantity.unit, quantity=quantity.value, value=value, **given)


def device_view(name: str = "virtual phone", **other: Any) -> DeviceView:
    """A simulated device that is connected and lost 3 samples."""
    stream = StreamView("meter", 100, 10.0, 3, lost_unknown=False, gaps=1, last_gap="cut", dropped=0, silent_s=0.1)
    given: dict[str, Any] = {
        "uri": "virtual:phone",
        "label": "virtual:phone",
        "simulated": True,
        "state": "connected",
        "why": "",
        "retry_s": None,
        "connected_s": 12.0,
        "lost_times": 0,
        "lines": (line(), line("skin", 38.25, Quantity.TEMPERATURE), line("cpu", None, Quantity.LOAD)),
        "streams": (stream,),
        "clocks": (ClockView("phone.boottime", 0.0047, 0.0002, 1e-6),),
        "unavailable": (),
    }
    return DeviceView(name=name, **{**given, **other})


def view_of(*devices: DeviceView) -> View:
    """A view of these devices, ten seconds after it began."""
    return View(1_000_010.0, 1_000_000.0, devices or (device_view(),))


@dataclass
class Scripted:
    """A Collector that answers what it was given, then waits, or ends with `end`."""

    items: deque[Batch | Gap | End | Exception] = field(default_factory=deque)
    opened: Opened = OPENED
    fails: EdgewattError | None = None
    opens: int = 0
    closes: int = 0
    empty: threading.Event = field(default_factory=threading.Event)

    def open(self, _clock: Clock) -> Opened:
        self.opens += 1
        if self.fails is not None:
            raise self.fails
        return self.opened

    def read(self, timeout_s: float) -> Batch | Gap | End:
        if not self.items:
            self.empty.set()
            threading.Event().wait(min(timeout_s, 0.01))
            return Batch.empty()
        item = self.items.popleft()
        if isinstance(item, Exception):
            raise item
        return item

    def close(self) -> None:
        self.closes += 1


def batch(*t_s: float, watt: float = 2.0, celsius: float = 30.0) -> Batch:
    """Samples at these seconds."""
    t_ns = np.array([round(one * S) for one in t_s], np.int64)
    return Batch(t_ns, {"main.power_w": np.full(len(t_ns), watt), "skin.temperature_c": np.full(len(t_ns), celsius)})


@dataclass
class Bench:
    """Opens devices in the place of `opened`: an answer or an error for each attempt; the last one stays."""

    answers: Sequence[Scripted | EdgewattError]
    simulated: bool = False
    attempts: int = 0
    closed: int = 0

    @contextmanager
    def opened(self, uri: str, _meters: Sequence[str] = ()) -> Iterator[tuple[Device, list[Device]]]:
        answer = self.answers[min(self.attempts, len(self.answers) - 1)]
        self.attempts += 1
        if isinstance(answer, EdgewattError):
            raise answer
        try:
            yield Device(uri, "a meter", "id", (answer,), simulated=self.simulated), []
        finally:
            self.closed += 1

"""A phone that lives: its timeline, its clocks and its sensors, all functions of one true clock.

That is the host's monotonic clock, in int64 ns.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgewatt.profiler.clock import NS_PER_S
from edgewatt.virtual_lab.clocks import DeviceClocks, Oscillator, Suspension
from edgewatt.virtual_lab.phone.anatomy import SCREEN, device_of
from edgewatt.virtual_lab.phone.personality import Personality
from edgewatt.virtual_lab.power.load import Change, Kind
from edgewatt.virtual_lab.power.timeline import Timeline

# In real time a change may be told late; it is then moved to the first instant that is still open.
LATE_LIMIT_NS: Final = 60 * NS_PER_S
_ROOM_C: Final = 24.0


def clocks_of(phone: Personality, origin_ns: int) -> DeviceClocks:
    """The clocks of a phone: booted `clock_offset_s` before the origin, and a timer for each of its PMICs."""
    boottime_ns = round(phone.clock_offset_s * NS_PER_S)
    oscillator = Oscillator(origin_ns, boottime_ns, phone.clock_drift_ppm)
    second = replace(oscillator, reading_ns=boottime_ns - round(phone.odpm_second_base_s * NS_PER_S))
    return DeviceClocks(oscillator, bases=(oscillator, second))


def timeline_of(phone: Personality, origin_ns: int) -> Timeline:
    """The power of a phone from `origin_ns` on."""
    return Timeline(device_of(phone), origin_ns=origin_ns, ambient_c=_ROOM_C, late_limit_ns=LATE_LIMIT_NS)


class Body:
    """One phone from `origin_ns` on. Changes of the timeline go through `change`, which keeps a list of them.

    Its clocks and its timeline are those of every phone of its kind, unless others are given.
    """

    def __init__(
        self,
        phone: Personality,
        origin_ns: int,
        clocks: DeviceClocks | None = None,
        timeline: Timeline | None = None,
    ) -> None:
        self.phone, self.origin_ns = phone, origin_ns
        self.clocks = clocks or clocks_of(phone, origin_ns)
        self.timeline = timeline or timeline_of(phone, origin_ns)
        self.changes: list[tuple[str, str, int, float]] = []
        self.settled_ns = origin_ns
        self._last: dict[tuple[Kind, str], tuple[int, float]] = {}
        for domain in self.timeline.device.domains:
            if domain.frequencies_hz:
                self.ask_hz(domain.name, origin_ns, domain.frequencies_hz[0])
        self.change("load", SCREEN, origin_ns, float(phone.screen))

    def boottime_ns(self, t_ns: int) -> int:
        """CLOCK_BOOTTIME of the phone."""
        return int(self.clocks.boottime_ns(t_ns))

    def monotonic_ns(self, t_ns: int) -> int:
        """CLOCK_MONOTONIC of the phone, which stands still while it is suspended."""
        return int(self.clocks.monotonic_ns(t_ns))

    def slept(self, t0_ns: int, t1_ns: int) -> None:
        """It was suspended from `t0_ns` to `t1_ns`."""
        self.clocks = replace(self.clocks, suspensions=(*self.clocks.suspensions, Suspension(t0_ns, t1_ns)))

    def change(self, kind: Kind, name: str, t_ns: int, value: float) -> int:
        """Let something be so from an instant on, or from the first one that is still open; which that is."""
        last_ns, was = self._last.get((kind, name), (self.origin_ns, math.nan))
        t_ns = max(t_ns, self.settled_ns, last_ns)
        if value != was:
            self._last[kind, name] = t_ns, value
            self.record(Change(kind, name, np.array([t_ns]), np.array([value])))
            self.changes.append((kind, name, t_ns, value))
        return t_ns

    def record(self, change: Change) -> None:
        """Hand a change to the timeline."""
        self.timeline.record(change)

    def load(self, intensities: Mapping[str, float], t_ns: int) -> int:
        """Loads from an instant on; the instant that counts."""
        return max((self.change("load", name, t_ns, value) for name, value in intensities.items()), default=t_ns)

    def ask_hz(self, domain: str, t_ns: int, hz: float) -> None:
        """The governor asks for a frequency."""
        self.change("frequency", domain, t_ns, hz)

    def settle(self, t_ns: int) -> None:
        """Somebody looks at this instant: what was before it stays as it is."""
        self.settled_ns = max(self.settled_ns, t_ns)

    def steps_hz(self, domain: str) -> tuple[float, ...]:
        """The frequencies that a domain can have; none for one without a clock."""
        return self.timeline.device.domain(domain).frequencies_hz

    def hz(self, domain: str, t_ns: int) -> float:
        """What a domain runs at."""
        return float(self.timeline.frequency_hz(t_ns, domain))

    def throttled_steps(self, number: int, t_ns: ArrayLike) -> NDArray[np.int64]:
        """How many steps below what was asked for a cluster runs, at each instant."""
        name = f"cpu{number}"
        steps_hz = np.array(self.steps_hz(name))
        asked, given = self.timeline.asked_hz(t_ns, name), self.timeline.frequency_hz(t_ns, name)
        return np.searchsorted(steps_hz, asked, "right") - np.searchsorted(steps_hz, given, "right")

    def busy_s(self, domain: str, t_ns: int) -> float:
        """Seconds of work that each processor of a cluster has done, on average."""
        return float(self.timeline.busy_s(t_ns, domain))

    def temperature_c(self, zone: str, t_ns: int) -> float:
        """Of one of the parts that anatomy.py knows."""
        return float(self.timeline.temperature_c(t_ns, zone))

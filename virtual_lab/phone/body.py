"""A phone that lives: its timeline, its clocks and its sensors, all functions of one true clock.

That is the host's monotonic clock, in int64 ns.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from edgewatt.profiler.clock import NS_PER_S
from edgewatt.virtual_lab.clocks import DeviceClocks, Oscillator, Suspension
from edgewatt.virtual_lab.phone.anatomy import SCREEN, device_of
from edgewatt.virtual_lab.phone.personality import Personality
from edgewatt.virtual_lab.power.load import Change, level
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
    """One phone from `origin_ns` on. Changes of the timeline go through `change`, which keeps a list of them."""

    def __init__(self, phone: Personality, origin_ns: int) -> None:
        self.phone, self.origin_ns = phone, origin_ns
        self.clocks = clocks_of(phone, origin_ns)
        self.timeline = timeline_of(phone, origin_ns)
        self.changes: list[tuple[str, str, int, float]] = []
        self.settled_ns = origin_ns
        self._last_ns: dict[tuple[str, str], int] = {}
        self._asked_hz: dict[str, float] = {}
        self._capped_hz: dict[str, float] = {}
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

    def change(self, kind: str, name: str, t_ns: int, value: float) -> int:
        """Let something be so from an instant on, or from the first one that is still open; which that is."""
        t_ns = max(t_ns, self.settled_ns, self._last_ns.get((kind, name), self.origin_ns))
        self._last_ns[kind, name] = t_ns
        made = level(name, t_ns, value)
        self.timeline.record(Change(kind, made.name, made.t_ns, made.value))  # type: ignore[arg-type]
        self.changes.append((kind, name, t_ns, value))
        return t_ns

    def load(self, intensities: Mapping[str, float], t_ns: int) -> int:
        """Loads from an instant on; the instant that counts."""
        return max((self.change("load", name, t_ns, value) for name, value in intensities.items()), default=t_ns)

    def ask_hz(self, domain: str, t_ns: int, hz: float) -> None:
        """The governor asks for a frequency."""
        self._asked_hz[domain] = hz
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

    def look_at_caps(self, t_ns: int) -> None:
        """See what heat leaves of the clocks."""
        self._capped_hz = {
            name: self.hz(name, t_ns) for name, asked in self._asked_hz.items() if self.hz(name, t_ns) < asked
        }

    def known_hz(self, domain: str) -> float:
        """What a domain runs at, by what was asked for and the last look at its caps."""
        return min(self._asked_hz[domain], self._capped_hz.get(domain, self._asked_hz[domain]))

    def throttled_steps(self, number: int) -> int:
        """How many steps below what was asked for a cluster runs."""
        name = f"cpu{number}"
        return sum(1 for hz in self.steps_hz(name) if self.known_hz(name) < hz <= self._asked_hz[name])

    def busy_s(self, domain: str, t_ns: int) -> float:
        """Seconds of work that each processor of a cluster has done, on average."""
        return float(self.timeline.busy_s(t_ns, domain))

    def temperature_c(self, zone: str, t_ns: int) -> float:
        """Of one of the parts that anatomy.py knows."""
        return float(self.timeline.temperature_c(t_ns, zone))


class Draw:
    """Random numbers of one phone, in order."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def gain(self, spread: float) -> float:
        """A gain around 1."""
        return float(1 + spread * self._rng.standard_normal())

    def whole(self, low: int, high: int) -> int:
        """A whole number from `low` to below `high`."""
        return int(self._rng.integers(low, high))

    def seed(self) -> int:
        """For a generator of something's own."""
        return self.whole(0, 1 << 62)

"""What serial and USB meters have in common: what is set, what hangs on them, and what was done to them."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.virtual_lab.monsoon.adc import Adc
from edgewatt.virtual_lab.monsoon.build import SPREAD, Build, Model, Spread, drawn_build
from edgewatt.virtual_lab.monsoon.faults import Faults, Link
from edgewatt.virtual_lab.monsoon.feeds import Feed, Instants, Outlet, Seen

# The factory setting of the time for which the power-up limit holds is not known; this is assumed.
POWER_UP_MS: Final = 100
OFF, ON, AUTO = 0, 1, 2
# 5 kHz: documented for both models.
SLOT_NS: Final = 200_000


@dataclass(frozen=True, slots=True)
class Happened:
    """Something that was done to a meter or that it did: when (true clock), what, and with which value."""

    t_ns: int
    what: str
    value: float


@dataclass(slots=True)
class Meter:
    """One meter. It is switched on when it is made, its output giving `voltage_v` (0: off).

    `log` has everything that happened; `told` is called with each of them. `passthrough` 2, auto, is on except while
    it samples (second-hand: meters.md 4). `killed`: the output went off by itself, until a voltage is set again.
    """

    model: Model
    feed: Feed
    seed: int = 0
    spread: Spread = SPREAD
    faults: Faults = field(default_factory=Faults)
    voltage_v: float = 4.0
    passthrough: int = AUTO
    told: Callable[[Happened], None] | None = None
    power_up_limit_a: float = 0.0
    run_limit_a: float = 0.0
    power_up_ms: int = POWER_UP_MS
    sampling: bool = False
    killed: bool = False
    log: list[Happened] = field(default_factory=list)
    build: Build = field(init=False)
    adc: Adc = field(init=False)
    first_start_ns: int | None = field(init=False, default=None)
    _on_since_ns: int = field(init=False, default=-(1 << 62))

    def __post_init__(self) -> None:
        self.build = drawn_build(self.model, self.seed, self.spread)
        self.adc = Adc(self.build, self.seed)
        self.power_up_limit_a = self.run_limit_a = self.model.highest_a

    def happened(self, t_ns: int, what: str, value: float = 0.0) -> None:
        """Note it."""
        one = Happened(t_ns, what, float(value))
        self.log.append(one)
        if self.told is not None:
            self.told(one)

    def set(self, t_ns: int, what: str, value: Any) -> None:
        """Set an attribute of this name as a client asked."""
        if what == "voltage_v":
            self._on_since_ns = t_ns if not self.voltage_v or self.killed else self._on_since_ns
            self.killed = False
        setattr(self, what, value)
        self.happened(t_ns, what, value)

    def started(self, t_ns: int) -> "Slots":
        """It samples from now on; the time of its samples. The log has the length of one in ns."""
        self.sampling = True
        self.first_start_ns = t_ns if self.first_start_ns is None else self.first_start_ns
        slots = Slots(t_ns, SLOT_NS / (1 + self.build.drift_ppm * 1e-6))
        self.happened(t_ns, "start", slots.period_ns)
        return slots

    def stopped(self, t_ns: int) -> None:
        """It samples no more."""
        self.sampling = False
        self.happened(t_ns, "stop")

    def running_s(self, t_ns: int) -> float:
        """Seconds since it first sampled, for the faults; negative infinity before."""
        return -math.inf if self.first_start_ns is None else (t_ns - self.first_start_ns) * 1e-9

    def link(self, t_ns: int) -> Link:
        """How the wire is."""
        return self.faults.link(self.running_s(t_ns))

    @property
    def outlet(self) -> Outlet:
        """What it really gives."""
        on = self.voltage_v > 0 and not self.killed
        given_v = self.voltage_v * self.faults.dac + self.build.output_v if on else 0.0
        return Outlet(given_v, self.passthrough == ON or (self.passthrough == AUTO and not self.sampling))

    @property
    def dac(self) -> tuple[int, int]:
        """Its constants of 2.5 V and 4.096 V; what a meter with a wrong DAC has there is assumed."""
        return (self.build.dac_low, self.build.dac_high) if self.faults.dac == 1 else (0x9000, 0xF123)

    def seen(self, edge_ns: Instants) -> tuple[Seen, NDArray[np.bool_]]:
        """What it sees over the intervals, and from which on its output is off because of too much current."""
        seen = self.feed.seen(edge_ns, self.outlet)
        dead = np.zeros(len(edge_ns) - 1, bool)
        if self.killed or not self.voltage_v:
            return seen, dead | self.killed
        begun_ns = edge_ns[:-1]
        powering_up = begun_ns < self._on_since_ns + self.power_up_ms * 1_000_000
        limit_a = np.where(powering_up, self.power_up_limit_a, self.run_limit_a)
        over = seen.main_a > limit_a
        if self.faults.overcurrent < math.inf:
            over |= begun_ns >= (self.first_start_ns or 0) + round(self.faults.overcurrent * 1e9)
        if not over.any():
            return seen, dead
        first = int(over.argmax())
        self.killed, self.faults.overcurrent = True, math.inf
        self.happened(int(begun_ns[first]), "overcurrent", float(seen.main_a[first]))
        dead[first:] = True
        off = {"main_a": np.where(dead, 0.0, seen.main_a), "main_v": np.where(dead, 0.0, seen.main_v)}
        return replace(seen, **off), dead


@dataclass(frozen=True, slots=True)
class Slots:
    """The 200 us of one sampling, in this meter's time: slot k lasts from `edge(k)` to `edge(k + 1)`."""

    start_ns: int
    period_ns: float

    def edges(self, first: int, count: int) -> Instants:
        """The `count + 1` edges of slots from `first` on, in ns of the true clock."""
        since_ns: Instants = np.rint(np.arange(first, first + count + 1) * self.period_ns).astype(np.int64)
        return since_ns + self.start_ns

    def done(self, t_ns: int) -> int:
        """How many slots are over at `t_ns`; an edge, though rounded, counts as reached."""
        return max(int((t_ns + 1 - self.start_ns) / self.period_ns), 0)

"""Sensors that count: the energy of a rail, the charge of a battery."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgewatt.virtual_lab.power.timeline import Timeline
from edgewatt.virtual_lab.sensors.battery import Battery
from edgewatt.virtual_lab.sensors.gauges import mean_power_w
from edgewatt.virtual_lab.sensors.updates import Floats, Held, Instants, Schedule, Updates


@dataclass(frozen=True, slots=True)
class Count:
    """Readings of a counter: whole units, its own stamp of the update, and whether it can be read."""

    raw: Instants
    stamp: Instants
    readable: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class EnergyCounterModel:
    """Counts `unit_j` of `source` (documented for a Pixel's rails: microwatt-seconds), rounded down.

    `gain_sd` and `offset_w_sd` are drawn for each device; an offset counts even where no power flows, but the
    counter never goes back. It begins at `start` and after `wraps_at - 1` comes 0.
    """

    source: str
    updates: Updates
    unit_j: float = 1e-6
    gain: float = 1.0
    gain_sd: float = 0.0
    offset_w_sd: float = 0.0
    start: int = 0
    wraps_at: int | None = None


class EnergyCounter:
    """One energy counter on a timeline; `base` gives its own time at true instants (default: the true clock in ms).

    With a `schedule` it updates with its chip, else by its own.
    """

    def __init__(
        self,
        model: EnergyCounterModel,
        timeline: Timeline,
        rng: np.random.Generator,
        base: Callable[[Instants], Instants] = lambda t_ns: t_ns // 1_000_000,
        schedule: Schedule | None = None,
    ) -> None:
        self.model, self._timeline, self._base = model, timeline, base
        self.gain = model.gain * (1 + model.gain_sd * rng.standard_normal())
        self.offset_w = model.offset_w_sd * rng.standard_normal()
        self._counted = 0.0
        self._schedule = schedule or Schedule(model.updates, timeline.origin_ns, rng)
        self._held = Held(self._schedule, self._measure)

    def read(self, t_ns: ArrayLike) -> Count:
        """What it shows at instants of any shape."""
        return self.after(self._schedule.index(t_ns))

    def after(self, index: Instants) -> Count:
        """What it shows after the updates of these numbers."""
        counted = self._held.shown(index)
        readable = ~np.isnan(counted)
        raw = self.model.start + np.where(readable, counted, 0.0).astype(np.int64)
        if self.model.wraps_at is not None:
            raw = raw % self.model.wraps_at
        return Count(raw, self._base(self._schedule.measured_ns(index)), readable)

    def measured_ns(self, t_ns: ArrayLike) -> Instants:
        """When the value was measured that it shows at each instant."""
        return self._schedule.measured_ns(self._schedule.index(t_ns))

    def _measure(self, t_ns: Instants, _: Instants) -> Floats:
        t_ns = np.maximum(t_ns, self._timeline.origin_ns)
        elapsed_s = (t_ns - self._timeline.origin_ns) * 1e-9
        energy_j = self.gain * self._timeline.total_j(t_ns, self.model.source) + self.offset_w * elapsed_s
        counted = np.maximum.accumulate(np.maximum(np.floor(energy_j / self.model.unit_j), self._counted))
        self._counted = float(counted[-1])
        return counted


@dataclass(frozen=True, slots=True)
class ChargeCounterModel:
    """The charge left in a battery, in units of `unit_c` (documented, Android power_supply: microampere-hours).

    At each update it adds the mean current since the last one, with a gain and an offset that are drawn for each
    device, and shows the sum rounded down to `step` units (coarse steps: second-hand).
    """

    source: str
    updates: Updates
    step: int = 1000
    unit_c: float = 3.6e-3
    gain_sd: float = 0.0
    offset_a_sd: float = 0.0


class ChargeCounter:
    """One charge counter on a timeline; it begins with the battery's charge at the origin. `schedule` as above."""

    def __init__(
        self,
        model: ChargeCounterModel,
        timeline: Timeline,
        rng: np.random.Generator,
        battery: Battery,
        schedule: Schedule | None = None,
    ) -> None:
        self.model, self._timeline, self._battery = model, timeline, battery
        self.gain = 1 + model.gain_sd * rng.standard_normal()
        self.offset_a = model.offset_a_sd * rng.standard_normal()
        self._left_c = battery.level * battery.capacity_c
        self._schedule = schedule or Schedule(model.updates, timeline.origin_ns, rng)
        self._held = Held(self._schedule, self._measure)

    def read(self, t_ns: ArrayLike) -> Floats:
        """What it shows at instants of any shape, in its own unit; NaN where it cannot be read."""
        left_c = self._held.shown(self._schedule.index(t_ns))
        shown: Floats = np.floor(left_c / (self.model.unit_c * self.model.step)) * self.model.step
        return shown

    def _measure(self, t_ns: Instants, before_ns: Instants) -> Floats:
        origin_ns = self._timeline.origin_ns
        t_ns, before_ns = np.maximum(t_ns, origin_ns), np.maximum(before_ns, origin_ns)
        power_w = mean_power_w(self._timeline, self.model.source, before_ns, t_ns)
        current_a = self._battery.current_a(power_w, self._timeline.total_j(t_ns, self.model.source))
        drawn_c = (current_a * self.gain + self.offset_a) * (t_ns - before_ns) * 1e-9
        left_c = self._left_c - np.cumsum(drawn_c)
        self._left_c = float(left_c[-1])
        return left_c

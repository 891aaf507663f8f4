"""A sensor that shows a power, current, voltage or temperature, as of its last update."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from edgewatt.virtual_lab.power.ramps import relax
from edgewatt.virtual_lab.power.timeline import Timeline
from edgewatt.virtual_lab.sensors.battery import Battery
from edgewatt.virtual_lab.sensors.updates import Floats, Held, Instants, Schedule, Updates


@dataclass(frozen=True, slots=True)
class GaugeModel:
    """A kind of gauge; what is not stated per device is drawn for each.

    At an update it takes the mean over its last `window_s` (0: a point), as of `delay_s` ago. That passes a low-pass
    of time constant `lag_s`, a gain (`gain`, spread `gain_sd`), an offset (spread `offset_sd`, in SI) and noise
    (`noise_sd`, in SI, new at each update). Then it saturates at `low` and `high`, is rounded to steps of `lsb`, and is
    shown times `sign * scale`: in units of 1 / scale (1e6: micro), whole numbers if `whole`. `source` is one of the
    timeline's, or a zone for temperatures. A current out of the battery is positive before `sign`.
    Steps of 0 are not rounded. No figure has a default that errs; who states one says where it is from.
    """

    quantity: Literal["power_w", "current_a", "voltage_v", "temperature_c"]
    source: str
    updates: Updates
    window_s: float = 0.0
    delay_s: float = 0.0
    lag_s: float = 0.0
    gain: float = 1.0
    gain_sd: float = 0.0
    offset_sd: float = 0.0
    noise_sd: float = 0.0
    low: float = -math.inf
    high: float = math.inf
    lsb: float = 0.0
    sign: int = 1
    scale: float = 1.0
    whole: bool = False


class Gauge:
    """One gauge on a timeline; `gain` and `offset` are what was drawn for it. Thread-safe.

    A reading settles the timeline up to the update that it shows. Voltages and currents need the battery. With a
    `schedule` it updates with its chip, else by its own.
    """

    def __init__(
        self,
        model: GaugeModel,
        timeline: Timeline,
        rng: np.random.Generator,
        battery: Battery | None = None,
        schedule: Schedule | None = None,
    ) -> None:
        self.model, self._timeline, self._battery = model, timeline, battery
        self.gain = model.gain * (1 + model.gain_sd * rng.standard_normal())
        self.offset = model.offset_sd * rng.standard_normal()
        self._noise = rng
        self._lagging: float | None = None
        self._schedule = schedule or Schedule(model.updates, timeline.origin_ns, rng)
        self._held = Held(self._schedule, self._measure)

    def read(self, t_ns: ArrayLike) -> Floats:
        """What it shows at instants of any shape, in its own unit; NaN where it cannot be read."""
        return self._held.shown(self._schedule.index(t_ns))

    def measured_ns(self, t_ns: ArrayLike) -> Instants:
        """When the value was measured that it shows at each instant."""
        return self._schedule.measured_ns(self._schedule.index(t_ns))

    def _measure(self, t_ns: Instants, before_ns: Instants) -> Floats:
        model = self.model
        value = self._follow(observed(model, self._timeline, self._battery, t_ns), t_ns - before_ns)
        value = value * self.gain + self.offset
        if model.noise_sd:
            value = value + model.noise_sd * self._noise.standard_normal(len(t_ns))
        value = np.clip(value, model.low, model.high)
        if model.lsb:
            value = np.rint(value / model.lsb) * model.lsb
        value = value * (model.sign * model.scale)
        return np.rint(value) if model.whole else value

    def _follow(self, value: Floats, lasted_ns: Instants) -> Floats:
        if not self.model.lag_s:
            return value
        start = float(value[0]) if self._lagging is None else self._lagging
        value = relax(start, value, np.exp(-lasted_ns * 1e-9 / self.model.lag_s))[1:]
        self._lagging = float(value[-1])
        return value


def observed(model: GaugeModel, timeline: Timeline, battery: Battery | None, t_ns: Instants) -> Floats:
    """What an error-free gauge of this model would find at updates at `t_ns`, in SI. Raises ValueError."""
    t_ns = t_ns - round(model.delay_s * 1e9)
    if model.quantity == "temperature_c":
        return timeline.temperature_c(t_ns, model.source)
    power_w = mean_power_w(timeline, model.source, t_ns - round(model.window_s * 1e9), t_ns)
    if model.quantity == "power_w":
        return power_w
    if battery is None:
        raise ValueError(f"a gauge of {model.quantity} needs a battery")
    used_j = timeline.total_j(t_ns, model.source)
    of_battery = battery.current_a if model.quantity == "current_a" else battery.voltage_v
    return of_battery(power_w, used_j)


def mean_power_w(timeline: Timeline, source: str, t0_ns: Instants, t1_ns: Instants) -> Floats:
    """Mean power over each window, the power at t1 where it is empty."""
    lasted_s = (t1_ns - t0_ns) * 1e-9
    if not lasted_s.any():
        return timeline.power_w(t1_ns, source)
    mean_w = timeline.energy_j(t0_ns, t1_ns, source) / np.where(lasted_s > 0, lasted_s, 1.0)
    return mean_w if lasted_s.all() else np.where(lasted_s > 0, mean_w, timeline.power_w(t1_ns, source))

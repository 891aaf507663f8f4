"""The battery that a gauge looks at."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Battery:
    """A voltage that falls linearly with the energy drawn, behind a resistance (assumed: real curves bend).

    `level` is its charge at the origin of the timeline, 0 to 1. The defaults are those of a usual phone (assumed).
    """

    capacity_c: float = 4400 * 3.6
    level: float = 0.8
    ocv_empty_v: float = 3.5
    ocv_full_v: float = 4.35
    resistance_ohm: float = 0.08

    @property
    def energy_j(self) -> float:
        """What it holds when full."""
        return self.capacity_c * (self.ocv_empty_v + self.ocv_full_v) / 2

    def voltage_v(self, power_w: Floats, used_j: Floats) -> Floats:
        """At its terminals, giving `power_w` after `used_j` since the origin: V = OCV - R P / V."""
        level = np.clip(self.level - used_j / self.energy_j, 0.0, 1.0)
        ocv_v = self.ocv_empty_v + (self.ocv_full_v - self.ocv_empty_v) * level
        left = np.maximum(ocv_v * ocv_v - 4 * self.resistance_ohm * power_w, 0.0)
        voltage_v: Floats = (ocv_v + np.sqrt(left)) / 2
        return voltage_v

    def current_a(self, power_w: Floats, used_j: Floats) -> Floats:
        """Out of the battery, at its terminals' voltage."""
        current_a: Floats = power_w / self.voltage_v(power_w, used_j)
        return current_a

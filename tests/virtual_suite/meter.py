"""A meter beside the virtual phone that hands on means over 10 ms, as the Monsoon's collector does with `block`.

Its gains and zero points are drawn as the lab's are (virtual_lab/monsoon/build.py), and stated. Frames are left out: a
suite lasts minutes at 5 kHz. Its stamps are the host's, right to a tenth of a millisecond (assumed).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from edgewatt.collectors.monsoon.offered import NAME
from edgewatt.profiler.batch import Batch
from edgewatt.profiler.channel import Accuracy, Channel, EnergySource, Opened
from edgewatt.profiler.storage.writer import RunWriter
from edgewatt.profiler.units import Quantity
from edgewatt.virtual_lab.monsoon.build import SPREAD
from edgewatt.virtual_lab.phone.anatomy import BATTERY
from edgewatt.virtual_lab.power.timeline import Timeline

SOURCE: Final = f"{NAME}/main"
_PERIOD_S: Final = 0.01
_VOLTAGE_V: Final = 4.0
# What is left of two counts of noise in a mean of 50 samples, in ampere (a coarse count is some 0.2 mA; assumed).
_NOISE_A: Final = 6e-5
_LATE_NS: Final = 100_000
_SEED: Final = 41


@dataclass(frozen=True, slots=True)
class SuiteMeter:
    """By what it is wrong: gain of the power, and the zero point in watt."""

    gain: float
    offset_w: float

    def seen_w(self, power_w: float) -> float:
        """What it shows of a power in the long run."""
        return self.gain * power_w + self.offset_w

    def record(self, writer: RunWriter, timeline: Timeline, span_ns: tuple[int, int], seed: int) -> None:
        """Its samples of the battery's power, into a run."""
        rng = np.random.default_rng((seed, _SEED, span_ns[1]))
        edges_ns = np.arange(span_ns[0], span_ns[1], round(_PERIOD_S * 1e9))
        power_w = np.diff(timeline.total_j(edges_ns, BATTERY)) / _PERIOD_S
        power_w = self.gain * power_w + self.offset_w + _VOLTAGE_V * _NOISE_A * rng.standard_normal(len(power_w))
        channel = Channel(
            "main",
            Quantity.POWER,
            source="virtual Monsoon, means of 50 samples",
            period_s=_PERIOD_S,
            window_s=_PERIOD_S,
            accuracy=Accuracy((SPREAD.gain**2 + SPREAD.voltage_gain**2) ** 0.5, 0.0, "as drawn"),
            boundary="battery_bypass",
        )
        source = EnergySource(SOURCE, ((channel.column,),), "battery_bypass")
        writer.add_collector(Opened(NAME, {"": (channel,)}, sources=(source,)))
        stamps_ns = edges_ns[1:] + int(rng.integers(-_LATE_NS, _LATE_NS))
        writer.batch(NAME, Batch(stamps_ns, {channel.column: power_w}))


# One that shows what is.
PLAIN: Final = SuiteMeter(1.0, 0.0)


def suite_meter(seed: int) -> SuiteMeter:
    """The meter of a seed."""
    rng = np.random.default_rng((seed, _SEED))
    gain, voltage_gain, offset_a = rng.standard_normal(3) * (SPREAD.gain, SPREAD.voltage_gain, SPREAD.offset_coarse_a)
    return SuiteMeter((1 + float(gain)) * (1 + float(voltage_gain)), float(offset_a) * _VOLTAGE_V)

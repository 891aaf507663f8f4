"""What a meter should find: the truth of the long run as it sees it, and the joules of the very iterations it saw."""

from dataclasses import dataclass

import numpy as np

from edgewatt.virtual_lab.monsoon.meter import Meter
from edgewatt.virtual_lab.phone.anatomy import BATTERY
from edgewatt.virtual_lab.phone.virtual_time import VirtualRun
from tests.virtual_time.cases import GAUGE
from tests.virtual_time.truths import iteration_s, truths


@dataclass(frozen=True, slots=True)
class Truth:
    """Joules per iteration of one quantity.

    `true_j` in the long run, and `seen_j` what this meter finds then, its gain and its zero point being what they are;
    `used_j` of the iterations of this run, times its gain.
    """

    true_j: float
    seen_j: float
    used_j: float


def gain_of(meter: Meter) -> float:
    """By what a power is wrong: the gains of current and voltage."""
    return meter.build.main.gain * meter.build.voltage_gain


def truths_of(run: VirtualRun, meter: Meter) -> dict[str, Truth]:
    """By quantity. A phone that works or idles draws a current of the coarse range, whose zero point counts."""
    gain, used = gain_of(meter), _used(run)
    zero_w = meter.build.main.coarse.offset_a * meter.voltage_v * meter.build.voltage_gain
    zero_j = {"gross": zero_w * iteration_s(run), "net": 0.0}
    return {
        quantity: Truth(true_j, gain * true_j + zero_j[quantity], gain * used[quantity])
        for quantity, (true_j, _) in truths(run, GAUGE).items()
    }


def _used(run: VirtualRun) -> dict[str, float]:
    """The mean over repeats of what an iteration of each took, from its first begin to its last end."""
    t0_ns, t1_ns = np.array([(phase.t0_ns, phase.t1_ns) for phase in run.phases]).T
    runs = np.array([phase.runs for phase in run.phases])
    gross_j = np.array(run.energies(BATTERY))
    idle_ns = np.array(run.idle_ns)
    idle_j = run.timeline.energy_j(idle_ns[:, 0], idle_ns[:, 1], BATTERY)
    idle_w = np.interp((t0_ns + t1_ns) / 2, idle_ns.mean(axis=1), idle_j / (idle_ns[:, 1] - idle_ns[:, 0]) * 1e9)
    net_j = gross_j - idle_w * (t1_ns - t0_ns) * 1e-9
    return {"gross": float((gross_j / runs).mean()), "net": float((net_j / runs).mean())}

"""The truth of a run in virtual time, in joules per iteration, plain and as the phone's own instruments see it.

It is that of the long run, as a repeatability interval speaks of "the same instrument again": exact mean power while
the network is executed, times how long an iteration takes on average of many processes. The iterations of one run are
a sample of these, and which they were is a part of what its interval has to allow for. Idle power is the exact mean
of each idle window, and as the measuring side has it, a straight line between their middles (measurement.md).
"""

import math
from collections.abc import Mapping
from typing import Final

import numpy as np

from edgewatt.virtual_lab.phone.virtual_time import VirtualRun
from edgewatt.virtual_lab.phone.virtual_time.plan import _REPEAT_REL as REPEAT_REL
from tests.virtual_time.cases import GAUGE

# By energy source, the true sources that it adds up (device_profiles/android/google_pixel.toml).
_PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    GAUGE: ("battery",),
    "phone/cpu": ("S2M_VDD_CPUCL2", "S3M_VDD_CPUCL1", "S4M_VDD_CPUCL0"),
    "phone/memory_interface": ("S1M_VDD_MIF",),
}


def truths(run: VirtualRun, source: str) -> dict[str, tuple[float, float]]:
    """By quantity: joules per iteration, and what the instrument would find in the long run."""
    gains = run.gains()
    found = {"gross": (0.0, 0.0), "net": (0.0, 0.0)}
    for part in _PARTS[source]:
        for quantity, true_j in _of_part(run, part).items():
            plain_j, seen_j = found[quantity]
            found[quantity] = plain_j + true_j, seen_j + gains[part] * true_j
    return found


def iteration_s(run: VirtualRun) -> float:
    """How long an iteration takes on average of many processes, from the beginning of one to that of the next."""
    plan = run.plan
    return plan.latency_s * math.exp((plan.spread**2 + REPEAT_REL**2) / 2) + plan.gap_s


def _of_part(run: VirtualRun, part: str) -> dict[str, float]:
    begin_ns, end_ns = np.array([(phase.t0_ns, phase.t1_ns) for phase in run.phases]).T
    busy_w = np.array(run.energies(part)) / (end_ns - begin_ns) * 1e9
    idle_ns = np.array(run.idle_ns)
    idle_j = run.timeline.energy_j(idle_ns[:, 0], idle_ns[:, 1], part)
    idle_w = np.interp((begin_ns + end_ns) / 2, idle_ns.mean(axis=1), idle_j / (idle_ns[:, 1] - idle_ns[:, 0]) * 1e9)
    each_s = iteration_s(run)
    return {"gross": float(busy_w.mean()) * each_s, "net": float((busy_w - idle_w).mean()) * each_s}

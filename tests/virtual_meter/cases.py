"""Which meters feed which phone, and for how long."""

from dataclasses import dataclass, replace
from typing import Final

from edgewatt.profiler.synchronising.train import train
from edgewatt.virtual_lab.phone.virtual_time import Plan, VirtualRun

# At most so many of one meter.
SEEDS: Final = 1_000_000
_FIRST: Final = 100 * SEEDS
VOLTAGE_V: Final = 4.0


@dataclass(frozen=True, slots=True)
class Case:
    """A meter of the lab (virtual_lab/monsoon/setup.py), what it feeds, and the place among the cases."""

    model: str
    personality: str
    plan: Plan
    place: int

    def seeds(self, count: int) -> range:
        """So many seeds, which no other case has."""
        first = _FIRST + self.place * SEEDS
        return range(first, first + count)

    def run(self, seed: int) -> VirtualRun:
        """The phone's run, with trains of its own before and after its repeats."""
        return VirtualRun(self.personality, seed, planned(self.plan, seed))


def planned(plan: Plan, seed: int) -> Plan:
    """The plan with the trains of a seed."""
    return replace(plan, trains=tuple(tuple(train(2 * seed + n)) for n in range(2)))


# Shorter than a run is (5 x 5 s, idle 10 s), so that 5 kHz can be paid for; what edges cost counts five times as much.
SHORT: Final = Plan(seconds=1.0, warmup_s=0.2, idle_s=2.0, settle_s=1.0, pause_s=(0.1, 0.3), lead_s=1.0, tail_s=1.0)
CASES: Final = {
    "lvpm": Case("lvpm", "pixel", SHORT, 0),
    "hvpm": Case("hvpm", "samsung", SHORT, 1),
}

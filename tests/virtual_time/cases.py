"""Which phones are measured, for how long, and what of theirs is the truth of which energy source."""

from dataclasses import dataclass, replace
from typing import Final

from edgewatt.collectors.runtimes.benchmark_model.workload import WARMUP_S
from edgewatt.virtual_lab.phone.personalities import PERSONALITIES
from edgewatt.virtual_lab.phone.virtual_time import Plan

GAUGE: Final = "phone/battery"
# At most so many of one phone.
SEEDS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Case:
    """One phone and how long it is measured; `sources` are the names of its energy sources, as the tables show them."""

    personality: str
    sources: tuple[str, ...]
    plan: Plan
    quirks: tuple[str, ...] = ()

    def seeds(self, count: int) -> range:
        """So many seeds, no two phones having one in common: they would share what is drawn from it."""
        first = list(PERSONALITIES).index(self.personality) * SEEDS
        return range(first, first + count)


# Rails by the defaults of a profile run, and the gauge beside them; where a gauge of a second is all there is, four
# times as long; a gauge of 10 s needs minutes, here of a larger network. A run lets a phone cool for up to 30 s before
# its idles (profiler/running/thermal.py), here for 20 s, and each repeat begins up to a sensor's period late and warms
# up for two.
_PERIOD_S: Final = 1.0
_DEFAULT: Final = Plan(warmup_s=WARMUP_S, settle_s=20.0, pause_s=(0.2, 0.6 + _PERIOD_S))
_GAUGE: Final = replace(_DEFAULT, seconds=20.0, idle_s=20.0)
_SLOW: Final = replace(
    _DEFAULT, seconds=120.0, idle_s=60.0, latency_s=0.1, pause_s=(0.2, 0.6 + 10 * _PERIOD_S), warmup_s=20 * _PERIOD_S
)

CASES: Final = {
    case.personality: case
    for case in (
        Case("pixel", ("phone/cpu", "phone/memory_interface", GAUGE), _DEFAULT),
        Case("samsung", (GAUGE,), _GAUGE),
        Case("xiaomi", (GAUGE,), _GAUGE),
        Case("oneplus", (GAUGE,), _SLOW),
        Case("snapdragon", (GAUGE,), _GAUGE),
        Case("mediatek", (), _DEFAULT),
        Case("old", (GAUGE,), _GAUGE),
    )
}
assert set(CASES) == set(PERSONALITIES)

"""Networks that a virtual phone executes, each another: how long, by how many threads, where, at which clock."""

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from edgewatt.virtual_lab.phone.personality import Personality
from edgewatt.virtual_lab.phone.virtual_time.plan import Plan
from tests.virtual_time.chain import FACTS

# All of them are assumed: from the smallest networks of phones to the largest.
_LATENCY_S: Final = (0.003, 0.15)
_SPREAD: Final = (0.01, 0.1)
_GAP_S: Final = (2e-5, 1e-3)
_SECONDS: Final = (1.5, 5.0)
# Of the memory's bandwidth, beside what the lab lets every network take.
_MEMORY: Final = (0.0, 0.5)
_SEED: Final = 77
ANYWHERE: Final = "several clusters"
GPU: Final = "gpu"


@dataclass(frozen=True, slots=True)
class Network:
    """One of them: its name, on which unit of the phone, and how it is executed."""

    name: str
    unit: str
    plan: Plan

    @property
    def is_held(self) -> bool:
        """Whether a clock is held for it."""
        return bool(self.plan.held_hz)

    def facts(self) -> dict[str, Any]:
        """What a run tells of it."""
        told = {"model": f"{self.name}.tflite", "threads": self.plan.threads, "target_asked": self.plan.target}
        return {**FACTS, **told}


def networks(phone: Personality, seed: int, each: int = 4, targets: tuple[str, ...] = (GPU, "nnapi")) -> list[Network]:
    """So many for each unit: half of them as the governor has it, the others with the unit's clock held at a step."""
    rng = np.random.default_rng((seed, _SEED))
    found = []
    for number, cluster in enumerate(phone.clusters):
        for k in range(each):
            threads = int(rng.integers(1, len(cluster.cpus) + 1))
            held = ((f"cpu{number}", 1e3 * float(rng.choice(cluster.khz))),) if k % 2 else ()
            found.append((f"cpu{cluster.cpus[0]}", _plan(rng, threads=threads, cpus=cluster.cpus, held_hz=held)))
    most = sum(len(cluster.cpus) for cluster in phone.clusters)
    for _ in range(each):
        least = len(phone.clusters[-1].cpus) + 1
        found.append((ANYWHERE, _plan(rng, threads=int(rng.integers(least, most + 1)))))
    for target in targets:
        found += [(target, _plan(rng, threads=1, target=target)) for _ in range(each)]
    return [Network(f"net{k}", unit, plan) for k, (unit, plan) in enumerate(found)]


def _plan(rng: np.random.Generator, **more: Any) -> Plan:
    return Plan(
        repeats=3,
        seconds=float(rng.uniform(*_SECONDS)),
        warmup_s=0.3,
        idle_s=3.0,
        latency_s=math.exp(rng.uniform(*np.log(_LATENCY_S))),
        spread=float(rng.uniform(*_SPREAD)),
        gap_s=math.exp(rng.uniform(*np.log(_GAP_S))),
        memory=float(rng.uniform(*_MEMORY)),
        lead_s=2.0,
        tail_s=1.0,
        **more,
    )

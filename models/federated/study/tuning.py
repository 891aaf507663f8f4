"""Nine tries for each agent, on the tuning cases only, by one measure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np

from edgewatt.models.federated.study.cases import TUNING, cases_of
from edgewatt.models.federated.study.given import Given
from edgewatt.models.federated.study.many import Progress, many
from edgewatt.models.federated.study.results import RANDOM, What, results_of
from edgewatt.models.federated.study.study import SEARCH_SEED
from edgewatt.models.federated.study.trial import Asked
from edgewatt.models.shelf import Shelf

Tuned = tuple[tuple[str, float], ...]


def _grid(**values: Sequence[float]) -> tuple[Tuned, ...]:
    return tuple(tuple(zip(values, of, strict=True)) for of in product(*values.values()))


_JUDGED: Final[tuple[What, ...]] = ("global_j", "seconds")
# Of the papers' agents the rates that AutoScale's authors tried; of ours what its Taste says is tuned.
TRIES: Final = {
    "autofl": _grid(learning_rate=(0.1, 0.5, 0.9), discount=(0.1, 0.5, 0.9)),
    "autofl-shared": _grid(learning_rate=(0.1, 0.5, 0.9), discount=(0.1, 0.5, 0.9)),
    "fedgpo": _grid(learning_rate=(0.1, 0.5, 0.9), discount=(0.1, 0.5, 0.9)),
    "ours": _grid(spread=(1.0, 2.0, 4.0), fading=(0.6, 0.8, 0.95)),
}


@dataclass(frozen=True, slots=True)
class Try:
    """One setting of an agent: what it took to the target, over FedAvg-Random; geometric means over cases and seeds."""

    agent: str
    tuned: Tuned
    energy: float
    time: float
    reached: float

    @property
    def cost(self) -> float:
        """What is made small: the joules of the whole fleet, times how much longer it took if it took longer."""
        return self.energy * max(self.time, 1.0)


def tries(
    given: Given, agents: Sequence[str], rounds_n: int, seeds_n: int, processes: int = 2, shelf: Shelf | None = None,
    progress: Progress = lambda _what, _done: None,
) -> list[Try]:  # fmt: skip
    """All of them; the same fleets, data and seeds for all, which no study has."""
    cases, seeds = cases_of(TUNING), range(SEARCH_SEED, SEARCH_SEED + seeds_n)
    base = [Asked(RANDOM, case, seed, rounds_n) for case, seed in product(cases, seeds)]
    asked = {
        (agent, tuned): [Asked(agent, case, seed, rounds_n, tuned=tuned) for case, seed in product(cases, seeds)]
        for agent in agents
        for tuned in TRIES[agent]
    }
    trials = many(given, [*base, *(of for each in asked.values() for of in each)], shelf, processes, progress)
    found = []
    for (agent, tuned), each in asked.items():
        results = results_of({of: trials[of] for of in (*base, *each)})
        pairs = list(product(cases, seeds))
        energy, time = (
            float(np.exp(-np.mean([np.log(results.gain(what, agent, RANDOM, *pair)) for pair in pairs])))
            for what in _JUDGED
        )
        there = float(np.mean([results.reached(agent, *pair).is_reached for pair in pairs]))
        found.append(Try(agent, tuned, energy, time, there))
    return found

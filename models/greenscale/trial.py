"""Every scheduler on the same tasks, in every scenario and application."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.greenscale.deciding import ALWAYS, OBJECTIVES, always, best, taken
from edgewatt.models.greenscale.facing import WHOLE, Built, Extent, Faced, all_faced
from edgewatt.models.greenscale.learning import Chooses, Setting, learnt
from edgewatt.models.greenscale.scenarios import scenario_of
from edgewatt.models.greenscale.world import PLACES

Reals = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Result:
    """Means of one scheduler over the tasks of one application in one scenario; shares [3] of places; hours waited."""

    kg: float
    embodied_kg: float
    parts_kg: Reals
    energy_j: float
    phone_j: float
    latency_s: float
    late: float
    places: Reals
    waits_h: float


@dataclass(frozen=True, slots=True)
class Trial:
    """Results by scenario, application and method."""

    scenarios: tuple[str, ...]
    apps: tuple[str, ...]
    results: Mapping[tuple[str, str, str], Result]

    def kg(self, scenario: str, app: str, method: str) -> float:
        """What a task emitted, in the mean."""
        return self.results[scenario, app, method].kg

    def saving(self, scenario: str, app: str, against: str, method: str) -> float:
        """By how many percent `method` emits less than `against`."""
        other = self.kg(scenario, app, against)
        return 100 * (1 - self.kg(scenario, app, method) / other) if other > 0 else 0.0


def tried(
    built: Built,
    scenarios: Sequence[str],
    each_n: int,
    seed: int,
    methods: Sequence[str] = (*OBJECTIVES, *ALWAYS),
    *,
    learners: Mapping[str, Mapping[str, Setting]] = MappingProxyType({}),
    extent: Extent = WHOLE,
) -> Trial:
    """`each_n` tasks of every application in every scenario; `learners`: by scenario, the setting of each kind."""
    constants = built.asked.constants
    found: dict[tuple[str, str, str], Result] = {}
    for number, name in enumerate(scenarios):
        scenario = scenario_of(constants, name)
        faces = all_faced(built, scenario, each_n, (seed, number, 1), extent)
        taught: dict[str, Chooses] = {}
        if settings := learners.get(name):
            lessons = lessons_of(built, name, seed)
            taught = {kind: learnt(kind, lessons, of, constants, seed) for kind, of in settings.items()}
        for k, of in enumerate(faces):
            choices = {
                method: always(of.expected, ALWAYS[method]) if method in ALWAYS else best(of.expected, method)
                for method in methods
            }
            choices |= {kind: chooses(k, of) for kind, chooses in taught.items()}
            found |= {(name, of.app.name, method): result(of, choice) for method, choice in choices.items()}
    return Trial(
        tuple(scenarios), tuple(of for of in (app.name for app in built.apps) if extent.app in (None, of)), found
    )


def lessons_of(built: Built, scenario: str, seed: int) -> list[Faced]:
    """The tasks that every learner executes, whatever its kind and setting: others than those it is tried on."""
    constants = built.asked.constants
    each_n = max(int(constants["learning.tasks_n"]) // len(built.apps), 1)
    number = [*constants.scenarios["tuning"], *constants.scenarios["test"]].index(scenario)
    return all_faced(built, scenario_of(constants, scenario), each_n, (seed, number, 2))


def result(of: Faced, choice: NDArray[np.intp]) -> Result:
    """What the choices came to, in the mean."""
    slots_n = of.app.slots_n
    operational, embodied = taken(of.costs.operational_kg, choice), taken(of.costs.embodied_kg, choice)
    return Result(
        float((operational + embodied).sum(axis=1).mean()), float(embodied.sum(axis=1).mean()),
        np.concatenate([operational.mean(axis=0), embodied.mean(axis=0)]),
        float(taken(of.costs.energy_j, choice).mean()), float(taken(of.costs.phone_j, choice).mean()),
        float(taken(of.costs.latency_s, choice).mean()), float((taken(of.costs.lateness, choice) >= 1).mean()),
        np.bincount(choice // slots_n, minlength=len(PLACES)) / len(choice), float((choice % slots_n).mean()),
    )  # fmt: skip

"""Nine settings for each kind of learner, on the tuning scenarios only, by one measure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from edgewatt.models.greenscale.deciding import CARBON, best
from edgewatt.models.greenscale.facing import Built, all_faced
from edgewatt.models.greenscale.learning import KINDS, LEAST_KG, SETTINGS, Setting, learnt
from edgewatt.models.greenscale.scenarios import scenario_of
from edgewatt.models.greenscale.trial import Result, Trial, lessons_of, result

# Tasks of their own.
_SEED: Final = 9000


@dataclass(frozen=True, slots=True)
class Try:
    """One setting of one kind: percent above the least carbon, points of lateness above its, and their sum `cost`."""

    kind: str
    setting: Setting
    above: float
    late: float

    @property
    def cost(self) -> float:
        """What is made small."""
        return self.above + self.late


def tries(built: Built, scenarios: Sequence[str], each_n: int) -> list[Try]:
    """All of them, nine for each kind; the same lessons and the same tasks for all."""
    constants = built.asked.constants
    found: dict[tuple[str, Setting], dict[tuple[str, str, str], Result]] = {
        (kind, setting): {} for kind in KINDS for setting in SETTINGS[kind]
    }
    for number, name in enumerate(scenarios):
        lessons = lessons_of(built, name, _SEED)
        faces = all_faced(built, scenario_of(constants, name), each_n, (_SEED, number, 1))
        least = {(name, of.app.name, CARBON): result(of, best(of.expected, CARBON)) for of in faces}
        for (kind, setting), results in found.items():
            chooses = learnt(kind, lessons, setting, constants, _SEED)
            results.update(
                {(name, of.app.name, kind): result(of, chooses(k, of)) for k, of in enumerate(faces)} | least
            )
    apps = tuple(app.name for app in built.apps)
    return [_judged(kind, setting, Trial(tuple(scenarios), apps, of)) for (kind, setting), of in found.items()]


def chosen(of: Sequence[Try]) -> dict[str, Setting]:
    """The best setting of each kind."""
    return {kind: min((t for t in of if t.kind == kind), key=lambda t: t.cost).setting for kind in KINDS}


def above(trial: Trial, kind: str, scenarios: Sequence[str]) -> float:
    """Percent of carbon above the least: geometric mean over scenarios and applications."""
    pairs = [(trial.kg(s, a, kind), trial.kg(s, a, CARBON)) for s in scenarios for a in trial.apps]
    more, least = np.log(np.maximum(pairs, LEAST_KG)).T
    return 100 * float(np.exp(np.mean(more - least)) - 1)


def late(trial: Trial, kind: str, scenarios: Sequence[str]) -> float:
    """Percent points of tasks too late above those of the least carbon."""
    more = [trial.results[s, a, kind].late - trial.results[s, a, CARBON].late for s in scenarios for a in trial.apps]
    return 100 * float(np.mean(more))


def _judged(kind: str, setting: Setting, trial: Trial) -> Try:
    return Try(kind, setting, above(trial, kind, trial.scenarios), late(trial, kind, trial.scenarios))

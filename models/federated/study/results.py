"""Trials by method, case, seed and draw, and how much sooner or on how much less a method converges than another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from edgewatt.models.federated.round import Floats
from edgewatt.models.federated.study.cases import Case, study_constants
from edgewatt.models.federated.study.reaching import Reached, reached, settled, target_of
from edgewatt.models.federated.study.trial import Asked, Trial

RANDOM: Final = "fedavg-random"
What = Literal["seconds", "local_j", "global_j"]


@dataclass(frozen=True, slots=True, eq=False)
class Results:
    """What came of a study. FedAvg-Random is in it for every case, seed and draw: it sets the targets."""

    trials: Mapping[tuple[str, Case, int, int | None], Trial]

    def trial(self, method: str, case: Case, seed: int, draw: int | None = None) -> Trial:
        """One of them. Raises KeyError."""
        return self.trials[method, case, seed, draw]

    def target(self, case: Case, seed: int, draw: int | None = None) -> float:
        """The accuracy in percent that counts as converged."""
        return target_of(self.trial(RANDOM, case, seed, draw).accuracy_percent, study_constants())

    def reached(self, method: str, case: Case, seed: int, draw: int | None = None) -> Reached:
        """What a method took to the target."""
        of, window = self.trial(method, case, seed, draw), int(study_constants()["convergence.window_n"])
        target = self.target(case, seed, draw)
        return reached(of.accuracy_percent, of.round_s, of.local_j, of.global_j, target, window)

    def gain(self, what: What, method: str, against: str, case: Case, seed: int, draw: int | None = None) -> float:
        """How many times less than another a method takes of something to the target.

        Of joules it is the ratio of performance per watt: (1 / T) / (E / T) = 1 / E.
        """
        ours, theirs = (getattr(self.reached(name, case, seed, draw), what) for name in (method, against))
        return float(theirs / ours)

    def final(self, method: str, case: Case, seed: int, draw: int | None = None) -> float:
        """The highest moving mean of its accuracy, in percent."""
        return target_of(self.trial(method, case, seed, draw).accuracy_percent, study_constants()) / float(
            study_constants()["convergence.target_ratio"]
        )

    def shares(self, method: str, case: Case, seeds: Sequence[int]) -> Floats:
        """Percent of participants of each tier, the mean over seeds, (3,)."""
        return np.asarray(np.mean([self.trial(method, case, seed).shares for seed in seeds], axis=0))

    def settled(self, method: str, case: Case, seed: int) -> int | None:
        """From which round on the rewards of a method stay where they end; None without rewards."""
        constants = study_constants()
        window, ratio = (constants[f"convergence.reward_{name}"] for name in ("window_n", "ratio"))
        return settled(self.trial(method, case, seed).rewards, int(window), float(ratio))

    def unreached(self, method: str, case: Case, seeds: Sequence[int]) -> int:
        """In how many of the seeds it did not reach the target."""
        return sum(not self.reached(method, case, seed).is_reached for seed in seeds)


def target_said() -> str:
    """What counts as converged, in a sentence."""
    constants = study_constants()
    window, ratio = (constants[f"convergence.{name}"] for name in ("window_n", "target_ratio"))
    return (
        f"converged: the mean accuracy of {window} rounds reaches {ratio:g} of the highest that {RANDOM} reaches "
        "(assumed; the papers' definition is not known)"
    )


def results_of(trials: Mapping[Asked, Trial]) -> Results:
    """The trials of a study by method, case, seed and draw."""
    return Results({(of.method, of.case, of.seed, of.draw): trial for of, trial in trials.items()})

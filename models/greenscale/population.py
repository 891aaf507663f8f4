"""What many users save in a year, from a sample of them, with the error of having asked only these."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.greenscale.deciding import CARBON, ENERGY, LATENCY, best, taken
from edgewatt.models.greenscale.facing import Built, all_faced
from edgewatt.models.greenscale.intensities import YEAR_DAYS
from edgewatt.models.greenscale.scenarios import scenario_of

AGAINST: Final = (ENERGY, LATENCY)
_KG_PER_T: Final = 1000.0
# Two standard errors, as a normal has 95 % within.
_WIDTH_SD: Final = 1.959964
# A sample below it says nothing of its own error.
LEAST_N: Final = 30


@dataclass(frozen=True, slots=True)
class Sample:
    """Tonnes of CO2e that `users_n` users save in a year by least carbon, [n] each sampled user times `users_n`."""

    against: str
    users_n: float
    each_t: NDArray[np.float64]

    @property
    def saved_t(self) -> float:
        """The estimate."""
        return float(self.each_t.mean())

    @property
    def error_t(self) -> float:
        """Half of the 95 % interval of the sampling: falls with the root of the sample."""
        return float(_WIDTH_SD * self.each_t.std(ddof=1) / np.sqrt(len(self.each_t)))

    def first(self, count: int) -> "Sample":
        """The first of the users, as if no more had been asked."""
        return Sample(self.against, self.users_n, self.each_t[:count])


def sampled(built: Built, scenarios: Sequence[str], count: int, seed: int) -> list[Sample]:
    """`count` users, each in a scenario by its share, doing each kind of task at one random moment of the year.

    A user's day is `per_day_n` tasks of each kind as that moment has it. Empty where no scenario has a share.
    """
    constants = built.asked.constants
    of = [scenario_of(constants, name) for name in scenarios]
    shares = np.array([scenario.share for scenario in of])
    if not shares.sum() > 0:
        return []
    rng = np.random.default_rng([seed, 77])
    lives = rng.choice(len(of), count, p=shares / shares.sum())
    each = {against: np.zeros(count) for against in AGAINST}
    for number, scenario in enumerate(of):
        mine = np.flatnonzero(lives == number)
        if not len(mine):
            continue
        for face in all_faced(built, scenario, len(mine), (seed, number, 3)):
            kg = {objective: taken(face.costs.kg, best(face.expected, objective)) for objective in (CARBON, *AGAINST)}
            for against in AGAINST:
                each[against][mine] += YEAR_DAYS * face.app.per_day_n * (kg[against] - kg[CARBON])
    users_n = float(constants["population.users_n"])
    return [Sample(against, users_n, users_n * kg / _KG_PER_T) for against, kg in each.items()]

"""Choosing hyper-parameters: nine tries for each kind of agent, on the tuning scenarios only, by the same measure.

The published agent's rates were chosen by its authors (0.9 and 0.1, of 0.1, 0.5 and 0.9); here it gets the same nine
again. Ours gets nine of `late` and `width`. Both are judged by the percent of joules above the oracle's plus the
percent points of deadlines missed above the oracle's, after as many lessons, in the same drawn worlds.
`python -m benchmarks.scheduling --tune` does it again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Final

import numpy as np

from edgewatt.models.scheduling.autoscale import Learning, learn, learning_of, lessons_of
from edgewatt.models.scheduling.bandit import Trust, learn_bandit
from edgewatt.models.scheduling.bandit_prior import prior_of
from edgewatt.models.scheduling.baselines import ORACLE
from edgewatt.models.scheduling.building import Asked, drawn_worlds
from edgewatt.models.scheduling.constants import Draw
from edgewatt.models.scheduling.scenarios import names
from edgewatt.models.scheduling.states import bins_of
from edgewatt.models.scheduling.trial import AUTOSCALE, Trial, tried
from edgewatt.models.scheduling.world import stacked

# What the nine tries of AutoScale's agent came to: learning rate and discount.
RATES: Final = (0.5, 0.1)
_RATES: Final = (0.1, 0.5, 0.9)
_LATE: Final = (0.05, 0.1, 0.25)
_WIDTH: Final = (0.0, 0.5, 1.0)
_DRAWS_FROM: Final = 3000
OURS: Final = "bandit"
AGENTS: Final = (AUTOSCALE, OURS)


@dataclass(frozen=True, slots=True)
class Try:
    """One setting of one kind of agent: percent above the oracle in joules, points above it in missed deadlines."""

    agent: str
    setting: str
    above: float
    late: float

    @property
    def cost(self) -> float:
        """What is made small."""
        return self.above + self.late


def with_rates(of: Learning, learning_rate: float, discount: float) -> Learning:
    """The same with other rates."""
    return replace(
        of, learning_rate=np.full_like(of.learning_rate, learning_rate), discount=np.full_like(of.discount, discount)
    )


def autoscale_tuned(published: Learning) -> Learning:
    """The published agent with the rates that its tries came to."""
    return with_rates(published, *RATES)


def tries(
    asked: Asked, *, agents: Sequence[str] = AGENTS, seeds: int = 10, learn_n: int = 150, try_n: int = 20
) -> Iterator[Try]:
    """Nine for each of `agents`, as they are done."""
    constants, bins, scenarios = asked.constants, bins_of(asked.constants), names(asked.constants, "tuning")
    worlds = drawn_worlds(asked, _DRAWS_FROM, seeds)
    together = stacked(worlds)
    lessons = lessons_of(worlds[0], bins, constants, scenarios, range(seeds), learn_n)
    published = learning_of(constants, [Draw()] * seeds)
    for rate, discount in product(_RATES, _RATES) if AUTOSCALE in agents else ():
        tables = learn(together, bins, lessons, with_rates(published, rate, discount), 0)
        trials = [tried(w, tables[k], constants, scenarios, try_n, k) for k, w in enumerate(worlds)]
        yield _judged(AUTOSCALE, f"learning rate {rate:g}, discount {discount:g}", trials)
    prior = prior_of(asked)
    for late, width in product(_LATE, _WIDTH) if OURS in agents else ():
        ours = learn_bandit(prior, together, lessons, Trust(late=late, width=width), 0)
        trials = [tried(w, None, constants, scenarios, try_n, k, {OURS: ours.chooses(k)}) for k, w in enumerate(worlds)]
        yield _judged(OURS, f"late {late:g}, width {width:g}", trials)


def above_oracle(trial: Trial, method: str) -> float:
    """Percent of joules above the oracle's: geometric mean over networks and scenarios."""
    return 100 * (float(np.exp(np.mean(np.log(trial.energy_j[method] / trial.energy_j[ORACLE])))) - 1)


def late_above_oracle(trial: Trial, method: str) -> float:
    """Percent points of missed deadlines above the oracle's."""
    return 100 * float(trial.late[method].mean() - trial.late[ORACLE].mean())


def _judged(name: str, setting: str, trials: Sequence[Trial]) -> Try:
    above, late = (float(np.mean([of(t, name) for t in trials])) for of in (above_oracle, late_above_oracle))
    return Try(name, setting, above, late)

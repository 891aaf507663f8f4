"""Our agent against AutoScale's: the same worlds, inferences, noise and number of lessons, on scenarios not tuned on.

Every seed has a world of its own: measured values drawn from their intervals, all that is not confirmed within +-30 %.
Both agents are put into it; ours knows the calibration as stated and how sure that is, AutoScale's knows nothing, as
published, and once more with what its share of tuning came to (tuning.py).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.scheduling.autoscale import Learning, greedy, learn, learning_of, lessons_of
from edgewatt.models.scheduling.bandit import Beliefs, Trust, begin, learn_bandit
from edgewatt.models.scheduling.bandit_prior import prior_of
from edgewatt.models.scheduling.building import Asked, build, drawn_worlds
from edgewatt.models.scheduling.constants import Draw
from edgewatt.models.scheduling.convergence import Cases, Converged, autoscale_converges, bandit_converges, cases_of
from edgewatt.models.scheduling.executing import Chooses
from edgewatt.models.scheduling.phone import phones_of
from edgewatt.models.scheduling.states import Bins, bins_of
from edgewatt.models.scheduling.transfer import mapping
from edgewatt.models.scheduling.trial import AUTOSCALE, Trial, tried
from edgewatt.models.scheduling.tuning import OURS, autoscale_tuned
from edgewatt.models.scheduling.world import Action, Conditions, World, stacked
from edgewatt.profiler.errors import UsageError

TUNED: Final = "autoscale_tuned"
UNTAUGHT: Final = "calibration_only"
TRANSFERRED: Final = "autoscale_transferred"
SEEDS: Final = 20
# So many inferences agents get to converge: more than four times those of the paper's.
RUNS: Final = 200
# Worlds of the contest have seeds that no headline's, prior's or tuning's have.
_DRAWS_FROM: Final = 5000


@dataclass(frozen=True, slots=True)
class Contest:
    """`trials`: of each seed, AUTOSCALE, TUNED, OURS, UNTAUGHT (ours without a lesson), ORACLE and the baselines.

    `converged` by method; TRANSFERRED began with the table of the phone `other` (blank: the calibration has none),
    which tells nothing of `lacking_n` choices. `ours`: the agents of all seeds.
    """

    scenarios: tuple[str, ...]
    trials: tuple[Trial, ...]
    converged: Mapping[str, Converged]
    ours: Beliefs
    other: str = ""
    lacking_n: int = 0
    is_of_all_test_scenarios: bool = False


def contest(
    asked: Asked,
    scenarios: Sequence[str],
    *,
    seeds: int,
    learn_n: int,
    try_n: int,
    worlds: Sequence[World] | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Contest:
    """Both agents on `scenarios`; the same for the same arguments.

    `worlds`: one per seed with the same choices, instead of those that are drawn from what our agent is told.
    """
    constants, bins = asked.constants, bins_of(asked.constants)
    worlds = drawn_worlds(asked, _DRAWS_FROM, seeds) if worlds is None else worlds
    together = stacked(worlds)
    lessons = lessons_of(worlds[0], bins, constants, scenarios, range(seeds), learn_n)
    published = learning_of(constants, [Draw()] * seeds)
    tuned = autoscale_tuned(published)
    progress(f"contest: {seeds} agents of each kind, {len(lessons.network):,} inferences each")
    prior, trust = prior_of(asked), Trust()
    tables, others = (learn(together, bins, lessons, of, 0) for of in (published, tuned))
    ours = learn_bandit(prior, together, lessons, trust, 0)
    untaught = begin(prior, 1, trust).chooses()
    trials = [
        tried(world, tables[k], constants, scenarios, try_n, k, {
            TUNED: _by_table(others[k], world, bins), OURS: ours.chooses(k), UNTAUGHT: untaught,
        })
        for k, world in enumerate(worlds)
    ]  # fmt: skip
    progress("contest: how soon each has learnt")
    cases = cases_of(worlds, bins, constants, scenarios, min(learn_n, RUNS))
    converged = {
        AUTOSCALE: autoscale_converges(cases, published),
        TUNED: autoscale_converges(cases, tuned),
        OURS: bandit_converges(cases, prior, trust),
    }
    every = set(scenarios) == set(constants.scenarios["test"])
    found = Contest(tuple(scenarios), tuple(trials), converged, ours, is_of_all_test_scenarios=every)
    other = _another(asked, [w.name for w in worlds[0].workloads])
    return found if other is None else _transferred(found, other, cases, published, learn_n)


def _by_table(table: NDArray[np.float32], world: World, bins: Bins) -> Chooses:
    def choose(network: NDArray[np.intp], around: Conditions) -> NDArray[np.intp]:
        return greedy(table, world, bins, network, around)

    return choose


def _another(asked: Asked, networks: Sequence[str]) -> Asked | None:
    """Another phone of the calibration that executes the same networks."""
    for device_id in phones_of(asked.calibration):
        if device_id != asked.device_id:
            other = replace_device(asked, device_id)
            try:
                names = [w.name for w in build(other).workloads]
            except UsageError:
                continue
            if names == list(networks):
                return other
    return None


def replace_device(asked: Asked, device_id: str) -> Asked:
    """The same of another phone."""
    return Asked(asked.calibration, asked.layers, device_id, asked.constants, asked.streaming)


def _transferred(found: Contest, other: Asked, cases: Cases, learning: Learning, learn_n: int) -> Contest:
    """With the convergence of agents that begin with what those of another phone learnt in the same scenarios."""
    constants, bins = other.constants, bins_of(other.constants)
    worlds = drawn_worlds(other, _DRAWS_FROM, len(found.trials))
    lessons = lessons_of(worlds[0], bins, constants, found.scenarios, range(len(worlds)), learn_n)
    tables = learn(stacked(worlds), bins, lessons, learning, 1)
    theirs: Sequence[Action] = worlds[0].actions
    converged = autoscale_converges(cases, learning, taught=(tables, theirs, bins))
    return replace(
        found, converged={**found.converged, TRANSFERRED: converged}, other=other.device_id,
        lacking_n=mapping(theirs, cases.world.actions).lacking,
    )  # fmt: skip

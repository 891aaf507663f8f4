"""One environment tried out: every method on the same inferences, in every scenario and for every network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.scheduling.autoscale import greedy
from edgewatt.models.scheduling.baselines import FIXED, ORACLE, best, fixed
from edgewatt.models.scheduling.constants import Constants
from edgewatt.models.scheduling.executing import Chooses, Inferences, executed
from edgewatt.models.scheduling.scenarios import drawn, joined
from edgewatt.models.scheduling.states import bins_of
from edgewatt.models.scheduling.world import Conditions, Outcome, World
from edgewatt.profiler.errors import UsageError

AUTOSCALE = "autoscale"


@dataclass(frozen=True, slots=True)
class Trial:
    """Arrays [scenario, network] by method: mean joules of the phone and of everything, seconds, share too late.

    `targets`: how often each target was chosen; `as_oracle`: how often AutoScale chose the oracle's; `absent`: why a
    method is not there; `words`: the weakest words of what the choices were made from.
    """

    energy_j: dict[str, NDArray[np.float64]]
    all_energy_j: dict[str, NDArray[np.float64]]
    latency_s: dict[str, NDArray[np.float64]]
    late: dict[str, NDArray[np.float64]]
    targets: dict[str, list[dict[str, float]]]
    as_oracle: NDArray[np.float64]
    absent: dict[str, str]
    words: dict[str, frozenset[str]]


def baselines_of(world: World, constants: Constants) -> tuple[dict[str, NDArray[np.intp]], dict[str, str]]:
    """[M] by baseline, and why others are not there."""
    found, absent = {}, {}
    for name in FIXED:
        try:
            found[name] = fixed(world, constants, name)
        except UsageError as error:
            absent[name] = str(error)
    return found, absent


def tried(
    world: World,
    table: NDArray[np.float32] | None,
    constants: Constants,
    scenarios: Sequence[str],
    each_n: int,
    seed: int,
    more: Mapping[str, Chooses] | None = None,
) -> Trial:
    """`each_n` inferences of every network in every scenario; AutoScale's if there is a table [states, actions]."""
    rng = np.random.default_rng([seed, 3])
    networks_n = len(world.workloads)
    around = joined([drawn(constants, s, each_n, rng) for s in scenarios for _ in range(networks_n)])
    network = np.tile(np.repeat(np.arange(networks_n), each_n), len(scenarios))
    noise = rng.standard_normal(len(network))
    found, absent = baselines_of(world, constants)
    methods: dict[str, Chooses] = {name: _always(of) for name, of in found.items()}
    methods[ORACLE] = lambda network, around: best(world, network, around).action
    methods |= more or {}
    if table is not None:
        bins, taught = bins_of(constants), table
        methods[AUTOSCALE] = lambda network, around: greedy(taught, world, bins, network, around)
    names = list(dict.fromkeys(action.target for action in world.actions))
    target = np.array([names.index(action.target) for action in world.actions])
    shape = (len(scenarios), networks_n, each_n)
    inferences = Inferences(network, around, noise, each_n)
    came = {name: executed(world, chooses, inferences) for name, chooses in methods.items()}
    choices = {name: choice for name, (choice, _) in came.items()}
    right = target[choices.get(AUTOSCALE, choices[ORACLE])] == target[choices[ORACLE]]
    trial = Trial({}, {}, {}, {}, {}, right.reshape(shape).mean(axis=2), absent, {})
    for name, (choice, outcome) in came.items():
        _add(trial, name, outcome, outcome.latency_s >= world.qos_s[network], shape)
        trial.words[name] = frozenset(world.basis[network, choice].tolist())
        shares = target[choice].reshape(len(scenarios), -1)
        trial.targets[name] = [
            {of: float((row == k).mean()) for k, of in enumerate(names) if (row == k).any()} for row in shares
        ]
    return trial


def _always(of: NDArray[np.intp]) -> Chooses:
    """A choice per network, whatever is around it."""

    def choose(network: NDArray[np.intp], _: Conditions) -> NDArray[np.intp]:
        return of[network]

    return choose


def _add(trial: Trial, name: str, outcome: Outcome, late: NDArray[np.bool_], shape: tuple[int, int, int]) -> None:
    trial.energy_j[name] = outcome.energy_j.reshape(shape).mean(axis=2)
    trial.all_energy_j[name] = outcome.all_energy_j.reshape(shape).mean(axis=2)
    trial.latency_s[name] = outcome.latency_s.reshape(shape).mean(axis=2)
    trial.late[name] = late.reshape(shape).mean(axis=2)


def joined_trials(trials: Sequence[Trial]) -> Trial:
    """Several phones or deadlines in one, rows after rows; a baseline that one of them lacks is absent of all."""
    absent = {name: why for trial in trials for name, why in trial.absent.items()}
    names = [name for name in trials[0].energy_j if name not in absent]

    def rows(of: str) -> dict[str, NDArray[np.float64]]:
        return {name: np.concatenate([getattr(trial, of)[name] for trial in trials]) for name in names}

    return Trial(
        rows("energy_j"),
        rows("all_energy_j"),
        rows("latency_s"),
        rows("late"),
        {name: [row for trial in trials for row in trial.targets[name]] for name in names},
        np.concatenate([trial.as_oracle for trial in trials]),
        absent,
        {name: frozenset().union(*(trial.words[name] for trial in trials)) for name in names},
    )

"""The methods of a study by name: who chooses, and how updates are averaged."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from edgewatt.models.federated.learning.methods import FEDAVG
from edgewatt.models.federated.policies.abs import adaptive_batch
from edgewatt.models.federated.policies.autofl import AutoFl, autofl
from edgewatt.models.federated.policies.bayesian import bayesian
from edgewatt.models.federated.policies.fedex import fedex
from edgewatt.models.federated.policies.fedgpo import FedGpo, fedgpo
from edgewatt.models.federated.policies.fixed import Fixed, Setting
from edgewatt.models.federated.policies.genetic import genetic
from edgewatt.models.federated.policies.oracle import O_FL, O_PARTICIPANT, oracle
from edgewatt.models.federated.policies.ours import Taste, ours_of
from edgewatt.models.federated.policies.prior_work import fedl, fednova
from edgewatt.models.federated.policies.simple import cluster
from edgewatt.models.federated.round import Fleet, Job, Policy
from edgewatt.models.scheduling.constants import Draw, no_such

# AutoFL with one table for each kind of device, as the paper offers, in place of one for each device.
SHARED: Final = "autofl-shared"
AUTOFL_METHODS: Final = (
    *("fedavg-random", "power", "performance", O_PARTICIPANT, O_FL, "fednova", "fedl", "autofl", SHARED, "ours"),
)
FEDGPO_METHODS: Final = ("fedavg-random", "fixed-best", "bo", "ga", "fedex", "abs", "fedgpo", "ours")
METHODS: Final = tuple(dict.fromkeys((*AUTOFL_METHODS[:-1], *FEDGPO_METHODS)))
# How updates are averaged where it is not the plain mean.
_AVERAGED: Final = {"fednova": "fednova", "fedl": "fedl"}
_CLUSTERS: Final = ("fedavg-random", "power", "performance")


@dataclass(frozen=True, slots=True, eq=False)
class Situation:
    """Where a policy is made: the fleet as it is, as the calibration states it, the job, the seed, the draw."""

    fleet: Fleet
    told: Fleet
    job: Job
    seed: int
    draw: Draw


def averaged(method: str) -> str:
    """How its updates are averaged: a name of learning/methods.py."""
    return _AVERAGED.get(method, FEDAVG)


def policy_of(method: str, at: Situation, tuned: Mapping[str, float]) -> Policy:
    """The policy of a method; `tuned` in place of its own settings. Raises UsageError for an unknown name."""
    if method in _CLUSTERS:
        return cluster(method, at.seed)
    made: Mapping[str, Callable[[], Policy]] = {
        # An oracle knows the fleet as it is; whoever computes knows what a calibration states of it.
        O_PARTICIPANT: lambda: oracle(O_PARTICIPANT, at.fleet, at.seed),
        O_FL: lambda: oracle(O_FL, at.fleet, at.seed),
        "fednova": lambda: fednova(at.seed),
        "fedl": lambda: fedl(at.told, at.seed, draw=at.draw),
        "autofl": lambda: _taught(autofl(at.seed, draw=at.draw), tuned),
        SHARED: lambda: _taught(autofl(at.seed, own=False, draw=at.draw), tuned),
        "fixed-best": lambda: Fixed(_setting(tuned), np.random.default_rng(at.seed)),
        "bo": lambda: bayesian(at.seed, at.draw),
        "ga": lambda: genetic(at.seed, at.draw),
        "fedex": lambda: fedex(at.seed, at.draw),
        "abs": lambda: adaptive_batch(at.seed, at.draw),
        "fedgpo": lambda: _taught(fedgpo(at.seed, draw=at.draw), tuned),
        "ours": lambda: ours_of(at.told, at.job, replace(Taste(), **tuned), at.seed),
    }
    if method not in made:
        raise no_such("method", method, [*_CLUSTERS, *made])
    return made[method]()


def _taught(agent: AutoFl | FedGpo, tuned: Mapping[str, Any]) -> Policy:
    agent.learning = replace(agent.learning, **tuned)
    return agent


def _setting(tuned: Mapping[str, float]) -> Setting:
    return Setting(*(int(tuned[name]) for name in ("batch", "epochs", "participants")))

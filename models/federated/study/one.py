"""One trial: its fleet, its learner and its policy are made, and its rounds are played."""

from dataclasses import replace

import numpy as np

from edgewatt.models.federated.engines import flower, loop
from edgewatt.models.federated.engines.loop import Keeping, Played
from edgewatt.models.federated.engines.opening import Data, Setup
from edgewatt.models.federated.engines.rules import rules_of
from edgewatt.models.federated.fleet.building import as_published, fleet_of
from edgewatt.models.federated.learning.learner import TorchLearner
from edgewatt.models.federated.learning.methods import DOUBLE
from edgewatt.models.federated.learning.partition import Split
from edgewatt.models.federated.learning.workloads import learner_of
from edgewatt.models.federated.round import Job
from edgewatt.models.federated.study.cases import scenario_of, setting_of, study_constants
from edgewatt.models.federated.study.given import DIGITS, LOOP, TESTBED, Given
from edgewatt.models.federated.study.methods import Situation, averaged, policy_of
from edgewatt.models.federated.study.standing import Standing
from edgewatt.models.federated.study.trial import Asked, Trial, trial_of
from edgewatt.models.scheduling.constants import Draw, constants_of

# Draws of constants have seeds of their own.
_DRAWS_FROM = 1000


def one(given: Given, asked: Asked, keeping: Keeping | None = None) -> Trial:
    """What came of it; the same for the same arguments. Raises UsageError as what it calls."""
    draw = Draw(seed=asked.seed) if asked.draw is None else Draw(seed=_DRAWS_FROM + asked.draw, vary=True)
    scenario, constants = scenario_of(asked.case.scenario), constants_of(TESTBED)
    fleet, told = (fleet_of(given.calibration, constants, of, scenario.fleet, asked.seed) for of in (draw, Draw()))
    learner = _learner(given, asked, len(fleet.kind_of), scenario.non_iid_percent)
    job, times = _standing_for(given, learner, setting_of(asked.case.setting))
    world, known = Standing(fleet, times), Standing(told, times)
    policy = policy_of(asked.method, Situation(world, known, job, asked.seed, draw), dict(asked.tuned))
    data = Data(learner.samples_n, learner.classes_ratio)
    setup = Setup(world, job, data, learner if given.trains else None, rules_of(study_constants(), draw))
    heard: list[float] = []

    def watch(_played: Played) -> None:
        lesson = getattr(policy, "lesson", None)
        if lesson is not None and len(lesson.reward):
            heard.append(float(lesson.reward.mean()))

    plays = loop.play if given.engine == LOOP else flower.play
    run = plays(policy, setup, asked.rounds_n, keeping, watch)
    return trial_of(run, fleet, np.array(heard), fleet.basis)


def _learner(given: Given, asked: Asked, devices_n: int, non_iid_percent: float) -> TorchLearner:
    each_n = int(study_constants()["data.each_n"]) if given.workload == DIGITS else None
    split = Split(devices_n, non_iid_percent, asked.seed, each_n)
    return learner_of(given.workload, split, averaged(asked.method), given.data)


def _standing_for(given: Given, learner: TorchLearner, setting: tuple[int, int, int]) -> tuple[Job, float]:
    """What is billed: digits stand for the paper's data and network, other workloads for themselves."""
    job = learner.job(*setting)
    if given.workload != DIGITS:
        return job, 1.0
    each, stood = (study_constants()[f"data.{name}"] for name in ("each_n", "stands_for_n"))
    stands = as_published(job, constants_of(TESTBED))
    # The bytes are those of the network's weights; what FEDL sends is twice as much.
    return replace(stands, update_b=stands.update_b * (2 if learner.method.name in DOUBLE else 1)), stood / each

"""The environments by Gymnasium's own checker, and the predictors of scikit-learn (extra `scheduling`)."""

from typing import Any

import numpy as np
import pytest

from edgewatt.models.scheduling.autoscale import Lessons, lessons_of
from edgewatt.models.scheduling.baselines import ORACLE
from edgewatt.models.scheduling.building import build
from edgewatt.models.scheduling.environment import environment, vector_environment
from edgewatt.models.scheduling.predictors import BAYESIAN, KINDS, predictor
from edgewatt.models.scheduling.states import bins_of
from edgewatt.models.scheduling.trial import tried
from tests.scheduling_worlds import CONSTANTS, as_published, measured, own_phone

pytestmark = pytest.mark.extra


def test_one_environment_passes_gymnasiums_checker() -> None:
    check = pytest.importorskip("gymnasium.utils.env_checker")
    check.check_env(environment(as_published(), ["S1", "D2"], length=7), skip_render_check=True)


def test_a_vector_of_them_is_what_its_environments_are_alone() -> None:
    gymnasium = pytest.importorskip("gymnasium")
    many = vector_environment(measured(own_phone()), ["S1"], 3, length=5)
    assert isinstance(many, gymnasium.vector.VectorEnv)
    seen, infos = many.reset(seed=3)
    assert many.observation_space.contains(seen)
    assert (many.reset(seed=3)[0] == seen).all()
    ended: list[bool] = []
    for _ in range(6):
        able = np.array([np.flatnonzero(mask)[0] for mask in infos["action_mask"]])
        assert many.action_space.contains(able)
        seen, rewards, terminations, truncations, infos = many.step(able)
        assert many.observation_space.contains(seen)
        assert rewards.shape == terminations.shape == (3,)
        ended.append(bool(truncations.all()))
    assert ended == [False] * 4 + [True, False], "an episode is cut, then the next begins by itself"
    many.close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_predictor_learns_what_is_cheap_and_in_time(kind: str) -> None:
    pytest.importorskip("sklearn")
    world = build(measured(own_phone()))
    lessons: Lessons = lessons_of(world, bins_of(CONSTANTS), CONSTANTS, ["S1", "S4"], [0], 60)
    chooses = predictor(kind, world, lessons, 0)
    trial = tried(world, None, CONSTANTS, ["S1", "S4"], 10, 0, {kind: chooses})
    worst: Any = world.outcome(0, 0, np.arange(len(world.actions)), lessons.around[0]).energy_j.max()
    assert (trial.energy_j[kind] < 0.7 * worst).all()
    assert (trial.energy_j[kind] >= 0.8 * trial.energy_j[ORACLE]).all()


def test_bayesian_optimisation_is_the_same_for_the_same_seed() -> None:
    pytest.importorskip("sklearn")
    world = build(measured(own_phone()))
    lessons = lessons_of(world, bins_of(CONSTANTS), CONSTANTS, ["S1"], [0], 45)
    first, second = (predictor(BAYESIAN, world, lessons, 1)(lessons.network[:, 0], lessons.around[:, 0]) for _ in "ab")
    assert (first == second).all()

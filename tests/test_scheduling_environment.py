"""The world for agents of others: episodes, masks, and one clear line where an extra is not installed."""

from importlib.util import find_spec

import numpy as np
import pytest

from edgewatt.models.scheduling.environment import Simulation, vector_environment
from edgewatt.models.scheduling.predictors import refuse_without_scikit_learn
from edgewatt.profiler.errors import UsageError
from tests.scheduling_worlds import as_published


def test_an_episode_is_truncated_and_begins_anew() -> None:
    simulation = Simulation(as_published(), ["S1", "D2"], 3, length=4)
    seen, infos = simulation.begin(np.random.default_rng(5))
    assert seen.shape == (3, 8)
    ended = []
    for _ in range(6):
        able = np.array([np.flatnonzero(mask)[0] for mask in infos["action_mask"]])
        seen, rewards, terminations, truncations, infos = simulation.execute(able)
        assert rewards.shape == (3,)
        assert not terminations.any()
        ended.append(bool(truncations.all()))
    assert ended == [False, False, False, True, False, False]


def test_a_choice_that_cannot_be_is_not_measured() -> None:
    simulation = Simulation(as_published(), ["S1"], 2, length=50)
    _, infos = simulation.begin(np.random.default_rng(5))
    while infos["action_mask"].all():
        *_, infos = simulation.execute(np.array([0, 0]))
    e, a = np.argwhere(~infos["action_mask"])[0]
    actions = np.zeros(2, dtype=np.intp)
    actions[e] = a
    _, rewards, _, _, infos = simulation.execute(actions)
    assert rewards[e] == -100.0
    assert np.isnan(infos["energy_j"][e])
    assert np.isfinite(infos["energy_j"][1 - e])


def test_the_same_seed_gives_the_same_episode() -> None:
    simulation = Simulation(as_published(), ["S1", "D3"], 2, length=6)
    first, second = (simulation.begin(np.random.default_rng(5))[0] for _ in range(2))
    assert (first == second).all()


@pytest.mark.skipif(find_spec("gymnasium") is not None, reason="the extra is installed")
def test_without_gymnasium_it_says_what_to_install() -> None:
    with pytest.raises(UsageError, match=r"an environment needs gymnasium: pip install 'edgewatt\[scheduling\]'"):
        vector_environment(as_published(), ["S1"], 2)


@pytest.mark.skipif(find_spec("sklearn") is not None, reason="the extra is installed")
def test_without_scikit_learn_predictors_say_what_to_install() -> None:
    with pytest.raises(UsageError, match=r"predictors need scikit-learn: pip install 'edgewatt\[scheduling\]'"):
        refuse_without_scikit_learn()


def test_a_vector_environment_is_one_of_gymnasiums() -> None:
    gymnasium = pytest.importorskip("gymnasium")
    environment = vector_environment(as_published(), ["S1"], 2, length=5)
    assert isinstance(environment, gymnasium.vector.VectorEnv)
    seen, _ = environment.reset(seed=3)
    assert environment.observation_space.contains(seen)
    assert (environment.reset(seed=3)[0] == seen).all()
    _, rewards, *_ = environment.step(environment.action_space.sample())
    assert rewards.shape == (2,)

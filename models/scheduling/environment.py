"""The world as a vectorised Gymnasium environment, for agents of others (extra `scheduling`).

    envs = vector_environment(asked, scenarios, environments_n=8)
    observations, _ = envs.reset(seed=1)                   # [8, 8]: FEATURES, as states.py orders them
    observations, rewards, terminations, truncations, infos = envs.step(actions)

The reward is AutoScale's. `infos` holds joules, seconds, accuracy, degrees, and the mask of what can be chosen next.
Where a calibration has the course of a long load, temperature follows what is executed, beginning as the phone idles.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.scheduling.autoscale import learning_of, reward
from edgewatt.models.scheduling.building import Asked, build
from edgewatt.models.scheduling.constants import Draw
from edgewatt.models.scheduling.scenarios import drawn, joined
from edgewatt.models.scheduling.world import Conditions, stacked
from edgewatt.profiler.errors import UsageError


def vector_environment(asked: Asked, scenarios: Sequence[str], environments_n: int, *, length: int = 1000) -> Any:
    """A gymnasium.vector.VectorEnv of as many environments, each on its own draw of what is measured.

    An episode has `length` inferences of networks and scenarios in random order, then it is truncated and begins anew
    by itself in the next step. A choice that cannot execute the network is answered with a reward of -100 and nothing
    else. Raises UsageError without gymnasium.
    """
    gymnasium = _gymnasium()

    class Environments(gymnasium.vector.VectorEnv):  # type: ignore[misc, name-defined, unused-ignore]
        """AutoScale's worlds."""

        def __init__(self) -> None:
            self.num_envs = environments_n
            self.simulation = Simulation(asked, scenarios, environments_n, length)
            self.single_observation_space, self.single_action_space = _spaces(gymnasium, self.simulation)
            self.observation_space = gymnasium.vector.utils.batch_space(self.single_observation_space, environments_n)
            self.action_space = gymnasium.vector.utils.batch_space(self.single_action_space, environments_n)
            self.metadata = {"autoreset_mode": gymnasium.vector.AutoresetMode.NEXT_STEP}

        def reset(self, *, seed: Any = None, options: Any = None) -> tuple[NDArray[np.float64], dict[str, Any]]:
            """Begin anew; `seed` is one number for all."""
            super().reset(seed=seed, options=options)
            return self.simulation.begin(self.np_random if seed is None else np.random.default_rng(seed))

        def step(self, actions: Any) -> tuple[Any, Any, Any, Any, Any]:
            """Execute one network in each environment."""
            return self.simulation.execute(np.asarray(actions, dtype=np.intp))

    return Environments()


def environment(asked: Asked, scenarios: Sequence[str], *, length: int = 1000) -> Any:
    """One of these environments as a gymnasium.Env, which ends and is reset as those are. Raises UsageError."""
    gymnasium = _gymnasium()

    class Environment(gymnasium.Env):  # type: ignore[misc, name-defined, unused-ignore]
        """AutoScale's world."""

        def __init__(self) -> None:
            self.simulation = Simulation(asked, scenarios, 1, length)
            self.observation_space, self.action_space = _spaces(gymnasium, self.simulation)

        def reset(self, *, seed: Any = None, options: Any = None) -> tuple[NDArray[np.float64], dict[str, Any]]:
            """Begin anew."""
            super().reset(seed=seed, options=options)
            observations, infos = self.simulation.begin(self.np_random)
            return observations[0], _first(infos)

        def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
            """Execute one network."""
            found, rewards, _, truncations, infos = self.simulation.execute(np.array([action], dtype=np.intp))
            return found[0], float(rewards[0]), False, bool(truncations[0]), _first(infos)

    return Environment()


def _gymnasium() -> Any:
    try:
        import gymnasium  # noqa: PLC0415  (an extra)
    except ModuleNotFoundError:
        raise UsageError("an environment needs gymnasium: pip install 'edgewatt[scheduling]'") from None
    return gymnasium


def _spaces(gymnasium: Any, simulation: "Simulation") -> tuple[Any, Any]:
    """What one environment shows and takes."""
    world = simulation.world
    highest_dbm = world.lowest_dbm + world.signal.shape[-1] - 1
    low = np.array([0.0] * 6 + [world.lowest_dbm] * 2)
    high = np.array([*(simulation.layers.max(axis=0) + 1), 1.0, 1.0, highest_dbm, highest_dbm])
    return gymnasium.spaces.Box(low, high, dtype=np.float64), gymnasium.spaces.Discrete(len(world.actions))


def _first(infos: Mapping[str, Any]) -> dict[str, Any]:
    return {name: of[0] for name, of in infos.items()}


class Simulation:
    """The same without gymnasium: `begin` and `execute` return what reset and step of a vector environment do."""

    def __init__(self, asked: Asked, scenarios: Sequence[str], environments_n: int, length: int) -> None:
        self.constants, self.scenarios, self.length = asked.constants, tuple(scenarios), length
        self.world = stacked([build(asked, Draw(seed=seed)) for seed in range(environments_n)])
        self.learning = learning_of(self.constants, [Draw()] * environments_n)
        layers = [[w.conv_n, w.fc_n, w.rc_n, w.macs_n] for w in self.world.workloads]
        self.layers = np.array(layers, dtype=np.float64)
        self.e = np.arange(environments_n)

    def begin(self, rng: np.random.Generator) -> tuple[NDArray[np.float64], dict[str, Any]]:
        """An episode: its first observations [E, 8], and the mask [E, A] of what can be chosen."""
        self.rng, self.t = rng, 0
        self.warm_c = self.world.temperature_c(self.e, self.world.idle_w)
        shape = (self.length, len(self.e))
        self.network = rng.integers(0, len(self.layers), shape)
        each = [self._conditions() for _ in self.e]
        names = ("co_cpu", "co_memory", "wlan_dbm", "p2p_dbm", "temperature_c")
        self.around = Conditions(*(np.stack([getattr(of, name) for of in each], axis=1) for name in names))
        self.noise = rng.standard_normal(shape)
        return self._seen(), {"action_mask": self.world.valid[self.network[0]]}

    def execute(self, actions: NDArray[np.intp]) -> tuple[Any, Any, Any, Any, Mapping[str, Any]]:
        """One inference in each environment: observations, rewards, terminations, truncations, infos."""
        never = np.zeros(len(self.e), dtype=bool)
        if self.t >= self.length:
            observations, infos = self.begin(self.rng)
            return observations, np.zeros(len(self.e)), never, never, infos
        m, able = self.network[self.t], self.world.valid[self.network[self.t], actions]
        around = self.around[self.t]
        if self.world.warms:
            around = replace(around, temperature_c=self.warm_c)
        outcome = self.world.outcome(self.e, m, actions, around, self.noise[self.t])
        if self.world.warms:
            self.warm_c = np.where(able, self.world.warmer(self.e, m, self.warm_c, outcome)[0], self.warm_c)
        rewards = reward(outcome, self.world.required[m], self.world.qos_s[m], self.learning)
        self.t += 1
        ended = np.full(len(self.e), self.t >= self.length)
        infos = {
            "temperature_c": around.temperature_c,
            "energy_j": np.where(able, outcome.energy_j, np.nan),
            "all_energy_j": np.where(able, outcome.all_energy_j, np.nan),
            "latency_s": np.where(able, outcome.latency_s, np.nan),
            "accuracy": np.where(able, outcome.accuracy, np.nan),
            "action_mask": self.world.valid[self.network[min(self.t, self.length - 1)]],
        }
        return self._seen(), np.where(able, rewards, -100.0), never, ended, infos

    def _conditions(self) -> Conditions:
        """An episode's conditions of one environment, of all scenarios in random order."""
        each_n = -(-self.length // len(self.scenarios))
        every = joined([drawn(self.constants, name, each_n, self.rng) for name in self.scenarios])
        return every[self.rng.permutation(len(every.co_cpu))[: self.length]]

    def _seen(self) -> NDArray[np.float64]:
        t = min(self.t, self.length - 1)
        around = self.around[t]
        seen = (around.co_cpu, around.co_memory, around.wlan_dbm, around.p2p_dbm)
        return np.concatenate([self.layers[self.network[t]], np.stack(seen, axis=1)], axis=1)

"""Adaptive (GA): a small population of settings over FedGPO's grid, one of them tried in each round.

Once all of a generation were tried, the best stay, and each other one is a child of two parents, of which each was the
better of two drawn ones. A gene (the place of B, E or K in its axis) is of either parent, and moves to a neighbouring
place now and then. How the paper's baseline was built is not known.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.federated.policies.fixed import FEDGPO, ByRound, Grid, Setting, by_round, grid_of
from edgewatt.models.federated.policies.saving import Arrays
from edgewatt.models.federated.round import Floats, Ints
from edgewatt.models.scheduling.constants import Draw, constants_of


@dataclass(slots=True, eq=False)
class Genetic:
    """A fixed.Search. `members` (P, 3): places in the grid's axes; `rewards` (P,) of the first `tried_n` of them."""

    grid: Grid
    population: int
    elite: int
    mutation: float
    name: str = "ga"
    members: Ints = field(default_factory=lambda: np.empty((0, 3), dtype=np.int64))
    rewards: Floats = field(default_factory=lambda: np.empty(0))
    tried_n: int = 0

    def next(self, rng: np.random.Generator) -> Setting:
        """The first member that was not tried yet; of the next generation, if all were."""
        if not len(self.members):
            self._begin(rng.integers(0, self._sizes(), (self.population, 3)))
        elif self.tried_n == len(self.members):
            self._begin(self._children(rng))
        return self.grid.at(self.members[self.tried_n].tolist())

    def told(self, reward: float, rng: np.random.Generator) -> None:  # noqa: ARG002
        """The reward of the member that was tried last."""
        self.rewards[self.tried_n] = reward
        self.tried_n += 1

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The generation and what is known of it."""
        return {"members": self.members.copy(), "rewards": self.rewards.copy(), "tried_n": np.array(self.tried_n)}

    def from_arrays(self, arrays: Arrays) -> None:
        """Become what was saved."""
        self.members, self.rewards = arrays["members"].copy(), arrays["rewards"].copy()
        self.tried_n = int(arrays["tried_n"])

    def _begin(self, members: Ints) -> None:
        self.members, self.rewards, self.tried_n = members, np.zeros(len(members)), 0

    def _sizes(self) -> list[int]:
        return [len(axis) for axis in self.grid.axes]

    def _children(self, rng: np.random.Generator) -> Ints:
        children_n = self.population - self.elite
        pairs = rng.integers(0, self.population, (2, children_n, 2))
        parents = np.where(self.rewards[pairs[..., 0]] >= self.rewards[pairs[..., 1]], pairs[..., 0], pairs[..., 1])
        of_second = rng.random((children_n, 3)) < 0.5
        children = np.where(of_second, self.members[parents[1]], self.members[parents[0]])
        moves = (rng.random(children.shape) < self.mutation) * rng.choice([-1, 1], children.shape)
        children = np.clip(children + moves, 0, np.array(self._sizes()) - 1)
        best = np.argsort(-self.rewards, kind="stable")[: self.elite]
        return np.concatenate((self.members[best], children))


def genetic(seed: int, draw: Draw | None = None) -> ByRound:
    """Adaptive (GA) with the constants of fedgpo.toml."""
    constants, of = constants_of(FEDGPO), draw or Draw()
    population, elite = (int(constants[f"genetic.{name}"]) for name in ("population", "elite"))
    mutation = of.constant(constants, "genetic.mutation")
    return by_round(Genetic(grid_of(), population, elite, mutation), seed, draw)

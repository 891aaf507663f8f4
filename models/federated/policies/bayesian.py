"""Adaptive (BO): a Gaussian process over FedGPO's grid says by expected improvement which setting is worth a round.

Needs scikit-learn (extra `federated`). Rewards drift as a model converges: the process sees those of the last rounds
only, and the best of them is what has to be improved. How the paper's baseline was built is not known.
"""

import warnings
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.federated.policies.fixed import FEDGPO, ByRound, Grid, Setting, by_round, grid_of
from edgewatt.models.federated.policies.saving import Arrays
from edgewatt.models.federated.round import Floats, Ints
from edgewatt.models.scheduling.constants import Draw, constants_of
from edgewatt.profiler.errors import UsageError

_NORMAL = NormalDist()


@dataclass(slots=True, eq=False)
class Bayesian:
    """A fixed.Search. `tried` (R,): places in the order of the grid; `rewards` (R,) of those that are told."""

    grid: Grid
    random_rounds: int
    window: int
    margin: float
    name: str = "bo"
    tried: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    rewards: Floats = field(default_factory=lambda: np.empty(0))

    def next(self, rng: np.random.Generator) -> Setting:
        """A random setting at first, then that of the highest expected improvement; ties broken at random."""
        settings = list(self.grid)
        if len(self.rewards) < self.random_rounds:
            place = int(rng.integers(len(settings)))
        else:
            gains = self._gains(_shown(settings))
            place = int(rng.choice(np.flatnonzero(gains >= gains.max())))
        self.tried = np.append(self.tried[: len(self.rewards)], place)
        return settings[place]

    def told(self, reward: float, rng: np.random.Generator) -> None:  # noqa: ARG002
        """The reward of the setting that was tried last."""
        self.rewards = np.append(self.rewards, reward)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """What was tried and what came of it."""
        return {"tried": self.tried.copy(), "rewards": self.rewards.copy()}

    def from_arrays(self, arrays: Arrays) -> None:
        """Become what was saved."""
        self.tried, self.rewards = arrays["tried"].copy(), arrays["rewards"].copy()

    def _gains(self, shown: Floats) -> Floats:
        """The expected improvement of each setting over the best of the window, (S,); rewards scaled to deviation 1."""
        of = self.rewards[-self.window :]
        scaled = (of - of.mean()) / (of.std() or 1.0)
        tried = self.tried[: len(self.rewards)][-self.window :]
        mean, sd = _expected(shown[tried], scaled, shown)
        sd = np.maximum(sd, 1e-9)
        z = (mean - scaled.max() - self.margin) / sd
        below, density = (np.array([f(v) for v in z]) for f in (_NORMAL.cdf, _NORMAL.pdf))
        gains: Floats = sd * (z * below + density)
        return gains


def _shown(settings: list[Setting]) -> Floats:
    """B, E and K in logarithms, each from 0 to 1, (S, 3)."""
    shown = np.log([[of.batch, of.epochs, of.participants] for of in settings])
    width = np.ptp(shown, axis=0)
    scaled: Floats = (shown - shown.min(axis=0)) / np.where(width > 0, width, 1.0)
    return scaled


def _expected(tried: Floats, rewards: Floats, shown: Floats) -> tuple[Floats, Floats]:
    """Mean and deviation that a Gaussian process expects. Raises UsageError without scikit-learn."""
    try:
        from sklearn.exceptions import ConvergenceWarning  # noqa: PLC0415  (an extra)
        from sklearn.gaussian_process import GaussianProcessRegressor  # noqa: PLC0415
        from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel  # noqa: PLC0415
    except ImportError:
        raise UsageError("Adaptive (BO) needs scikit-learn: pip install 'edgewatt[federated]'") from None
    kernel = ConstantKernel(1.0) * Matern(np.full(shown.shape[1], 0.5), nu=2.5) + WhiteKernel(0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a kernel at the end of its bounds is good enough
        model = GaussianProcessRegressor(kernel, random_state=0).fit(tried, rewards)
    mean, sd = model.predict(shown, return_std=True)
    return np.asarray(mean), np.asarray(sd)


def bayesian(seed: int, draw: Draw | None = None) -> ByRound:
    """Adaptive (BO) with the constants of fedgpo.toml."""
    constants, of = constants_of(FEDGPO), draw or Draw()
    random_rounds, window = (int(constants[f"bayesian.{name}"]) for name in ("random_rounds", "window"))
    margin = of.constant(constants, "bayesian.margin")
    return by_round(Bayesian(grid_of(), random_rounds, window, margin), seed, draw)

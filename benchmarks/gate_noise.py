"""Measurements of code that did not change, or did, with the noise of hardware: many tables of them at once."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
ITERATIONS: Final = 5


@dataclass(frozen=True, slots=True)
class Noise:
    """Standard deviations of logarithms, and what else is unkind.

    `session` is one for all rows of a sitting, since a hot day is hot for every row; with `apart` the sides are of
    two sittings, without it they are interleaved in one. `wandering` is the autocorrelation of neighbouring repeats
    (AR(1), along the interleaved order), `drift` how much slower the last repeat is than the first, `outliers` the
    share of repeats that take 30 % longer. `history` is how many sittings a canary was measured in.
    """

    name: str
    session: float = 0.0
    repeat: float = 0.03
    iteration: float = 0.02
    apart: bool = False
    wandering: float = 0.0
    drift: float = 0.0
    outliers: float = 0.0
    history: int = 0


SETTINGS: Final = (
    Noise("one sitting, quiet", repeat=0.01),
    Noise("one sitting, 3 %"),
    Noise("one sitting, 10 %", repeat=0.10),
    Noise("iterations 10 %", iteration=0.10),
    Noise("wandering, AR(1) 0.6", wandering=0.6),
    Noise("drifting by 10 %", drift=0.10),
    Noise("outliers, 5 % of repeats +30 %", outliers=0.05),
    Noise("two sittings, 1 % apart", session=0.01, apart=True),
    Noise("two sittings, 2 % apart", session=0.02, apart=True),
    Noise("two sittings, 5 % apart, history of 8", session=0.05, apart=True, history=8),
    Noise("two sittings, 10 % apart, history of 20", session=0.10, apart=True, history=20),
)


@dataclass(frozen=True, slots=True, eq=False)
class Cases:
    """Logarithms of every iteration, of shape [cases, rows, repeats, ITERATIONS], and of a canary [cases, history]."""

    old: Floats
    new: Floats
    history: Floats

    @property
    def medians(self) -> tuple[Floats, Floats]:
        """What a repeat is, of shape [cases, rows, repeats]."""
        return np.median(self.old, axis=3), np.median(self.new, axis=3)


def drawn(noise: Noise, cases: int, rows: int, repeats: int, effect: float, rng: np.random.Generator) -> Cases:
    """So many checks of tables of `rows`, with as many repeats on both sides; the new code takes 1 + `effect`."""
    sittings = rng.normal(0, noise.session, (cases, 1, 1, 2 if noise.apart else 1))
    repeat = _repeats(noise, cases, rows, repeats, rng)
    iterations = rng.normal(0, noise.iteration, (2, cases, rows, repeats, ITERATIONS))
    old, new = (
        (sittings[..., side % sittings.shape[3], None] + repeat[side][..., None] + iterations[side]) for side in (0, 1)
    )
    return Cases(old, new + np.log1p(effect), rng.normal(0, noise.session, (cases, noise.history)))


def _repeats(noise: Noise, cases: int, rows: int, repeats: int, rng: np.random.Generator) -> Floats:
    """The part of each repeat, of shape [2, cases, rows, repeats]: along the order in which they were measured."""
    order = 2 * repeats
    steps = rng.normal(0, 1, (cases, rows, order))
    if noise.wandering:
        for k in range(1, order):
            steps[..., k] = noise.wandering * steps[..., k - 1] + np.sqrt(1 - noise.wandering**2) * steps[..., k]
    steps = noise.repeat * steps + noise.drift * np.linspace(0, 1, order)
    steps += np.log(1.3) * (rng.random(steps.shape) < noise.outliers)
    if noise.apart:
        return np.stack([steps[..., :repeats], steps[..., repeats:] - noise.drift / 2])
    sides = np.array([k % 4 in (1, 2) for k in range(order)])  # ABBA
    return np.stack([steps[..., ~sides], steps[..., sides]])

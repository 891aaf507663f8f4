"""FedEx: exponentiated gradient over configurations of B and E (Khodak et al., NeurIPS 2021; remembered).

    each participant draws a configuration c from theta, and trains with it
    g(c) = sum over those who drew c of n (L - baseline) / (theta(c) sum(n))
    theta(c) <- theta(c) exp(-eta g(c)), normalised          eta = sqrt(2 ln C) / max |g|, their "aggressive" step
    baseline: a discounted mean of the losses of earlier rounds
L is the loss on held-back data of the device after it has trained; here nobody sends one, and the mean loss while it
trained is in its place. Theirs also tunes learning rates, and how the server aggregates, which these jobs do not have.
K is the job's; participants are random, on the first target of each. It knows nothing of joules.
"""

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.federated.policies.fixed import FEDGPO, at_random, grid_of
from edgewatt.models.federated.policies.picking import Notes
from edgewatt.models.federated.policies.saving import Arrays, with_words, words_from
from edgewatt.models.federated.round import Choice, Floats, Ints, Outcome, Seen
from edgewatt.models.scheduling.constants import Draw, constants_of

# No configuration is given up for good: theta stays above this share of an even one.
_LEAST: Final = 1e-3


@dataclass(slots=True, eq=False)
class FedEx:
    """`configurations` (C, 2): B and E; `theta` (C,); `past`: discounted sum of mean losses, and of their weights."""

    rng: np.random.Generator
    configurations: Ints
    discount: float
    name: str = "fedex"
    notes: Notes = field(default_factory=dict)
    theta: Floats = field(init=False)
    past: Floats = field(default_factory=lambda: np.zeros(2))

    def __post_init__(self) -> None:
        self.theta = np.full(len(self.configurations), 1 / len(self.configurations))

    def choose(self, seen: Seen) -> Choice:
        """K random devices, each with a configuration of its own draw."""
        devices = at_random(seen, seen.job.participants, self.rng, self.notes)
        drawn = self.rng.choice(len(self.theta), len(devices), p=self.theta)
        batch, epochs = self.configurations[drawn].T
        return Choice(devices, np.zeros(len(devices), dtype=np.int64), batch, epochs)

    def learn(self, seen: Seen, choice: Choice, outcome: Outcome) -> None:
        """Move theta by the losses that came; nothing where none came."""
        good = outcome.replied & np.isfinite(outcome.loss)
        if not good.any():
            return
        settings = np.stack((choice.batch[good], choice.epochs[good]), axis=-1)
        drawn = (settings[:, None] == self.configurations).all(axis=-1).argmax(axis=1)
        samples_n, losses = seen.samples_n[choice.devices[good]], outcome.loss[good]
        shares = samples_n / max(int(samples_n.sum()), 1)
        mean = float(shares @ losses)
        baseline = self.past[0] / self.past[1] if self.past[1] else mean
        gradient = np.bincount(drawn, shares * (losses - baseline), len(self.theta)) / self.theta
        if (steepest := np.abs(gradient).max()) > 0:
            step = np.sqrt(2 * np.log(len(self.theta))) / steepest
            theta = self.theta * np.exp(-step * gradient)
            theta = np.maximum(theta / theta.sum(), _LEAST / len(theta))
            self.theta = theta / theta.sum()
        self.past = self.discount * self.past + np.array([mean, 1.0])

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Theta and what it compares losses with."""
        arrays = {"theta": self.theta, "past": self.past, "configurations": self.configurations}
        return with_words(arrays, self.rng, name=self.name, notes=dict(self.notes))

    def from_arrays(self, arrays: Arrays) -> None:
        """Go on where it was saved. Raises UsageError for what another policy saved."""
        self.notes = words_from(arrays, self.rng, self.name)["notes"]
        self.theta, self.past, self.configurations = (
            arrays[name].copy() for name in ("theta", "past", "configurations")
        )


def fedex(seed: int, draw: Draw | None = None) -> FedEx:
    """FedEx over random ones of the pairs of B and E that FedGPO chooses from, with the constants of fedgpo.toml."""
    constants, grid = constants_of(FEDGPO), grid_of()
    rng = np.random.default_rng(seed)
    pairs = np.array([(batch, epochs) for batch in grid.batch for epochs in grid.epochs], dtype=np.int64)
    count = min(int(constants["fedex.configurations"]), len(pairs))
    discount = min((draw or Draw()).constant(constants, "fedex.baseline_discount"), 1.0)
    return FedEx(rng, pairs[np.sort(rng.choice(len(pairs), count, replace=False))], discount)

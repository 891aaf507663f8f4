"""AutoFL's reward (facts on federated learning, 1.6), one for each participant.

    R = accuracy - 100                                              accuracy did not rise, or no update came
    R = -E_global - E_local + alpha accuracy + beta gain            else; accuracy and gain in percent

Joules share this sum with percents, so they are normalised by those of the first round: E_global is `energy` x the
fleet's joules over its joules then, E_local `energy` x a device's joules over the mean of the participants then. The
paper has an E_local for a device that was not chosen too, what it took idling; it took no action, so there is no
Q(S, A) to be taught (and if there were, idling would always beat working): its idling counts in E_global. What a
participant that did not reply gets is ours.
"""

from dataclasses import dataclass

import numpy as np

from edgewatt.models.federated.round import Floats, Outcome
from edgewatt.models.scheduling.constants import Constants, Draw


@dataclass(frozen=True, slots=True)
class Reward:
    """The weights of accuracy, of its gain, and of normalised joules."""

    alpha: float
    beta: float
    energy: float


@dataclass(frozen=True, slots=True)
class Scale:
    """The joules of a round by which others are measured: of the whole fleet, and of a mean participant; 0: none."""

    fleet_j: float = 0.0
    device_j: float = 0.0


def reward_of(constants: Constants, draw: Draw) -> Reward:
    """The weights in AutoFL's constants."""
    return Reward(*(draw.constant(constants, f"reward.{name}") for name in ("alpha", "beta", "energy")))


def scale_of(outcome: Outcome) -> Scale:
    """What the joules of other rounds are to be measured by."""
    spent = outcome.joules[np.isfinite(outcome.joules)]
    return Scale(outcome.fleet_j if np.isfinite(outcome.fleet_j) else 0.0, float(spent.mean()) if len(spent) else 0.0)


def rewards(outcome: Outcome, before_percent: float, of: Reward, scale: Scale) -> Floats:
    """One for each participant, (K,); `before_percent`: accuracy before the round.

    An accuracy that is no number counts as 0 %, and a participant whose joules are none as one that did not reply.
    """
    accuracy, before = (value if np.isfinite(value) else 0.0 for value in (outcome.accuracy_percent, before_percent))
    gain = accuracy - before
    energy = of.energy * (_over(outcome.fleet_j, scale.fleet_j) + _over(outcome.joules, scale.device_j))
    good = of.alpha * accuracy + of.beta * gain - energy
    return np.where(outcome.replied & (gain > 0) & np.isfinite(good), good, accuracy - 100.0)


def _over(joules: Floats | float, by: float) -> Floats:
    return np.asarray(joules) / by if by > 0 else np.zeros_like(joules)

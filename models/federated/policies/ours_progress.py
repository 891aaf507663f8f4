"""How much a device's part of a round is worth, as our policy sees it.

A device that takes T steps goes 1 - exp(-T / (depth s)) of the way that its data asks for. s, the steps in which its
loss mostly falls, depends on the batch, and is learnt from losses: where one falls exponentially, its mean over T steps
is r = (1 - exp(-T / s)) / (T (1 - exp(-1 / s))) of the loss before. What a device has learnt by heart still moves the
model: hence `depth` (ours.py). ln(s) over the batch sizes is a Gaussian belief (an offset
and a slope that all share, and a part of each batch's own); each reply updates it by Kalman's equations.

The weight of a device is its share of the data x the share of all classes that it has x how badly the model fitted its
data when last asked, relative to the others then (as Oort's utility) x its freshness: what was learnt just now is worth
less, and recovers while others have their turn.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from edgewatt.models.federated.policies.ours_costs import steps_of
from edgewatt.models.federated.round import Choice, Floats, Ints, Outcome, Seen

# Assumed: steps before anything was seen; deviations of ln(steps): of all, of the slope, of a batch's own, of what all
# change by from round to round, of a reply, and of the ratio of its losses.
_STEPS: Final = 20.0
_ALL: Final = 1.0
_SLOPE: Final = 0.15
_OWN: Final = 0.1
_CHANGE: Final = 0.2
_NOISE: Final = 0.3
_RATIO: Final = 0.05
# Relative losses count between these, and a device has at least so much of the classes.
_LOSSES: Final = (0.3, 3.0)
_CLASSES: Final = 0.05
# T / s of which a ratio of losses is told apart.
_X: Final = np.geomspace(50.0, 0.05, 256)


@dataclass(frozen=True, slots=True, eq=False)
class Pace:
    """ln(steps until a device has mostly learnt its data): `mean` (B,) and `covariance` (B, B), over `batches` (B,)."""

    batches: Ints
    mean: Floats
    covariance: Floats

    def steps(self) -> Floats:
        """Expected steps for each batch, (B,)."""
        steps: Floats = np.exp(self.mean)
        return steps

    def learn(self, seen: Seen, choice: Choice, outcome: Outcome) -> None:
        """From the losses of each reply; a loss that hardly fell says little."""
        steps_n = steps_of(seen.samples_n[choice.devices], choice.batch, choice.epochs)
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = outcome.loss / outcome.loss_before
        good = outcome.replied & np.isfinite(ratio) & (ratio > 0) & (steps_n > 1)
        x = _X[np.abs(_ratios(steps_n[good]) - ratio[good, None]).argmin(axis=1)]
        told, sure = np.log(steps_n[good] / x), 1 / (_NOISE**2 + (2 * _RATIO / x) ** 2)
        of = np.searchsorted(self.batches, choice.batch[good])
        self.covariance[:] += _CHANGE**2
        for b in np.unique(of):
            weight = sure[of == b]
            column = self.covariance[:, b].copy()
            gain = column / (column[b] + 1 / weight.sum())
            self.mean[:] += gain * (weight @ told[of == b] / weight.sum() - self.mean[b])
            self.covariance[:] -= np.outer(gain, column)


def _ratios(steps_n: Ints) -> Floats:
    """The mean loss over that before, for each x of _X, (M, 256); the loss of a step is that before it moves."""
    t = steps_n[:, None]
    ratios: Floats = (1 - np.exp(-_X)) / (t * (1 - np.exp(-_X / t)))
    return ratios


def pace_of(batches: Ints) -> Pace:
    """What is believed before anything was seen."""
    x = np.log(batches / 8.0)
    covariance = _ALL**2 + _SLOPE**2 * np.outer(x, x) + _OWN**2 * np.eye(len(batches))
    return Pace(batches, np.full(len(batches), np.log(_STEPS)), covariance)


@dataclass(frozen=True, slots=True, eq=False)
class Memory:
    """Of each device, (N,): the last round that it took part in (-1: none), and its relative loss then.

    `missed` (N,): how many times it has not replied since.
    """

    last: Ints
    loss: Floats
    missed: Ints

    def weights(self, seen: Seen, fading: float) -> Floats:
        """What each device's data is worth now, (N,): 1 for an average device that has every class and is fresh."""
        able_n = max(int(seen.conditions.available.sum()), 1)
        turn = max(able_n / max(seen.job.participants, 1), 1.0)
        ago = np.where(self.last < 0, np.inf, seen.number - self.last)
        fresh = 1.0 - fading * np.exp(-ago / turn)
        share = seen.samples_n / max(float(seen.samples_n.mean()), 1.0)
        weights: Floats = share * np.maximum(seen.classes_ratio, _CLASSES) * self.loss * fresh * 0.5**self.missed
        return weights

    def learn(self, seen: Seen, choice: Choice, outcome: Outcome) -> None:
        """Who replied, and how its loss compares with the mean of the round's."""
        good = outcome.replied & np.isfinite(outcome.loss_before) & (outcome.loss_before > 0)
        devices, losses = choice.devices[good], outcome.loss_before[good]
        self.last[choice.devices[outcome.replied]] = seen.number
        self.missed[choice.devices] = np.where(outcome.replied, 0, self.missed[choice.devices] + 1)
        if len(losses):
            self.loss[devices] = np.clip(losses / losses.mean(), *_LOSSES)


def memory_of(devices_n: int) -> Memory:
    """Of devices that were never asked."""
    return Memory(np.full(devices_n, -1, dtype=np.int64), np.ones(devices_n), np.zeros(devices_n, dtype=np.int64))

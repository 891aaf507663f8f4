"""When a model has converged, and what it had taken until then."""

from dataclasses import dataclass

import numpy as np

from edgewatt.models.federated.round import Floats
from edgewatt.models.scheduling.constants import Constants


@dataclass(frozen=True, slots=True)
class Reached:
    """Rounds, seconds and joules until the target; `is_reached` False: until the end of the run, without reaching it.

    `local_j`: of the participants, computing and sending; `global_j`: of all devices.
    """

    is_reached: bool
    rounds: int
    seconds: float
    local_j: float
    global_j: float


def moving(values: Floats, window_n: int) -> Floats:
    """The mean of the last `window_n` values at each of them, of fewer at the beginning, (n,)."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(ends - window_n, 0)
    return np.asarray((sums[ends] - sums[starts]) / (ends - starts))


def target_of(accuracy_percent: Floats, constants: Constants) -> float:
    """The accuracy that counts as converged, from that of FedAvg-Random by round (study.toml says how)."""
    highest = moving(accuracy_percent, int(constants["convergence.window_n"])).max()
    return float(constants["convergence.target_ratio"] * highest)


def reached(
    accuracy_percent: Floats, round_s: Floats, local_j: Floats, global_j: Floats, target: float, window_n: int
) -> Reached:
    """What a run took to a target, each array by round, (rounds,)."""
    at = np.flatnonzero(moving(accuracy_percent, window_n) >= target)
    rounds = int(at[0]) + 1 if at.size else len(accuracy_percent)
    parts = (float(of[:rounds].sum()) for of in (round_s, local_j, global_j))
    return Reached(bool(at.size), rounds, *parts)


def settled(values: Floats, window_n: int, ratio: float) -> int | None:
    """The round, counted from 1, from which on the mean of the last `window_n` values stays near the last such mean.

    Near is within `ratio` of the span of all these means; None for fewer than two windows of rounds.
    """
    if len(values) < 2 * window_n:
        return None
    means = moving(values, window_n)[window_n - 1 :]
    away = np.abs(means - means[-1]) > ratio * (means.max() - means.min())
    outside = np.flatnonzero(away)
    return int(outside[-1]) + 1 + window_n if outside.size else window_n

"""A method's inferences executed in a world: all at once, or one after the other where the phone warms by them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.scheduling.world import Conditions, Outcome, World

# A phone that is hot is slower, and so works longer and is hotter: passes until that has settled.
_SETTLES: Final = 4
# What a method chooses for networks in conditions, an index of an action for each.
Chooses = Callable[[NDArray[np.intp], Conditions], NDArray[np.intp]]


@dataclass(frozen=True, slots=True)
class Inferences:
    """`each_n` inferences of a case after each other, then the next case: networks, conditions, normal noise."""

    network: NDArray[np.intp]
    around: Conditions
    noise: NDArray[np.float64]
    each_n: int


def executed(world: World, chooses: Chooses, of: Inferences) -> tuple[NDArray[np.intp], Outcome]:
    """The choices and what they took, in the one environment of `world`.

    Where the phone warms, a case begins as warm as this method's inferences keep it, and goes on from there.
    """
    if not world.warms:
        choice = chooses(of.network, of.around)
        return choice, world.outcome(0, of.network, choice, of.around, of.noise)
    cases_n = len(of.network) // of.each_n
    warm_c = np.full(cases_n, float(world.temperature_c(0, world.idle_w[0])))
    for _ in range(_SETTLES):
        _, _, power_w = _course(world, chooses, of, warm_c)
        warm_c = world.temperature_c(0, power_w)
    choice, outcomes, _ = _course(world, chooses, of, warm_c)
    columns = [np.stack([getattr(one, name) for one in outcomes], axis=1).ravel() for name in Outcome.__slots__]
    return choice, Outcome(*columns)


def _course(
    world: World, chooses: Chooses, of: Inferences, warm_c: NDArray[np.float64]
) -> tuple[NDArray[np.intp], list[Outcome], NDArray[np.float64]]:
    """All cases side by side through their inferences: choices, outcomes by step, and the mean watts of each case."""
    begin = np.arange(0, len(of.network), of.each_n)
    choice = np.empty(len(of.network), dtype=np.intp)
    outcomes, powers = [], []
    for k in range(of.each_n):
        here = begin + k
        around = replace(of.around[here], temperature_c=warm_c)
        choice[here] = chooses(of.network[here], around)
        outcome = world.outcome(0, of.network[here], choice[here], around, of.noise[here])
        warm_c, power_w = world.warmer(0, of.network[here], warm_c, outcome)
        outcomes.append(outcome)
        powers.append(power_w)
    return choice, outcomes, np.mean(powers, axis=0)

"""Our agent's decisions as a table for a phone: one choice for each network and bin of conditions."""

from collections.abc import Iterator
from itertools import pairwise, product
from typing import Any, Final

import numpy as np

from edgewatt.models.scheduling.bandit import Beliefs
from edgewatt.models.scheduling.policy import Decider
from edgewatt.models.scheduling.states import FEATURES, Bins
from edgewatt.models.scheduling.world import Conditions

# Of FEATURES, from here on they are conditions.
_FIRST: Final = 4
# And of conditions, from here on signals.
_SIGNALS: Final = 2


def decider_of(beliefs: Beliefs, bins: Bins, network: str, agent: int = 0) -> Decider:
    """What an agent chooses for a network in the middle of each bin of conditions, decided by one look-up.

    Raises KeyError for a network that the agent does not know.
    """
    names = [w.name for w in beliefs.prior.world.workloads]
    if network not in names:
        raise KeyError(network)
    states = list(product(*(_middles(beliefs, bins, k) for k in range(4))))
    cpu, memory, wlan, p2p = np.array(states).T
    around = Conditions(cpu, memory, wlan, p2p, np.full(len(states), float(beliefs.prior.world.heat[0, 2])))
    best = beliefs.chooses(agent)(np.full(len(states), names.index(network), dtype=np.intp), around)
    return Decider(best.tolist(), 0, tuple(zip(bins.ends[_FIRST:], bins.weights()[_FIRST:], strict=True)))


def bandit_rows(beliefs: Beliefs, bins: Bins, agent: int = 0) -> Iterator[dict[str, Any]]:
    """One row per network and state of conditions: the bins as numbers from 0, and the action to take."""
    world = beliefs.prior.world
    sizes = [len(ends) + 1 for ends in bins.ends[_FIRST:]]
    for w in world.workloads:
        decider = decider_of(beliefs, bins, w.name, agent)
        for state, place in enumerate(np.ndindex(*sizes)):
            action = world.actions[decider.best[state]]
            numbers = dict(zip((f"{name}_bin" for name in FEATURES[_FIRST:]), place, strict=True))
            yield {"model": w.name, "state": state, **numbers, "action": str(action), "target": action.target}


def _middles(beliefs: Beliefs, bins: Bins, k: int) -> list[float]:
    """The middle of each bin of one condition; of a bin that is a point, the point."""
    world = beliefs.prior.world
    signal = world.lowest_dbm, world.lowest_dbm + world.signal.shape[-1] - 1.0
    lowest, highest = (0.0, 1.0) if k < _SIGNALS else signal
    edges = [lowest, *bins.ends[_FIRST + k], highest]
    return [(low + high) / 2 for low, high in pairwise(edges)]

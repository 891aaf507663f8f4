"""What AutoScale is compared with: one fixed choice per network, and the best that there is (facts 1.7)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.scheduling.constants import Constants
from edgewatt.models.scheduling.scenarios import expected
from edgewatt.models.scheduling.world import CLOUD, EDGE, PHONE, Action, Conditions, World
from edgewatt.profiler.errors import UsageError

Choice = NDArray[np.intp]
CPU_FP32: Final = "cpu_fp32"
BEST_ON_DEVICE: Final = "best_on_device"
ONLY_CLOUD: Final = "cloud"
CONNECTED_EDGE: Final = "connected_edge"
ORACLE: Final = "oracle"
FIXED: Final = (CPU_FP32, BEST_ON_DEVICE, ONLY_CLOUD, CONNECTED_EDGE)


@dataclass(frozen=True, slots=True)
class Best:
    """The best choice of each inference, its joules, and whether any choice is in time."""

    action: Choice
    energy_j: NDArray[np.float64]
    is_possible: NDArray[np.bool_]


def fixed(world: World, constants: Constants, name: str) -> Choice:
    """[M]: what a baseline chooses for each network, whatever is around it.

    Of several it takes, with nothing beside it (S1), the one with the least energy of the phone that is accurate enough
    and in time; on the phone at the highest frequency. Raises UsageError if it has nothing to choose from.
    """
    allowed = np.array([_ALLOWED[name](action) for action in world.actions]) & _at_the_top(world)
    if not (world.valid & allowed).any(axis=1).all():
        lacking = next(w.name for w, row in zip(world.workloads, world.valid & allowed, strict=True) if not row.any())
        raise UsageError(f"baseline {name}: {world.device_id} has no choice of that kind for {lacking!r}")
    networks = np.arange(len(world.workloads))
    around = expected(constants, "S1")[np.zeros(len(networks), dtype=np.intp)]
    return best(world, networks, around, allowed=allowed).action


_ALLOWED: Final[dict[str, Callable[[Action], bool]]] = {
    CPU_FP32: lambda action: action.target == "cpu fp32",
    BEST_ON_DEVICE: lambda action: action.place == PHONE,
    ONLY_CLOUD: lambda action: action.place == CLOUD,
    CONNECTED_EDGE: lambda action: action.place == EDGE,
}


def _at_the_top(world: World) -> NDArray[np.bool_]:
    highest: dict[str, int] = {}
    for action in world.actions:
        highest[action.target] = max(highest.get(action.target, 0), action.step)
    return np.array([action.step == highest[action.target] for action in world.actions])


def best(
    world: World,
    network: Choice,
    around: Conditions,
    *,
    allowed: NDArray[np.bool_] | None = None,
    everything: bool = False,
    environment: Choice | None = None,
) -> Best:
    """The least expected energy among what is accurate enough and in time.

    If nothing is in time, among what is accurate enough; if nothing is, among all. `everything` charges the other
    machines too. `environment`: in which one each inference is; in the first, if None.
    """
    e = 0 if environment is None else environment[:, None]
    wide = Conditions(*(getattr(around, name)[:, None] for name in around.__slots__))
    actions = np.arange(len(world.actions))[None, :]
    outcome = world.expected(e, network[:, None], actions, wide)
    energy_j = outcome.all_energy_j if everything else outcome.energy_j
    able = world.valid[network] if allowed is None else world.valid[network] & allowed
    accurate = able & (outcome.accuracy >= world.required[network][:, None])
    in_time = accurate & (outcome.latency_s < world.qos_s[network][:, None])
    is_possible = np.asarray(in_time.any(axis=1))
    accurate = np.where(np.asarray(accurate.any(axis=1))[:, None], accurate, able)
    among = np.where(is_possible[:, None], in_time, accurate)
    action = np.where(among, energy_j, np.inf).argmin(axis=1)
    return Best(action, energy_j[np.arange(len(action)), action], is_possible)

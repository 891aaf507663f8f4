"""Which core of a cluster works when, where the timeline knows the use of all of them and what is bound to one."""

from collections.abc import Mapping

import numpy as np

from edgewatt.virtual_lab.power.steps import Steps, merged


def core_use(used: Steps, suspended: Steps, bound: Mapping[int, Steps], core: int, cores: int) -> Steps:
    """The use of one core, 0 to 1: its own bound load, and of the rest as much as its share of the room there is.

    `used` is the use of all `cores` together, 0 to 1; `bound` the loads of the cores that ever had one.
    """
    edge_ns = merged([used.edge_ns, suspended.edge_ns, *(steps.edge_ns for steps in bound.values())])
    awake = 1.0 - suspended.at(edge_ns)
    taken = {number: np.minimum(steps.at(edge_ns), 1.0) * awake for number, steps in bound.items()}
    own, all_taken = taken.get(core, np.zeros(len(edge_ns))), np.sum([*taken.values()], axis=0)
    rest = np.maximum(used.at(edge_ns) * cores - all_taken, 0.0)
    room = np.maximum(cores - all_taken, 1e-12)
    found = Steps(int(edge_ns[0]), 0.0)
    found.extend(edge_ns, np.minimum(own + rest * (1.0 - own) / room, 1.0))
    return found

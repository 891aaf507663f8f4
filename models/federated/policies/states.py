"""AutoFL's states: what a decision looks at, in bins (its table 1; facts on federated learning, 1.2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgewatt.models.federated.round import Ints, Job, Seen
from edgewatt.models.scheduling.constants import Constants

NETWORK: Final = ("conv_n", "fc_n", "rc_n")
SETTINGS: Final = ("batch", "epochs", "participants")
DEVICE: Final = ("co_cpu_ratio", "co_memory_ratio", "up_b_per_s", "classes_ratio")


@dataclass(frozen=True, slots=True)
class Bins:
    """The ends of the bins of each feature, rising; a value equal to an end is in the bin above it, NaN in the lowest.

    Where the paper closes a bin above (no co-runner is exactly 0, a bad network at or below 40 Mbit/s), the end is the
    next higher number.
    """

    ends: Mapping[str, tuple[float, ...]]

    def states_n(self, features: Sequence[str]) -> int:
        """How many states these features tell apart."""
        return prod(len(self.ends[name]) + 1 for name in features)

    def of_network(self, job: Job) -> int:
        """The part of the state that the network's layers decide: 24 states."""
        return self._of_job(job, NETWORK)

    def of_job(self, job: Job) -> int:
        """The global state, of layers and of B, E and K: 648 states."""
        return self._of_job(job, NETWORK + SETTINGS)

    def of_devices(self, seen: Seen) -> Ints:
        """The local state of each device, (N,): 96 states of co-runners, network and data."""
        around = seen.conditions
        return self._numbers(
            {
                "co_cpu_ratio": around.co_cpu_ratio,
                "co_memory_ratio": around.co_memory_ratio,
                "up_b_per_s": around.up_b_per_s,
                "classes_ratio": seen.classes_ratio,
            }
        )

    def _of_job(self, job: Job, features: Sequence[str]) -> int:
        return int(self._numbers({name: getattr(job, name) for name in features}))

    def _numbers(self, values: Mapping[str, ArrayLike]) -> Ints:
        number: NDArray[np.int64] = np.zeros((), dtype=np.int64)
        for name, of in values.items():
            ends, value = self.ends[name], np.asarray(of)
            number = number * (len(ends) + 1)
            for end in ends:
                number = number + (value >= end)
        return number


def bins_of(constants: Constants) -> Bins:
    """The bins of the paper, from the constants of AutoFL."""
    return Bins({name: _ends(name, constants[f"bins.{name}"]) for name in NETWORK + SETTINGS + DEVICE})


def _ends(name: str, ends: Sequence[float]) -> tuple[float, ...]:
    closed = name == "up_b_per_s"
    return tuple(float(np.nextafter(end, np.inf)) if closed or not end else float(end) for end in ends)

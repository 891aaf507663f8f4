"""A table that another phone learnt as the beginning of a phone's own (AutoScale's transfer between devices)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.scheduling.world import Action


@dataclass(frozen=True, slots=True)
class Mapping:
    """`source` [A]: the other phone's action that stands for each of ours, -1 where it has none of the kind."""

    source: NDArray[np.intp]

    @property
    def lacking(self) -> int:
        """Of how many actions the other phone tells nothing."""
        return int((self.source < 0).sum())


def mapping(theirs: Sequence[Action], ours: Sequence[Action]) -> Mapping:
    """Actions of the same target, the step nearest in its share of the highest frequency."""
    return Mapping(np.array([_nearest(theirs, action, _share(ours, action)) for action in ours], dtype=np.intp))


def mapped(
    table: NDArray[np.float32], theirs: Sequence[Action], ours: Sequence[Action], fresh: NDArray[np.float32]
) -> NDArray[np.float32]:
    """`table` [..., states, their actions] as [..., states, our actions]; `fresh` where they have no such target."""
    source = mapping(theirs, ours).source
    return np.where(source >= 0, table[..., np.maximum(source, 0)], fresh).astype(np.float32)


def _nearest(theirs: Sequence[Action], action: Action, share: float) -> int:
    alike = [k for k, other in enumerate(theirs) if other.target == action.target]
    return min(alike, key=lambda k: abs(_share(theirs, theirs[k]) - share), default=-1)


def _share(actions: Sequence[Action], action: Action) -> float:
    """Of the highest frequency of its target; 1 where nobody names one."""
    highest = max((of.frequency_hz or 0.0 for of in actions if of.target == action.target), default=0.0)
    return (action.frequency_hz or highest) / highest if highest else 1.0

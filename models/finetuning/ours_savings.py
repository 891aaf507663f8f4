"""What each length of frozen prefix saves of a step, as the meter counts it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.finetuning.freezing import trains_outside
from edgewatt.models.finetuning.method import Run, StepCost

Floats = NDArray[np.float64]


class Savings:
    """Costs of one example with the lowest 0, 1, ... layers frozen: bytes kept and FLOPs of both passes.

    Layers of the same shapes one after the other cost the same, so only where that changes, and at both ends, one
    is counted; between, costs are on a line. With no head the last layer has to train, and the last length is L - 1.
    """

    def __init__(self, run: Run, layers: Sequence[Any]) -> None:
        longest = len(layers) if trains_outside(run.model, layers) else len(layers) - 1
        shapes = [tuple(tuple(one.shape) for one in layer.parameters()) for layer in layers]
        changes = {k for k in range(1, len(layers)) if shapes[k] != shapes[k - 1]}
        knots = sorted({0, len(layers) - 1, longest} | {k for k in changes if k < longest})
        self.counted = {k: _counted(run, layers[:k]) for k in knots}
        lengths = np.arange(longest + 1)
        self.saved_b: Floats = np.interp(lengths, knots, [self.counted[k].saved_b for k in knots])
        self.flop: Floats = np.interp(lengths, knots, [self.counted[k].flop for k in knots])

    @property
    def counted_flop(self) -> int:
        """What counting took."""
        return sum(of.flop for of in self.counted.values())

    def shares(self, memory_weight: float) -> list[float]:
        """By length, the share saved: of bytes, weighted so, and of FLOPs; ascending."""
        of_bytes, of_flop = (1.0 - cost / max(cost[0], 1.0) for cost in (self.saved_b, self.flop))
        mixed = memory_weight * of_bytes + (1.0 - memory_weight) * of_flop
        return [float(of) for of in np.maximum.accumulate(mixed)]


def _counted(run: Run, prefix: Sequence[Any]) -> StepCost:
    with _still(prefix):
        return run.count()


@contextmanager
def _still(layers: Sequence[Any]) -> Iterator[None]:
    """For a while nothing of some layers trains."""
    moving = [one for layer in layers for one in layer.parameters() if one.requires_grad]
    for one in moving:
        one.requires_grad_(False)
    try:
        yield
    finally:
        for one in moving:
            one.requires_grad_(True)

"""The meters that a command lends to a trial: models know no collector."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from edgewatt.models.finetuning.method import Batch, StepCost


class Metered(Protocol):
    """What the meter has found: a row for each step, as `edgewatt.training` has them."""

    reasons: list[str]

    def rows(self) -> list[dict[str, Any]]:
        """See edgewatt.training."""
        ...


class Meter(Protocol):
    """`edgewatt.training`."""

    def __call__(self, model: Any, optimizer: Any, *, layers: Sequence[Any]) -> AbstractContextManager[Metered]:
        """Measure the steps within."""
        ...


@dataclass(frozen=True, slots=True)
class Meters:
    """What a command lends, as models know no collector: the meter of steps, and a count of one passing of a batch.

    `count` passes it forward and backward without `model`'s own hooks, and gives FLOPs and kept bytes.
    """

    training: Meter
    count: Callable[[Any, Batch], StepCost]

"""What a learner may do beside round.Learner: train several devices at once, and keep something between rounds."""

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from numpy.typing import NDArray

from edgewatt.models.federated.round import Ints, Learner, Update, Weights
from edgewatt.profiler.errors import UsageError


@runtime_checkable
class Together(Protocol):
    """A learner that trains several devices at once, faster than one after the other."""

    def train_many(self, weights: Weights, devices: Ints, batches: Ints, epochs: Ints, number: int) -> list[Update]:
        """What `train` gives for each, to float tolerance."""
        ...


@runtime_checkable
class Remembering(Protocol):
    """A learner that keeps something between rounds, which changes in `aggregate` alone, as SCAFFOLD's."""

    def kept(self, device: int | None = None) -> Mapping[str, NDArray[Any]]:
        """All of it as arrays by name, or what `device` has to be given to train elsewhere."""
        ...

    def keep(self, arrays: Mapping[str, NDArray[Any]], like: Weights) -> None:
        """Take over what `kept` gave, instead of what was kept. Raises UsageError for what it cannot have given."""
        ...


def kept_of(learner: Learner, device: int | None = None) -> Mapping[str, NDArray[Any]]:
    """What a learner keeps between rounds: all, or what `device` needs. Travels with the weights, and is stored so."""
    return learner.kept(device) if isinstance(learner, Remembering) else {}


def keep(learner: Learner, arrays: Mapping[str, NDArray[Any]], like: Weights) -> None:
    """Give a learner what it had kept. Raises UsageError for what it cannot have kept."""
    if isinstance(learner, Remembering):
        learner.keep(arrays, like)
    elif arrays:
        raise UsageError(f"{', '.join(sorted(arrays))[:80]} was kept of another learner: this one keeps nothing")

"""What a method does around the training of devices, beside what methods.py adds to the gradient; HeteroSwitch does."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.federated.learning.networks import Tensor
from edgewatt.models.federated.round import Update, Weights


class Hook:
    """What a method does around one device's training; this one does nothing. Subclass it.

    A new one is made for each device and round. `begin` sees the loss of the received weights on the device's data;
    `transform` gets the inputs of each batch, a float32 tensor [n, ...], and a generator of its own; `after_batch` the
    weights after each step, by name, as tensors that are changed in the next: copy them; `end` gives what is sent
    instead of the trained weights, and the `more` of the update.
    """

    def begin(self, loss_before: float) -> None:
        """Before the first batch."""

    def transform(self, inputs: Tensor, rng: np.random.Generator) -> Tensor:  # noqa: ARG002
        """The inputs that are trained on; of the same shape."""
        return inputs

    def after_batch(self, number: int, weights: Mapping[str, Tensor]) -> None:
        """After batch `number`, from 1."""

    def end(self, weights: Weights, loss: float) -> tuple[Weights, Mapping[str, Any]]:  # noqa: ARG002
        """After the last batch; `loss` is the mean while training."""
        return weights, {}


class Hooks(Protocol):
    """The hook of each device, and what the server remembers for them, which travels to devices with the model.

    What is remembered changes in `learn` alone, so a device can train anywhere that `kept` has been brought to.
    """

    def of(self, device: int, number: int) -> Hook:
        """A new one, for a device in round `number`."""
        ...

    def kept(self) -> Mapping[str, NDArray[Any]]:
        """What is remembered, as arrays by name; none before the first round."""
        ...

    def keep(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `kept` gave, instead of what is remembered. Raises UsageError for anything else."""
        ...

    def learn(self, updates: Sequence[Update]) -> None:
        """The updates of a round that were taken, in the order of their devices."""
        ...

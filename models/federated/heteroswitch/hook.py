"""The method on a device, around local training: what it decides, changes, averages and sends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.federated.heteroswitch.methods import Method, Setup
from edgewatt.models.federated.heteroswitch.switching import (
    ALWAYS,
    NEVER,
    When,
    dense_mean,
    diversified,
    drawn,
    is_on,
    next_ema,
)
from edgewatt.models.federated.learning.hooks import Hook
from edgewatt.models.federated.learning.networks import Tensor
from edgewatt.models.federated.round import Update, Weights
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.checked import shown

FIRST, SECOND = "switch1", "switch2"
LOSS_EMA: Final = "loss_ema"


class Generalising(Hook):
    """HeteroSwitch's part of one device in one round; `more` of the update says which switches were on.

    A method that does nothing of it has switches all the same: what would have been decided is in the log.
    """

    def __init__(self, method: Method, setup: Setup, loss_ema: float | None) -> None:
        self._method, self._setup, self._loss_ema = method, setup, loss_ema
        self._first = False
        self._mean: dict[str, Tensor] = {}

    def begin(self, loss_before: float) -> None:
        """Switch 1."""
        self._first = is_on(loss_before, self._loss_ema)

    def transform(self, inputs: Tensor, rng: np.random.Generator) -> Tensor:
        """Random white balance and gamma of a batch (n, 3, rows, columns)."""
        if not _holds(self._method.diversify, switch=self._first):
            return inputs
        gains, gamma = drawn(rng, self._setup.wb_spread, self._setup.gamma_spread)
        return diversified(inputs, inputs.new_tensor(gains)[:, None, None], gamma)

    def after_batch(self, number: int, weights: Mapping[str, Tensor]) -> None:
        """The mean of the weights after every batch so far, where it may be sent."""
        if not self._may_average:
            return
        if number == 1:
            self._mean = {name: of.detach().clone() for name, of in weights.items()}
        else:
            self._mean = {name: dense_mean(of, weights[name].detach(), number - 1) for name, of in self._mean.items()}

    def end(self, weights: Weights, loss: float) -> tuple[Weights, Mapping[str, Any]]:
        """Switch 2, and the weights that it chooses."""
        second = self._first and is_on(loss, self._loss_ema)
        sent = weights
        if self._mean and _holds(self._method.average, switch=second):
            sent = {name: of.numpy() for name, of in self._mean.items()}
        return sent, {FIRST: self._first, SECOND: second}

    @property
    def _may_average(self) -> bool:
        """The second switch is never on without the first."""
        return _holds(self._method.average, switch=self._first)


@dataclass(slots=True, eq=False)
class Switching:
    """A learner's `hooks`: HeteroSwitch on each device, and L_EMA of the server, None before the first round."""

    method: Method
    setup: Setup
    loss_ema: float | None = None

    def of(self, device: int, number: int) -> Generalising:  # noqa: ARG002
        """The same for all devices in a round."""
        return Generalising(self.method, self.setup, self.loss_ema)

    def kept(self) -> dict[str, NDArray[Any]]:
        """L_EMA, where there is one."""
        return {} if self.loss_ema is None else {LOSS_EMA: np.array([self.loss_ema])}

    def keep(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take over an L_EMA, or none. Raises UsageError for anything else."""
        of = arrays.get(LOSS_EMA)
        if arrays.keys() - {LOSS_EMA}:
            raise UsageError(f"what HeteroSwitch keeps is {LOSS_EMA} alone; found {shown(sorted(arrays))}")
        if of is not None and (of.shape != (1,) or of.dtype.kind != "f" or not np.isfinite(of).all()):
            raise UsageError(f"what HeteroSwitch keeps as {LOSS_EMA} is no finite number")
        self.loss_ema = None if of is None else float(of[0])

    def learn(self, updates: Sequence[Update]) -> None:
        """L_EMA after a round, from the losses of the updates that were taken."""
        self.loss_ema = next_ema(self.loss_ema, np.array([update.loss for update in updates]), self.setup.ema)


def _holds(when: When, *, switch: bool) -> bool:
    return when == ALWAYS or (when != NEVER and switch)

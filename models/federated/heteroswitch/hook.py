"""The method on a device, around local training: what it decides, changes, averages and sends."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from edgewatt.models.federated.heteroswitch.methods import Method, Setup
from edgewatt.models.federated.heteroswitch.switching import ALWAYS, NEVER, When, dense_mean, diversified, drawn, is_on
from edgewatt.models.federated.learning.local import Hook
from edgewatt.models.federated.learning.networks import Tensor
from edgewatt.models.federated.round import Weights

FIRST, SECOND = "switch1", "switch2"


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


def _holds(when: When, *, switch: bool) -> bool:
    return when == ALWAYS or (when != NEVER and switch)

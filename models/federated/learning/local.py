"""One device's part of a round: SGD on its own samples, one batch after another. The reference for together.py.

The order of its samples comes from (seed, round, device) alone, so both engines train alike. PyTorch computes on one
thread here: for networks this small a second one costs more than it gives, and sums stay in one order.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.federated.learning.hooks import Hook
from edgewatt.models.federated.learning.networks import Network, Tensor
from edgewatt.models.federated.round import Ints, Update, Weights

# Samples whose loss is computed at once: bounds the memory of large devices and of what is held back.
AT_ONCE: Final = 1024


@dataclass(frozen=True, slots=True, eq=False)
class Pull:
    """What a method adds to the gradient: mu times the way from the received weights, and a constant array."""

    mu: float = 0.0
    plus: Weights | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """What a device is to do: its samples, batch, epochs, learning rate, and the seed of their order."""

    inputs: NDArray[Any]
    targets: NDArray[Any]
    batch: int
    epochs: int
    rate: float
    seed: tuple[int, ...]
    pull: Pull = field(default_factory=Pull)

    def batches(self) -> Iterator[Ints]:
        """Numbers of the samples of each step: every epoch in a new order, its last batch may be smaller."""
        rng = np.random.default_rng(self.seed)
        n, size = len(self.inputs), max(1, self.batch)
        for _ in range(self.epochs):
            order = rng.permutation(n)
            yield from (order[start : start + size] for start in range(0, n, size))


@contextmanager
def one_thread() -> Iterator[None]:
    """PyTorch on one thread, and as it was afterwards."""
    import torch  # noqa: PLC0415  (an extra)

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def as_inputs(inputs: NDArray[Any]) -> Tensor:
    """Bytes as float32 in 0 to 1; everything else as it is."""
    import torch  # noqa: PLC0415  (an extra)

    of = torch.tensor(inputs)
    return of.float() / 255 if inputs.dtype == np.uint8 else of


def losses(logits: Tensor, targets: Tensor) -> Tensor:
    """The loss of each sample, (n,): cross-entropy, or its mean over classes where many hold."""
    from torch.nn import functional as of  # noqa: PLC0415  (an extra)

    if targets.ndim == 2:
        return of.binary_cross_entropy_with_logits(logits, targets.float(), reduction="none").mean(1)
    return of.cross_entropy(logits, targets, reduction="none")


def mean_loss(network: Network, weights: Mapping[str, Tensor], inputs: Tensor, targets: Tensor) -> Tensor:
    """Over all samples; a scalar that a gradient can be taken of."""
    total = sum(
        losses(network.forward(weights, inputs[at : at + AT_ONCE]), targets[at : at + AT_ONCE]).sum()
        for at in range(0, len(inputs), AT_ONCE)
    )
    return total / len(inputs)


def gradient(network: Network, weights: Weights, task: Task) -> Weights:
    """Of the mean loss over all of a device's samples, at these weights."""
    import torch  # noqa: PLC0415  (an extra)

    with one_thread():
        leaves = {name: torch.tensor(of, requires_grad=True) for name, of in weights.items()}
        loss = mean_loss(network, leaves, as_inputs(task.inputs), torch.tensor(task.targets))
        found = torch.autograd.grad(loss, list(leaves.values()))
        return {name: of.numpy() for name, of in zip(leaves, found, strict=True)}


def train_one(network: Network, weights: Weights, task: Task, hook: Hook | None = None) -> Update:
    """Train on the device's samples. Without any, the weights come back as they were, with no loss (NaN), no steps."""
    import torch  # noqa: PLC0415  (an extra)

    if not len(task.inputs):
        return Update(weights, float("nan"), float("nan"), 0, 0)
    hook = hook or Hook()
    with one_thread():
        inputs, targets = as_inputs(task.inputs), torch.tensor(task.targets)
        now = {name: torch.tensor(of, requires_grad=True) for name, of in weights.items()}
        leaves = list(now.values())
        received = [leaf.detach().clone() for leaf in leaves] if task.pull.mu else []
        plus = [torch.tensor(task.pull.plus[name]) for name in now] if task.pull.plus is not None else []
        with torch.no_grad():
            loss_before = float(mean_loss(network, now, inputs, targets))
        hook.begin(loss_before)
        rng = np.random.default_rng([*task.seed, 1])
        total, seen_n, steps_n = 0.0, 0, 0
        for rows in task.batches():
            of_batch = torch.from_numpy(rows)
            loss = losses(network.forward(now, hook.transform(inputs[of_batch], rng)), targets[of_batch]).mean()
            grads = torch.autograd.grad(loss, leaves)
            with torch.no_grad():
                for number, (leaf, grad) in enumerate(zip(leaves, grads, strict=True)):
                    if received:
                        leaf.sub_(leaf - received[number], alpha=task.rate * task.pull.mu)
                    if plus:
                        leaf.sub_(plus[number], alpha=task.rate)
                    leaf.sub_(grad, alpha=task.rate)
            total, seen_n, steps_n = total + float(loss.detach()) * len(rows), seen_n + len(rows), steps_n + 1
            hook.after_batch(steps_n, now)
        loss_n = total / seen_n if seen_n else float("nan")
        sent, more = hook.end({name: of.detach().numpy() for name, of in now.items()}, loss_n)
    return Update(sent, loss_before, loss_n, len(task.inputs), steps_n, more)

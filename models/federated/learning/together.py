"""Several devices trained at once: weights stacked, one step of all of them in one call. Equal to local.train_one.

Most of a step of so small a network is the calling, not the computing. Devices with more steps come first, so that
those whose steps are done drop off the end; a batch that is smaller than the largest is filled up and masked.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.federated.learning.hooks import Hook
from edgewatt.models.federated.learning.local import AT_ONCE, Task, as_inputs, losses, one_thread
from edgewatt.models.federated.learning.networks import Network, Tensor
from edgewatt.models.federated.round import Floats, Ints, Update, Weights

# Bytes of inputs that are stacked at once; more devices go in the next stack.
STACK_LIMIT: Final = 256 << 20


def train_together(
    network: Network, weights: Weights, tasks: Sequence[Task], hooks: Sequence[Hook] = ()
) -> list[Update]:
    """What train_one gives for each task and its hook (or none), to float tolerance.

    All tasks have the learning rate of the first.
    """
    updates = [Update(weights, float("nan"), float("nan"), 0, 0)] * len(tasks)
    order = sorted(
        (n for n, task in enumerate(tasks) if len(task.inputs)),
        key=lambda n: -tasks[n].epochs * -(-len(tasks[n].inputs) // max(1, tasks[n].batch)),
    )
    with one_thread():
        while order:
            largest = max(tasks[n].inputs.size for n in order) * 4
            taken = max(1, STACK_LIMIT // max(largest, 1))
            around = [hooks[n] for n in order[:taken]] if hooks else []
            found = _stack(network, weights, [tasks[n] for n in order[:taken]], around)
            for n, update in zip(order, found, strict=False):
                updates[n] = update
            order = order[taken:]
    return updates


def _stack(network: Network, weights: Weights, tasks: Sequence[Task], hooks: Sequence[Hook]) -> list[Update]:
    import torch  # noqa: PLC0415  (an extra)

    count = len(tasks)
    samples = np.array([len(task.inputs) for task in tasks])
    inputs = as_inputs(_filled([task.inputs for task in tasks]))
    targets = torch.tensor(_filled([task.targets for task in tasks]))
    now = {name: torch.tensor(np.broadcast_to(of, (count, *of.shape)).copy()) for name, of in weights.items()}
    first = {name: torch.tensor(of) for name, of in weights.items()}
    plus = _plus(weights, tasks)
    mu = torch.tensor([task.pull.mu for task in tasks], dtype=torch.float32)

    def losses_of(of: dict[str, Tensor], x: Tensor, y: Tensor, mask: Tensor) -> Tensor:
        return (losses(network.forward(of, x), y) * mask).sum() / mask.sum()

    each = torch.vmap(losses_of)
    before = _losses_before(each, now, inputs, targets, samples)
    for hook, loss_before in zip(hooks, before, strict=False):
        hook.begin(float(loss_before))
    rngs = [np.random.default_rng([*task.seed, 1]) for task in tasks]
    plans = [list(task.batches()) for task in tasks]
    steps = np.array([len(plan) for plan in plans])
    sums: Floats = np.zeros(count)
    for step in range(int(steps.max(initial=0))):
        active = int((steps > step).sum())
        rows, sizes = _rows([plan[step] for plan in plans[:active]])
        at = torch.arange(active)[:, None], torch.from_numpy(rows)
        mask = torch.from_numpy(np.arange(rows.shape[1])[None] < sizes[:, None]).float()
        leaves = {name: of[:active].detach().requires_grad_() for name, of in now.items()}
        taken = inputs[at]
        for hook, own, size, rng in zip(hooks, taken, sizes, rngs, strict=False):
            own[:size] = hook.transform(own[:size], rng)
        loss = each(leaves, taken, targets[at], mask)
        grads = torch.autograd.grad(loss.sum(), list(leaves.values()))
        with torch.no_grad():
            for (name, leaf), grad in zip(leaves.items(), grads, strict=True):
                if mu.any():
                    leaf.sub_((leaf - first[name]) * mu[:active].view(-1, *[1] * (leaf.ndim - 1)), alpha=tasks[0].rate)
                if plus is not None:
                    leaf.sub_(plus[name][:active], alpha=tasks[0].rate)
                leaf.sub_(grad, alpha=tasks[0].rate)
        for n, hook in enumerate(hooks[:active]):
            hook.after_batch(step + 1, {name: of[n] for name, of in now.items()})
        sums[:active] += loss.detach().numpy().astype(np.float64) * sizes
    arrays = {name: of.numpy() for name, of in now.items()}
    seen = [sum(len(rows) for rows in plan) for plan in plans]
    updates = []
    for n in range(count):
        loss_n = float(sums[n] / seen[n]) if seen[n] else float("nan")
        trained: Weights = {name: of[n].copy() for name, of in arrays.items()}
        sent, more = hooks[n].end(trained, loss_n) if hooks else (trained, {})
        updates.append(Update(sent, float(before[n]), loss_n, int(samples[n]), int(steps[n]), more))
    return updates


def _losses_before(
    each: Callable[..., Tensor], weights: Mapping[str, Tensor], inputs: Tensor, targets: Tensor, samples: Ints
) -> Floats:
    """The mean loss over all samples of each device, a bounded number of them at once."""
    import torch  # noqa: PLC0415  (an extra)

    found, wide = np.zeros(len(samples)), max(1, AT_ONCE // len(samples))
    with torch.no_grad():
        for start in range(0, int(samples.max()), wide):
            x, y = inputs[:, start : start + wide], targets[:, start : start + wide]
            mine = np.clip(samples - start, 0, x.shape[1])
            mask = torch.from_numpy(np.arange(x.shape[1])[None] < mine[:, None]).float()
            # Of a device that has no more samples the mean is over none.
            found += np.where(mine > 0, each(weights, x, y, mask).numpy(), 0.0) * (mine / samples)
    return found


def _filled(arrays: Sequence[NDArray[np.generic]]) -> NDArray[np.generic]:
    """Stacked, the shorter filled up with zeros."""
    out = np.zeros((len(arrays), max(len(of) for of in arrays), *arrays[0].shape[1:]), arrays[0].dtype)
    for number, of in enumerate(arrays):
        out[number, : len(of)] = of
    return out


def _rows(batches: Sequence[Ints]) -> tuple[Ints, Ints]:
    """The samples of a step [devices, largest batch], filled up with sample 0, and how many are true (devices,)."""
    sizes = np.array([len(of) for of in batches], np.int64)
    rows = np.zeros((len(batches), int(sizes.max())), np.int64)
    for number, of in enumerate(batches):
        rows[number, : len(of)] = of
    return rows, sizes


def _plus(weights: Weights, tasks: Sequence[Task]) -> dict[str, Tensor] | None:
    import torch  # noqa: PLC0415  (an extra)

    if all(task.pull.plus is None for task in tasks):
        return None
    return {
        name: torch.tensor(np.stack([np.zeros_like(of) if t.pull.plus is None else t.pull.plus[name] for t in tasks]))
        for name, of in weights.items()
    }

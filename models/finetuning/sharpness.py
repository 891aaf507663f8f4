"""How sharp the minimum is in which a training ended: the claim that freezing regularises is about that."""

from collections.abc import Callable, Sequence
from typing import Any

from edgewatt.models.finetuning.checks import torch_here
from edgewatt.models.finetuning.importance import evaluating
from edgewatt.models.finetuning.method import Batch
from edgewatt.profiler.errors import UsageError


def sharpness(
    model: Any, loss: Callable[[Any, Batch], Any], batches: Sequence[Batch], rho: float, *, random: Any = None
) -> float:
    """How much the mean `loss(model, batch)` rises at distance `rho` from the weights that train.

    Without `random` the step goes up the gradient of all batches, rho x g / |g|: the inner step of SAM (Foret et al.
    2021, remembered), first-order worst of the ball. With `random`, a torch.Generator on the CPU, it goes where that
    draws, each tensor scaled to `rho` times its own norm (after the filter normalisation of Li et al. 2018,
    remembered): a mean over draws then tells of the volume around. Only among what trains now: compare methods with
    the same weights let go. The weights are put back bit by bit, gradients are cleared, dropout is off.

    Raises UsageError where nothing trains, there is no batch, or rho is not above 0.
    """
    torch = torch_here()
    moving = [one for one in model.parameters() if one.requires_grad]
    if not moving or not batches or not rho > 0:
        raise UsageError(
            f"sharpness at rho {rho} of {len(moving)} tensors that train, {len(batches)} batches: expected some of each"
        )
    kept = [one.detach().clone() for one in moving]
    with evaluating(model):
        before = _mean(model, loss, batches, with_gradient=random is None)
        step = _up(moving, rho) if random is None else _anywhere(moving, rho, random)
        try:
            with torch.no_grad():
                for one, by in zip(moving, step, strict=True):
                    one.add_(by)
            return _mean(model, loss, batches, with_gradient=False) - before
        finally:
            with torch.no_grad():
                for one, old in zip(moving, kept, strict=True):
                    one.copy_(old)
                    one.grad = None


def _mean(model: Any, loss: Callable[[Any, Batch], Any], batches: Sequence[Batch], *, with_gradient: bool) -> float:
    """The mean over batches; with the gradient of it left in the parameters."""
    torch = torch_here()
    model.zero_grad(set_to_none=True)
    total = 0.0
    with torch.set_grad_enabled(with_gradient):
        for batch in batches:
            one = loss(model, batch) / len(batches)
            if with_gradient:
                one.backward()
            total += float(one.detach())
    return total


def _up(moving: Sequence[Any], rho: float) -> list[Any]:
    torch = torch_here()
    found = [torch.zeros_like(one) if one.grad is None else one.grad for one in moving]
    norm = torch.stack([of.norm() for of in found]).norm().clamp(min=1e-12)
    return [rho * of / norm for of in found]


def _anywhere(moving: Sequence[Any], rho: float, random: Any) -> list[Any]:
    torch = torch_here()
    drawn = [torch.randn(one.shape, generator=random).to(device=one.device, dtype=one.dtype) for one in moving]
    return [rho * one.detach().norm() * of / of.norm().clamp(min=1e-12) for one, of in zip(moving, drawn, strict=True)]

"""Freezing that frees: no gradient, no state of the optimizer, and no graph below the lowest layer that trains.

`requires_grad_(False)` alone is not enough: AdamW moves a parameter whose old gradient is still there, and keeps its
two moments. Nothing has to be done for the graph: autograd keeps one only above what requires gradients.
"""

from collections.abc import Iterable, Sequence
from typing import Any


def freeze(layer: Any, optimizer: Any) -> None:
    """Freeze all of a layer that trains; for good, as its moments are dropped."""
    for one in layer.parameters():
        if one.requires_grad:
            one.requires_grad_(False)
            one.grad = None
            optimizer.state.pop(one, None)


def frozen_in(layers: Sequence[Any]) -> tuple[int, ...]:
    """The layers in which nothing trains, ascending."""
    return tuple(k for k, layer in enumerate(layers) if not any(one.requires_grad for one in layer.parameters()))


def prefix_of(frozen: Iterable[int]) -> int:
    """How many layers from the input on are frozen without a gap: only these save memory and work."""
    held = set(frozen)
    return next(k for k in range(len(held) + 1) if k not in held)


def trains_outside(model: Any, layers: Sequence[Any]) -> bool:
    """Whether something trains that is in none of the layers: a head."""
    inside = {id(one) for layer in layers for one in layer.parameters()}
    return any(one.requires_grad and id(one) not in inside for one in model.parameters())

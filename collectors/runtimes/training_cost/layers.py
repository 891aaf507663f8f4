"""Which layers still train: only a frozen stretch that begins at the input saves memory and work.

The backward pass has to go through every layer above the lowest that trains, frozen or not.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Trains:
    """Parameters that train and those that are frozen (a tied one counts once), and layers of `layers_n` that are.

    `frozen_prefix_n` counts the frozen layers from the input on without a gap; 0 where something before the first layer
    trains. None where the model has no list of layers.
    """

    trainable_n: int
    frozen_n: int
    layers_n: int | None
    frozen_layers_n: int | None
    frozen_prefix_n: int | None


def layers_of(model: Any) -> Sequence[Any]:
    """The blocks of a model in order: its longest ModuleList or Sequential of modules of one class; else none.

    Ties go to the first. Encoder and decoder of a sequence-to-sequence model are two lists, of which this is one.
    """
    import torch  # noqa: PLC0415

    lists = [
        list(one.children())
        for one in model.modules()
        if isinstance(one, (torch.nn.ModuleList, torch.nn.Sequential)) and len({type(child) for child in one}) == 1
    ]
    return max(lists, key=len, default=[])


def trains(model: Any, layers: Sequence[Any]) -> Trains:
    """What trains of a model now."""
    parameters = list(model.parameters())
    moving = sum(one.numel() for one in parameters if one.requires_grad)
    still = sum(one.numel() for one in parameters) - moving
    if not layers:
        return Trains(moving, still, None, None, None)
    frozen = [not any(one.requires_grad for one in layer.parameters()) for layer in layers]
    prefix = next((k for k, is_frozen in enumerate(frozen) if not is_frozen), len(frozen))
    if any(one.requires_grad for one in _before(model, layers)):
        prefix = 0
    return Trains(moving, still, len(layers), sum(frozen), prefix)


def _before(model: Any, layers: Sequence[Any]) -> Iterator[Any]:
    """The parameters that the model names before those of its layers: embeddings, a stem."""
    inside = {id(one) for layer in layers for one in layer.parameters()}
    for one in model.parameters():
        if id(one) in inside:
            return
        yield one

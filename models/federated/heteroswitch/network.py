"""The network of coloured digits: as small as will do, as a study trains it hundreds of times."""

from collections.abc import Mapping
from typing import Final

from edgewatt.models.federated.learning.networks import Network, Tensor, refuse_without_torch

CHANNELS: Final = (8, 16)


def strided(side: int, classes_n: int) -> Network:
    """Two 3 x 3 convolutions of stride 2, to 8 and 16 channels, and one dense layer; no normalisation, so no buffers.

    Raises UsageError without PyTorch.
    """
    refuse_without_torch()
    from torch.nn import functional as of  # noqa: PLC0415  (an extra)

    def forward(weights: Mapping[str, Tensor], inputs: Tensor) -> Tensor:
        x = inputs
        for layer in ("conv1", "conv2"):
            x = of.relu(of.conv2d(x, weights[f"{layer}.weight"], weights[f"{layer}.bias"], stride=2, padding=1))
        return of.linear(x.flatten(1), weights["fc.weight"], weights["fc.bias"])

    first, second = CHANNELS
    shapes = {
        "conv1.weight": (first, 3, 3, 3),
        "conv1.bias": (first,),
        "conv2.weight": (second, first, 3, 3),
        "conv2.bias": (second,),
        "fc.weight": (classes_n, second * (-(-side // 4)) ** 2),
        "fc.bias": (classes_n,),
    }
    return Network("strided cnn", 2, 1, 0, shapes, forward)

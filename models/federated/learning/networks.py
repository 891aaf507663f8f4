"""Networks as functions of their weights, so that the weights of one device or of twenty can be put in.

Their layers are counted as AutoFL counts them (the project's facts, 1.2). None keeps statistics of batches: what
travels are weights alone, and MobileNet's normalisation is by groups of channels instead (which the papers do not say).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from math import prod
from typing import Any, Final

import numpy as np

from edgewatt.models.federated.round import Weights
from edgewatt.profiler.errors import UsageError

# A tensor of PyTorch, which is an extra.
Tensor = Any
EMBEDDED: Final = 8
HIDDEN: Final = 64
LSTM_LAYERS: Final = 2
GROUPS: Final = 4


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """`forward(weights, inputs)` gives logits [n, classes] of inputs [n, ...].

    `shapes` of the weights by name; a name that ends in `scale` starts as 1, in `bias` as 0. `together`: whether
    torch.vmap can run it on the weights of several devices at once.
    """

    name: str
    conv_n: int
    fc_n: int
    rc_n: int
    shapes: Mapping[str, tuple[int, ...]]
    forward: Callable[[Mapping[str, Tensor], Tensor], Tensor]
    together: bool = True

    def first(self, seed: int) -> Weights:
        """float32 weights before training: uniform within +-sqrt(6 / inputs) (He et al., arXiv 1502.01852)."""
        rng = np.random.default_rng([seed, 0xF1257])
        weights = {}
        for name, shape in self.shapes.items():
            if name.endswith("bias"):
                values = np.zeros(shape)
            elif name.endswith("scale"):
                values = np.ones(shape)
            else:
                limit = np.sqrt(6 / prod(shape[1:])) if self.rc_n == 0 else 1 / np.sqrt(shape[-1])
                values = rng.uniform(-limit, limit, shape)
            weights[name] = values.astype(np.float32)
        return weights


def refuse_without_torch() -> None:
    """Raise UsageError where the extra is not installed."""
    if find_spec("torch") is None:
        raise UsageError("federated training needs PyTorch: pip install 'edgewatt[federated]'")


def cnn(channels: int, side: int, classes_n: int) -> Network:
    """3 x 3 convolution to 8 channels, pool, 3 x 3 convolution to 16, fully connected; for pictures of side x side."""
    refuse_without_torch()
    from torch.nn import functional as of  # noqa: PLC0415  (an extra)

    def forward(weights: Mapping[str, Tensor], inputs: Tensor) -> Tensor:
        x = of.relu(of.conv2d(inputs, weights["conv1.weight"], weights["conv1.bias"], padding=1))
        x = of.max_pool2d(x, 2)
        x = of.relu(of.conv2d(x, weights["conv2.weight"], weights["conv2.bias"], padding=1))
        return of.linear(x.flatten(1), weights["fc.weight"], weights["fc.bias"])

    shapes = {
        "conv1.weight": (8, channels, 3, 3),
        "conv1.bias": (8,),
        "conv2.weight": (16, 8, 3, 3),
        "conv2.bias": (16,),
        "fc.weight": (classes_n, 16 * (side // 2) ** 2),
        "fc.bias": (classes_n,),
    }
    return Network("cnn", 2, 1, 0, shapes, forward)


# Channels and stride of each depthwise separable block of the small MobileNet.
BLOCKS: Final = ((32, 1), (64, 2), (64, 1), (128, 2), (128, 1))


def mobilenet(channels: int, classes_n: int) -> Network:
    """A small MobileNet (Howard et al., arXiv 1704.04861): 3 x 3 convolution, five depthwise separable blocks, mean.

    11 convolutions where MobileNet has 27; for pictures of 16 x 16 and more.
    """
    refuse_without_torch()
    from torch.nn import functional as of  # noqa: PLC0415  (an extra)

    shapes: dict[str, tuple[int, ...]] = {"stem.weight": (16, channels, 3, 3), "stem.scale": (16,), "stem.bias": (16,)}
    before = 16
    for number, (after, _) in enumerate(BLOCKS):
        deep, wide = f"block{number}.deep", f"block{number}.wide"
        shapes |= {f"{deep}.weight": (before, 1, 3, 3), f"{deep}.scale": (before,), f"{deep}.bias": (before,)}
        shapes |= {f"{wide}.weight": (after, before, 1, 1), f"{wide}.scale": (after,), f"{wide}.bias": (after,)}
        before = after
    shapes |= {"fc.weight": (classes_n, before), "fc.bias": (classes_n,)}

    def step(weights: Mapping[str, Tensor], x: Tensor, layer: str, stride: int, groups: int) -> Tensor:
        weight = weights[f"{layer}.weight"]
        x = of.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2, groups=groups)
        return of.relu(of.group_norm(x, GROUPS, weights[f"{layer}.scale"], weights[f"{layer}.bias"]))

    def forward(weights: Mapping[str, Tensor], inputs: Tensor) -> Tensor:
        x = step(weights, inputs, "stem", 1, 1)
        for number, (_, stride) in enumerate(BLOCKS):
            x = step(weights, x, f"block{number}.deep", stride, x.shape[1])
            x = step(weights, x, f"block{number}.wide", 1, 1)
        return of.linear(x.mean((2, 3)), weights["fc.weight"], weights["fc.bias"])

    return Network("mobilenet", 1 + 2 * len(BLOCKS), 1, 0, shapes, forward)


def character_lstm(characters_n: int) -> Network:
    """LEAF's network for Shakespeare with fewer units: embedding, two LSTM layers, fully connected at the last.

    LEAF (models/shakespeare/stacked_lstm.py) has an embedding of 8 and 256 units; here 64. Inputs are numbers of
    characters [n, length].
    """
    refuse_without_torch()
    import torch  # noqa: PLC0415  (an extra)

    # Built as a shape alone: its parameters are put in at each call.
    lstm = torch.nn.LSTM(EMBEDDED, HIDDEN, LSTM_LAYERS, batch_first=True, device="meta")
    names = [name for name, _ in lstm.named_parameters()]

    def forward(weights: Mapping[str, Tensor], inputs: Tensor) -> Tensor:
        x = torch.nn.functional.embedding(inputs, weights["embedding"])
        given = {name: weights[f"lstm.{name}"] for name in names}
        out, _ = torch.func.functional_call(lstm, given, (x,))
        return torch.nn.functional.linear(out[:, -1], weights["fc.weight"], weights["fc.bias"])

    shapes: dict[str, tuple[int, ...]] = {"embedding": (characters_n, EMBEDDED)}
    shapes |= {f"lstm.{name}": tuple(of.shape) for name, of in lstm.named_parameters()}
    shapes |= {"fc.weight": (characters_n, HIDDEN), "fc.bias": (characters_n,)}
    return Network("lstm", 0, 1, LSTM_LAYERS, shapes, forward, together=False)

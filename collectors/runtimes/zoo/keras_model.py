"""A model of Keras as a network of ours: all its weights drawn anew, so that they depend on the seed alone."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.collectors.runtimes.zoo.building import Built, Input, Weights

# Of a normalisation, by the names that Keras gives its weights. A scale below 1 and a shift keep a signal that random
# weights neither centre nor scale from growing or dying over 50 layers; the bounds are ours.
_NORMAL: Final[Mapping[str, tuple[float, float]]] = {
    "gamma": (0.6, 0.9),
    "beta": (-0.1, 0.1),
    "moving_mean": (-0.1, 0.1),
    "moving_variance": (0.8, 1.2),
}


def of_keras(
    model: Any, inputs: Sequence[Input], seed: int, call: Callable[[Any], Mapping[str, Any]] | None = None
) -> Built:
    """A model of one image as a network; `call` names its results, `probabilities` if it has the only one."""
    weights = Weights(seed)
    model.set_weights([_drawn(weights, one.name, tuple(one.shape)) for one in model.weights])

    def classify(image: Any) -> Mapping[str, Any]:
        return {"probabilities": model(image, training=False)}

    return Built({"serving_default": (call or classify, inputs)}, model, folds=True)


def _drawn(weights: Weights, name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    if name in _NORMAL:
        return weights.between(*_NORMAL[name], *shape)
    if name == "bias":
        return weights.bias(*shape)
    # A kernel: height, width, in, out; of a depthwise convolution each result sees one channel.
    fan_in = shape[0] * shape[1] if name == "depthwise_kernel" else math.prod(shape[:-1])
    return weights.kernel(*shape, fan_in=fan_in)

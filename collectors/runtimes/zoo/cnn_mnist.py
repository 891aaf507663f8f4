"""The CNN on MNIST of federated averaging (McMahan et al. 2017, arXiv 1602.05629, section 3: 1,663,370 parameters).

Two 5x5 convolutions of 32 and 64 channels, a 2x2 max pool after each, a layer of 512 with ReLU, and the classes.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.collectors.runtimes.zoo.building import Ask, Built, Input, Weights

SIDE: Final = 28
WINDOW: Final = 5
CHANNELS: Final = (32, 64)
FLAT: Final = (SIDE // 4) ** 2 * CHANNELS[1]
HIDDEN: Final = 512


def cnn_mnist(tf: Any, ask: Ask) -> Built:
    """The network on 28 x 28 x 1."""
    weights = [tf.constant(value) for value in first_weights(ask)]

    def call(image: Any) -> Mapping[str, Any]:
        return {"logits": forward(tf, weights, image)[-1]}

    return Built({"serving_default": (call, [Input("image", (ask.batch, SIDE, SIDE, 1))])}, weights)


def first_weights(ask: Ask) -> list[NDArray[np.float32]]:
    """Kernel and bias of the two convolutions and the two layers, in order."""
    weights, (first, second), area = Weights(ask.seed), CHANNELS, WINDOW * WINDOW
    kernels = [
        weights.kernel(WINDOW, WINDOW, 1, first, fan_in=area),
        weights.kernel(WINDOW, WINDOW, first, second, fan_in=area * first),
        weights.kernel(FLAT, HIDDEN, fan_in=FLAT),
        weights.kernel(HIDDEN, ask.classes, fan_in=HIDDEN),
    ]
    return [value for kernel in kernels for value in (kernel, weights.bias(kernel.shape[-1]))]


def forward(tf: Any, weights: Sequence[Any], image: Any) -> tuple[Any, ...]:
    """Every layer's result that a gradient needs: two convolutions and their pools, flat, hidden, logits."""
    w1, b1, w2, b2, w3, b3, w4, b4 = weights
    first = tf.nn.relu(tf.nn.conv2d(image, w1, 1, "SAME") + b1)
    first_pool = tf.nn.max_pool2d(first, 2, 2, "VALID")
    second = tf.nn.relu(tf.nn.conv2d(first_pool, w2, 1, "SAME") + b2)
    second_pool = tf.nn.max_pool2d(second, 2, 2, "VALID")
    flat = tf.reshape(second_pool, [image.shape[0], FLAT])
    hidden = tf.nn.relu(tf.matmul(flat, w3) + b3)
    return first, first_pool, second, second_pool, flat, hidden, tf.matmul(hidden, w4) + b4

"""Inception v1 after table 1 of Szegedy et al. 2015, "Going deeper with convolutions" (arXiv 1409.4842, remembered).

As it is deployed: without the two side classifiers, which serve training, and without local response normalisation.
"""

from typing import Any, Final

from edgewatt.collectors.runtimes.zoo.building import Ask, Built, Input
from edgewatt.collectors.runtimes.zoo.keras_model import of_keras

# Table 1: 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, projection of the pool; None is a max pool of 3x3 with stride 2.
_MODULES: Final = (
    (64, 96, 128, 16, 32, 32),
    (128, 128, 192, 32, 96, 64),
    None,
    (192, 96, 208, 16, 48, 64),
    (160, 112, 224, 24, 64, 64),
    (128, 128, 256, 24, 64, 64),
    (112, 144, 288, 32, 64, 64),
    (256, 160, 320, 32, 128, 128),
    None,
    (256, 160, 320, 32, 128, 128),
    (384, 192, 384, 48, 128, 128),
)


def inception_v1(tf: Any, ask: Ask) -> Built:
    """The network on 224 x 224."""
    keras = tf.keras
    layers = keras.layers

    def convolved(x: Any, filters: int, size: int, stride: int = 1) -> Any:
        return layers.Conv2D(filters, size, stride, padding="same", activation="relu")(x)

    def pooled(x: Any, stride: int) -> Any:
        return layers.MaxPooling2D(3, stride, padding="same")(x)

    image = Input("image", (ask.batch, 224, 224, 3))
    start = keras.Input(batch_shape=image.shape, name=image.name)
    x = pooled(convolved(start, 64, 7, 2), 2)
    x = pooled(convolved(convolved(x, 64, 1), 192, 3), 2)
    for module in _MODULES:
        if module is None:
            x = pooled(x, 2)
            continue
        one, reduce_three, three, reduce_five, five, projected = module
        x = layers.Concatenate()(
            [
                convolved(x, one, 1),
                convolved(convolved(x, reduce_three, 1), three, 3),
                convolved(convolved(x, reduce_five, 1), five, 5),
                convolved(pooled(x, 1), projected, 1),
            ]
        )
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(start, layers.Dense(ask.classes, activation="softmax")(x))
    return of_keras(model, [image], ask.seed)

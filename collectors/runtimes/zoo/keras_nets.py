"""The classifiers that Keras has (keras.applications), with fresh random weights.

Their sizes and figures are those of the papers in the catalogue. MobileNet v3 is taken without the rescaling of the
image that Keras puts before it.
"""

from typing import Any, Final

from edgewatt.collectors.runtimes.zoo.building import Ask, Built, Input
from edgewatt.collectors.runtimes.zoo.keras_model import of_keras

_SIDE: Final = 224


def inception_v3(tf: Any, ask: Ask) -> Built:
    """InceptionV3 on 299 x 299."""
    return _classifier(tf, ask, "InceptionV3", 299)


def mobilenet_v1(tf: Any, ask: Ask) -> Built:
    """MobileNet of width 1."""
    return _classifier(tf, ask, "MobileNet", _SIDE)


def mobilenet_v2(tf: Any, ask: Ask) -> Built:
    """MobileNetV2 of width 1."""
    return _classifier(tf, ask, "MobileNetV2", _SIDE)


def mobilenet_v3(tf: Any, ask: Ask) -> Built:
    """MobileNetV3Large of width 1."""
    return _classifier(tf, ask, "MobileNetV3Large", _SIDE, include_preprocessing=False)


def resnet_50(tf: Any, ask: Ask) -> Built:
    """ResNet50, the first version."""
    return _classifier(tf, ask, "ResNet50", _SIDE)


def _classifier(tf: Any, ask: Ask, name: str, side: int, **more: Any) -> Built:
    keras = tf.keras
    image = Input("image", (ask.batch, side, side, 3))
    tensor = keras.Input(batch_shape=image.shape, name=image.name)
    model = getattr(keras.applications, name)(weights=None, classes=ask.classes, input_tensor=tensor, **more)
    return of_keras(model, [image], ask.seed)

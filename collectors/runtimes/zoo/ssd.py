"""SSD on MobileNet v1, v2 and v3: one set of boxes and scores per place of six maps, before suppression.

After the Object Detection API of TensorFlow (tensorflow/models, research/object_detection: samples/configs/
ssd_mobilenet_v1_coco.config and models/ssd_mobilenet_v{1,2,3}_feature_extractor.py, read for v1's predictor and v3's
maps; v2's are remembered). Six maps: two of the backbone, then four that are made by a 1x1 convolution to half the
depth and a 3x3 one of stride 2. Three boxes per place of the first map, six of the others (aspect ratios 1, 2, 1/2, 3,
1/3 and one between two scales). With v2 and v3 it is SSDLite (Sandler 2018, section 6.2): 3x3 convolutions of the head
are depthwise, then 1x1. 91 classes: the 90 of COCO and the background.
"""

from collections.abc import Mapping
from typing import Any, Final

from edgewatt.collectors.runtimes.zoo.building import Ask, Built, Input
from edgewatt.collectors.runtimes.zoo.keras_model import of_keras

_DEPTHS: Final = (512, 256, 256, 128)
_BOXES: Final = (3, 6, 6, 6, 6, 6)
_CORNERS: Final = 4
# Table 1 of Howard et al. 2017: the depth and the stride of each separable convolution.
_MOBILENET_V1: Final = (
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1),
)  # fmt: skip


def ssd_mobilenet_v1(tf: Any, ask: Ask) -> Built:
    """SSD on the 11th and 13th block of MobileNet v1 (Conv2d_11_pointwise, Conv2d_13_pointwise), 300 x 300."""
    image, start = _image(tf, ask, 300)
    head = _Head(tf.keras, lite=False)
    # Not that of Keras, which pads a side that stride 2 does not divide so that 300 ends in 9 and not in 10.
    maps, x = [], head.convolved(start, 32, 3, 2)
    for number, (depth, stride) in enumerate(_MOBILENET_V1, 1):
        x = head.convolved(head.spread(x, stride), depth, 1)
        if number in (11, 13):
            maps.append(x)
    return _ssd(tf, ask, image, start, maps, head)


def ssd_mobilenet_v2(tf: Any, ask: Ask) -> Built:
    """SSDLite on the expansion of layer 15 and on layer 19 of MobileNet v2, 320 x 320."""
    return _ssd_lite(tf, ask, "MobileNetV2", ("block_13_expand_relu", "out_relu"))


def ssd_mobilenet_v3(tf: Any, ask: Ask) -> Built:
    """SSDLite on the expansion of layer 14 and on layer 17 of MobileNet v3 large, 320 x 320."""
    maps = ("expanded_conv_12_expand", "conv_1")
    return _ssd_lite(tf, ask, "MobileNetV3Large", maps, include_preprocessing=False)


def _image(tf: Any, ask: Ask, side: int) -> tuple[Input, Any]:
    image = Input("image", (ask.batch, side, side, 3))
    return image, tf.keras.Input(batch_shape=image.shape, name=image.name)


def _ssd_lite(tf: Any, ask: Ask, name: str, places: tuple[str, str], **more: Any) -> Built:
    image, start = _image(tf, ask, 320)
    make = getattr(tf.keras.applications, name)
    backbone = make(weights=None, include_top=False, input_tensor=start, **more)
    maps = [_activated(backbone, place) for place in places]
    return _ssd(tf, ask, image, start, maps, _Head(tf.keras, lite=True))


def _ssd(tf: Any, ask: Ask, image: Input, start: Any, maps: list[Any], head: "_Head") -> Built:
    keras = tf.keras
    for depth in _DEPTHS:
        maps.append(head.halved(maps[-1], depth))
    boxes = [head.predicted(x, count, _CORNERS) for x, count in zip(maps, _BOXES, strict=True)]
    scores = [head.predicted(x, count, ask.classes) for x, count in zip(maps, _BOXES, strict=True)]
    join = keras.layers.Concatenate(axis=1)
    model = keras.Model(start, [join(boxes), keras.layers.Activation("sigmoid")(join(scores))])

    def call(image: Any) -> Mapping[str, Any]:
        boxes, scores = model(image, training=False)
        return {"boxes": boxes, "scores": scores}

    return of_keras(model, [image], ask.seed, call)


def _activated(backbone: Any, place: str) -> Any:
    """The map at a layer; for MobileNet v3, whose activations have no names of their own, after its convolution's."""
    names = [layer.name for layer in backbone.layers]
    if place.endswith("relu"):
        return backbone.get_layer(place).output
    at = names.index(place)
    following = [layer for layer in backbone.layers[at:] if type(layer).__name__ in ("Activation", "HardSwish")]
    return following[0].output


class _Head:
    """What is added to a backbone; with `lite`, 3x3 convolutions are depthwise, then 1x1."""

    def __init__(self, keras: Any, *, lite: bool) -> None:
        self.layers = keras.layers
        self.lite = lite

    def halved(self, x: Any, depth: int) -> Any:
        """The next map: half as large, `depth` channels."""
        x = self.convolved(x, depth // 2, 1)
        if self.lite:
            return self.convolved(self.spread(x, 2), depth, 1)
        return self.convolved(x, depth, 3, 2)

    def predicted(self, x: Any, boxes: int, size: int) -> Any:
        """`size` numbers of each box of each place, as batch x boxes x size."""
        x = self.spread(x, 1) if self.lite else x
        x = self.layers.Conv2D(boxes * size, 1)(x)
        return self.layers.Reshape((x.shape[1] * x.shape[2] * boxes, size))(x)

    def convolved(self, x: Any, filters: int, size: int, stride: int = 1) -> Any:
        """A convolution, its normalisation and ReLU6."""
        return self._normal(self.layers.Conv2D(filters, size, stride, padding="same", use_bias=False)(x))

    def spread(self, x: Any, stride: int) -> Any:
        """A depthwise convolution of 3x3, its normalisation and ReLU6."""
        return self._normal(self.layers.DepthwiseConv2D(3, stride, padding="same", use_bias=False)(x))

    def _normal(self, x: Any) -> Any:
        return self.layers.ReLU(6.0)(self.layers.BatchNormalization()(x))

"""The networks that can be made, and what their authors say of them. Nothing here needs TensorFlow.

Every figure is the paper's as remembered, unless it says otherwise; none is a target that the code is bent to.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

_BUILDERS: Final = "edgewatt.collectors.runtimes.zoo"


@dataclass(frozen=True, slots=True)
class Published:
    """What is published of a network: multiply-accumulates of one inference, parameters, and where."""

    macs: float | None
    parameters: float | None
    source: str


@dataclass(frozen=True, slots=True)
class Network:
    """One network: what it is, who builds it (`module:function`), and its published figures.

    `classes` is the default size of its output; `trains` says what its training signature trains, "" if it has none.
    """

    name: str
    title: str
    builder: str
    classes: int
    published: Published
    trains: str = ""

    def to_json(self) -> dict[str, Any]:
        """What `model make --list` says of it."""
        return {
            "name": self.name,
            "title": self.title,
            "classes": self.classes,
            "trains": self.trains or None,
            "published_macs": self.published.macs,
            "published_parameters": self.published.parameters,
            "published_in": self.published.source,
        }


_HEAD: Final = "its last layer; the others stay as they are"
_ALL: Sequence[Network] = (
    Network(
        "inception_v1",
        "Inception v1 (GoogLeNet) without its side outputs, 224 x 224",
        "inception_v1:inception_v1",
        1000,
        Published(1.5e9, 6.8e6, "Szegedy 2015, arXiv 1409.4842: budget in the text, parameters summed over table 1"),
        _HEAD,
    ),
    Network(
        "inception_v3",
        "Inception v3, 299 x 299",
        "keras_nets:inception_v3",
        1000,
        Published(5e9, 25e6, "Szegedy 2016, arXiv 1512.00567, abstract: 5 billion, less than 25 million"),
        _HEAD,
    ),
    Network(
        "mobilenet_v1",
        "MobileNet v1 1.0, 224 x 224",
        "keras_nets:mobilenet_v1",
        1000,
        Published(569e6, 4.2e6, "Howard 2017, arXiv 1704.04861, table 4"),
        _HEAD,
    ),
    Network(
        "mobilenet_v2",
        "MobileNet v2 1.0, 224 x 224",
        "keras_nets:mobilenet_v2",
        1000,
        Published(300e6, 3.4e6, "Sandler 2018, arXiv 1801.04381, table 4"),
        _HEAD,
    ),
    Network(
        "mobilenet_v3",
        "MobileNet v3 large 1.0, 224 x 224",
        "keras_nets:mobilenet_v3",
        1000,
        Published(219e6, 5.4e6, "Howard 2019, arXiv 1905.02244, table 3"),
        _HEAD,
    ),
    Network(
        "resnet_50",
        "ResNet 50, 224 x 224",
        "keras_nets:resnet_50",
        1000,
        Published(3.8e9, 25.6e6, "He 2016, arXiv 1512.03385, table 1; parameters: Keras' documentation"),
        _HEAD,
    ),
    Network(
        "ssd_mobilenet_v1",
        "SSD on MobileNet v1, 300 x 300, boxes before suppression",
        "ssd:ssd_mobilenet_v1",
        91,
        Published(1.2e9, 6.8e6, "Howard 2017, arXiv 1704.04861, table 13"),
    ),
    Network(
        "ssd_mobilenet_v2",
        "SSDLite on MobileNet v2, 320 x 320, boxes before suppression",
        "ssd:ssd_mobilenet_v2",
        91,
        Published(0.8e9, 4.3e6, "Sandler 2018, arXiv 1801.04381, table 6"),
    ),
    Network(
        "ssd_mobilenet_v3",
        "SSDLite on MobileNet v3 large, 320 x 320, boxes before suppression",
        "ssd:ssd_mobilenet_v3",
        91,
        Published(0.62e9, 4.97e6, "Howard 2019, arXiv 1905.02244, table 6, without the halved last layers"),
    ),
    Network(
        "mobilebert",
        "MobileBERT, 24 blocks, 128 tokens, two logits per token (the classes)",
        "mobilebert:mobilebert",
        2,
        Published(2.85e9, 25.3e6, "Sun 2020, arXiv 2004.02984, table 4: 5.7 GFLOPs at 128 tokens, halved"),
    ),
    Network(
        "cnn_mnist",
        "two convolutions and two layers, 28 x 28 digits",
        "cnn_mnist:cnn_mnist",
        10,
        Published(None, 1663370, "McMahan 2017, arXiv 1602.05629, section 3"),
        "all of it",
    ),
    Network(
        "lstm_shakespeare",
        "two LSTM of 256 units, the next of 80 characters after 80",
        "lstm_shakespeare:lstm_shakespeare",
        80,
        Published(None, None, "Caldas 2018 (LEAF), arXiv 1812.01097; no figures there"),
    ),
)
NETWORKS: Final[Mapping[str, Network]] = {network.name: network for network in _ALL}
# AutoFL trains "MobileNet" on ImageNet and gives no version; the first is taken.
ALIASES: Final[Mapping[str, str]] = {"mobilenet": "mobilenet_v1"}


def builder_module(network: Network) -> tuple[str, str]:
    """The module and the function that build it."""
    module, _, function = network.builder.partition(":")
    return f"{_BUILDERS}.{module}", function

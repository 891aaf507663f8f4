"""One network as a file: built by its module, converted, and marked as what it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Final

from edgewatt.collectors.runtimes.model_summary.layers import PREFIX
from edgewatt.collectors.runtimes.zoo.building import Ask, Built
from edgewatt.collectors.runtimes.zoo.catalogue import ALIASES, NETWORKS, Network, builder_module
from edgewatt.collectors.runtimes.zoo.conversion import Precision, converted
from edgewatt.collectors.runtimes.zoo.description import described
from edgewatt.collectors.runtimes.zoo.tensorflow_here import load_tensorflow
from edgewatt.profiler.errors import UsageError

PRECISIONS: Final[Sequence[Precision]] = ("fp32", "fp16", "int8")
_ALL: Final = "all of it"


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be made. `classes` None: as many as the network has by default."""

    name: str
    precision: Precision = "fp32"
    seed: int = 0
    classes: int | None = None
    batch: int = 1
    training: bool = False


@dataclass(frozen=True, slots=True)
class Made:
    """A file's content, and the versions that its bytes depend on besides the order."""

    content: bytes
    description: str
    versions: str


def network_named(name: str) -> Network:
    """The network of a name or an alias. Raises UsageError with all names."""
    found = NETWORKS.get(ALIASES.get(name, name))
    if found is None:
        raise UsageError(f"no network is called '{name}'; there are {', '.join([*NETWORKS, *ALIASES])}")
    return found


def check(order: Order) -> Network:
    """The network of an order. Raises UsageError if it cannot be made as it is asked for."""
    network = network_named(order.name)
    if order.training and not network.trains:
        able = ", ".join(one.name for one in NETWORKS.values() if one.trains)
        raise UsageError(f"{network.name} has no training signature; there is one for {able}")
    if order.training and order.precision != "fp32":
        raise UsageError(f"a training signature computes in fp32; {order.precision} was asked for")
    return network


def make(order: Order) -> Made:
    """The network as a .tflite file: the same bytes for the same order with the same versions.

    Raises UsageError if it cannot be made so, or TensorFlow is not there.
    """
    network = check(order)
    tf = load_tensorflow()
    tf.keras.backend.clear_session()  # Keras numbers its layers through, and their names are in the file
    ask = Ask(order.seed, order.classes or network.classes, order.batch)
    content = converted(tf, _built(tf, network, ask, training=order.training), order.precision, order.seed)
    versions = f"tensorflow {tf.__version__}, keras {tf.keras.__version__}"
    how = f"trains {network.trains}" if order.training else order.precision
    description = (
        f"{PREFIX}{network.name}; {how}; {ask.classes} classes; batch {ask.batch}; seed {ask.seed}; {versions}; "
        "random weights: accuracy means nothing"
    )
    return Made(described(content, description), description, versions)


def _built(tf: object, network: Network, ask: Ask, *, training: bool) -> Built:
    module, function = builder_module(network)
    if not training:
        built: Built = getattr(import_module(module), function)(tf, ask)
        return built
    trainers = import_module("edgewatt.collectors.runtimes.zoo.training")
    if network.trains == _ALL:
        built = trainers.train_cnn(tf, ask)
    else:
        built = trainers.train_head(tf, ask, getattr(import_module(module), function)(tf, ask))
    return built

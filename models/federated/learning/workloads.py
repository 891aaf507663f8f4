"""Workloads by name: which data, which network, which learning rate. Three need no download, five a user's folder."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from edgewatt.models.federated.learning.cifar import cifar100
from edgewatt.models.federated.learning.data import Data
from edgewatt.models.federated.learning.digits import digits
from edgewatt.models.federated.learning.flair import flair
from edgewatt.models.federated.learning.learner import TorchLearner
from edgewatt.models.federated.learning.methods import FEDAVG, Method
from edgewatt.models.federated.learning.mnist import mnist
from edgewatt.models.federated.learning.networks import Network, character_lstm, cnn, mobilenet, refuse_without_torch
from edgewatt.models.federated.learning.partition import Split, by_owner, parted
from edgewatt.models.federated.learning.phones import phones
from edgewatt.models.federated.learning.shakespeare import shakespeare
from edgewatt.models.federated.learning.texts import texts
from edgewatt.models.scheduling.constants import constants_of, no_such
from edgewatt.profiler.errors import UsageError


@dataclass(frozen=True, slots=True)
class Workload:
    """`data` of a folder (which is None where none is needed), and the network for them; `needs` says of what."""

    data: Callable[[Any], Data]
    network: Callable[[Data], Network]
    needs: str = ""


def _cnn(data: Data) -> Network:
    return cnn(data.inputs.shape[1], data.inputs.shape[2], data.classes_n)


def _mobilenet(data: Data) -> Network:
    return mobilenet(data.inputs.shape[1], data.classes_n)


def _lstm(data: Data) -> Network:
    return character_lstm(data.classes_n)


WORKLOADS: Final[Mapping[str, Workload]] = {
    "digits": Workload(lambda _: digits(), _cnn),
    # The third of AutoFL's networks on data that are at hand: ImageNet's are not.
    "digits_mobilenet": Workload(lambda _: digits(channels=3, scale=2), _mobilenet),
    "characters": Workload(lambda _: texts(), _lstm),
    "mnist": Workload(mnist, _cnn, "MNIST's four IDX files, gzipped or not"),
    "shakespeare": Workload(shakespeare, _lstm, "LEAF's Shakespeare: train/*.json and test/*.json"),
    "cifar100": Workload(cifar100, _mobilenet, "CIFAR-100's binary version: train.bin and test.bin"),
    "flair": Workload(flair, _mobilenet, "FLAIR: labels_and_metadata.json and small_images/"),
    "phones": Workload(phones, _mobilenet, "HeteroSwitch's photographs: DEVICE/CLASS/*.jpg"),
}


def learner_of(
    name: str,
    how: Split,
    method: str = FEDAVG,
    folder: Path | None = None,
) -> TorchLearner:
    """The learner of a workload on `how.devices_n` devices, seeded by `how.seed`.

    Data that say who took or wrote them (Shakespeare, FLAIR, phones) are split by that; a share of non-IID devices
    cannot be asked of them. Raises UsageError for what is unknown, missing, or no such data.
    """
    if name not in WORKLOADS:
        raise no_such("workload", name, list(WORKLOADS))
    of = WORKLOADS[name]
    if of.needs and folder is None:
        raise UsageError(f"workload {name} is read from a folder of yours, and none was named; expected {of.needs}")
    if not of.needs and folder is not None:
        raise UsageError(f"workload {name} comes with its libraries and takes no folder; {folder} was named")
    refuse_without_torch()
    rate = float(constants_of("../federated/learning")[f"rate.{name}"])
    parts_method = Method(method, how.devices_n, rate)
    data = of.data(folder)
    if data.owners is None:
        parts = parted(data.targets, how)
    elif how.share_percent or how.each is not None:
        raise UsageError(
            f"workload {name}: its samples have owners, and a device holds those of one; "
            "leave out the share of non-IID devices and the samples of each"
        )
    else:
        parts = by_owner(data.owners, how.devices_n, data.targets)
    return TorchLearner(of.network(data), data, parts, parts_method, how.seed, rate)

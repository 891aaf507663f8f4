"""The fleet and what its cameras took: pictures on each device, and held-back pictures of each device type."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.federated.heteroswitch.isp import Bytes, Isp, developed
from edgewatt.models.federated.heteroswitch.network import strided
from edgewatt.models.federated.heteroswitch.scenes import Scenes
from edgewatt.models.federated.learning.data import Data
from edgewatt.models.federated.learning.networks import Network, mobilenet
from edgewatt.models.federated.learning.partition import Parts, ratios
from edgewatt.models.federated.round import Ints
from edgewatt.profiler.errors import UsageError

# What a number says of itself, by the weakest of what its cameras rest on.
_WORDS: Final = {
    "measured": "simulated on measured rows and assumed constants",
    "simulated": "simulated on simulated rows and assumed constants",
    "published": "simulated on published/assumed constants",
    "assumed": "simulated on published/assumed constants",
}
TAKEN: Final = "simulated on measured pictures and remembered settings"


@dataclass(frozen=True, slots=True)
class Fleet:
    """How many devices there are, pictures on each, and how often each held-back scene is photographed."""

    devices: int
    each: int
    times: int


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """N devices: `type_of` (N,) indexes `types`; `parts` says what of `data` each holds; `held_owners` are types.

    `basis`: in words, what pictures rest on.
    """

    types: tuple[str, ...]
    type_of: Ints
    data: Data
    parts: Parts
    network: Network
    basis: str


def photographed(isps: Sequence[Isp], scenes: Scenes, fleet: Fleet, seed: int) -> World:
    """Scenes through each camera.

    Devices draw their scenes from the same ones (as all phones of the paper took one monitor); strokes have colours and
    light of their own on each. What is held back is alike for every camera. The same for the same arguments. Raises
    UsageError as its parts do.
    """
    data = scenes.data
    rng = np.random.default_rng([seed, 0x4E75])
    type_of = shared_out([isp.share for isp in isps], fleet.devices, rng)
    test = np.tile(np.arange(len(data.held_inputs)), fleet.times)
    light = scenes.of(test, rng, held=True)
    held = [developed(light, isp, rng) for isp in isps]
    mine = rng.integers(len(data.inputs), size=(fleet.devices, fleet.each))
    taken = [
        developed(scenes.of(rows, rng, held=False), isps[kind], rng) for rows, kind in zip(mine, type_of, strict=True)
    ]
    targets = data.targets[mine.ravel()]
    made = Data(
        data.source,
        _channels_first(taken),
        targets,
        _channels_first(held),
        np.concatenate([data.held_targets[test]] * len(isps)),
        data.classes_n,
        owners=np.repeat(np.arange(fleet.devices), fleet.each),
        held_owners=np.repeat(np.arange(len(isps)), len(test)),
    )
    rows = tuple(np.arange(fleet.devices * fleet.each).reshape(fleet.devices, fleet.each))
    basis = _WORDS[max((isp.basis for isp in isps), key=list(_WORDS).index)]
    network = network_of(made, strokes=scenes.are_strokes)
    return World(tuple(isp.name for isp in isps), type_of, made, _parts(made, rows), network, basis)


def as_taken(data: Data, shares: Sequence[float], fleet: Fleet, seed: int) -> World:
    """Pictures that real cameras took: owners are device types, and a device draws from those of its type.

    Raises UsageError where a type has no picture to train on, or none that is held back.
    """
    if data.owners is None or data.held_owners is None:
        raise UsageError(f"{data.source}: it does not say which device took a picture")
    types = tuple(data.owner_names)
    rng = np.random.default_rng([seed, 0x4E75])
    type_of = shared_out(shares, fleet.devices, rng)
    for k, name in enumerate(types):
        if not (data.owners == k).any() or not (data.held_owners == k).any():
            raise UsageError(
                f"{data.source}: {name} has too few pictures: some to train on and some to hold back are needed"
            )
    of_type = [np.flatnonzero(data.owners == k) for k in range(len(types))]
    rows = tuple(np.sort(rng.choice(of_type[k], min(fleet.each, len(of_type[k])), replace=False)) for k in type_of)
    return World(types, type_of, data, _parts(data, rows), network_of(data, strokes=False), TAKEN)


def shared_out(shares: Sequence[float], devices: int, rng: np.random.Generator) -> Ints:
    """The type of each device (N,), by market share: largest remainders, at least one each, in random order.

    Raises UsageError for fewer devices than types, or shares that are none.
    """
    weights = np.asarray(shares, float)
    if devices < len(weights):
        raise UsageError(f"{devices} devices cannot be of {len(weights)} types: each needs one at least")
    if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.sum() > 0):
        raise UsageError(
            f"shares of a market: {', '.join(f'{share:g}' for share in weights)}: expected numbers above 0"
        )
    due = weights / weights.sum() * (devices - len(weights))
    counts = 1 + due.astype(int)
    for k in np.argsort(-(due % 1), kind="stable")[: devices - int(counts.sum())]:
        counts[k] += 1
    return rng.permutation(np.repeat(np.arange(len(weights)), counts))


def network_of(data: Data, *, strokes: bool) -> Network:
    """The small network for strokes, the MobileNet of the learning room for pictures."""
    channels, side = data.inputs.shape[1:3]
    return strided(side, data.classes_n) if strokes else mobilenet(channels, data.classes_n)


def _channels_first(pictures: Sequence[Bytes]) -> NDArray[Any]:
    return np.ascontiguousarray(np.concatenate(pictures).transpose(0, 3, 1, 2))


def _parts(data: Data, rows: tuple[Ints, ...]) -> Parts:
    return Parts(rows, ratios(data.targets, rows), np.zeros(len(rows), bool))

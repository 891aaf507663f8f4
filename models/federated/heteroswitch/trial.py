"""One run: a method trains one model on a world, round by round."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from edgewatt.models.federated.heteroswitch.hook import FIRST, SECOND, Switching
from edgewatt.models.federated.heteroswitch.methods import Method, Setup
from edgewatt.models.federated.heteroswitch.world import World
from edgewatt.models.federated.learning import methods as learning
from edgewatt.models.federated.learning.learner import TorchLearner
from edgewatt.models.federated.round import Floats, Ints, Update, Weights
from edgewatt.profiler.errors import UsageError

_CURVE_POINTS: Final = 5


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """`of_types` (types,): accuracy (or averaged precision) in percent, the mean over the last rounds.

    `log`: a row per round and participant; `curve`: the mean over types after some rounds, in percent.
    """

    method: str
    seed: int
    left_out: str
    types: tuple[str, ...]
    of_types: Floats
    curve: tuple[tuple[int, float], ...]
    log: tuple[dict[str, Any], ...]

    @property
    def mean(self) -> float:
        """Over device types, in percent."""
        return float(self.of_types.mean())

    @property
    def worst(self) -> float:
        """Of the worst device type, in percent."""
        return float(self.of_types.min())

    @property
    def variance(self) -> float:
        """Over device types, in squared points."""
        return float(self.of_types.var())

    @property
    def of_left_out(self) -> float:
        """Of the type that did not take part, in percent."""
        return float(self.of_types[self.types.index(self.left_out)])

    def share_of(self, switch: str) -> float:
        """The share of updates with which a switch was on."""
        return float(np.mean([row[switch] for row in self.log if row["taken"]] or [0.0]))

    @property
    def refused(self) -> int:
        """Updates that were not taken."""
        return sum(not row["taken"] for row in self.log)


def tried(world: World, method: Method, setup: Setup, seed: int, left_out: int | None = None) -> Trial:
    """The same for the same arguments. `left_out`: a device type that takes no part, and is looked at all the same.

    Participants and the order of their pictures are the same for every method. Raises UsageError for more
    participants than there are devices.
    """
    able = np.flatnonzero(world.type_of != left_out) if left_out is not None else np.arange(len(world.type_of))
    if setup.participants > len(able):
        raise UsageError(f"{setup.participants} participants a round, and {len(able)} devices can take part")
    hooks = Switching(method, setup)
    learner = learner_with(hooks, world, seed, len(able))
    weights = learner.first()
    log: list[dict[str, Any]] = []
    ends, curve = [], []
    every = max(setup.rounds // _CURVE_POINTS, 1)
    ones = np.ones(setup.participants, np.int64)
    for number in range(1, setup.rounds + 1):
        devices = np.sort(np.random.default_rng([seed, number]).choice(able, setup.participants, replace=False))
        updates = learner.train_many(weights, devices, ones * setup.batch, ones * setup.epochs, number)
        why = [learner.refusal(update, weights) for update in updates]
        log += _rows(world, number, devices, updates, why, hooks.loss_ema)
        weights = learner.aggregate(weights, updates)
        is_last = number > setup.rounds - setup.measured_rounds
        if is_last or number % every == 0:
            now = _served(learner, weights, world)
            ends += [now] if is_last else []
            curve.append((number, float(now.mean())))
    name = "" if left_out is None else world.types[left_out]
    return Trial(method.name, seed, name, world.types, np.mean(ends, 0), tuple(curve), tuple(log))


def learner_with(hooks: Switching, world: World, seed: int, devices_n: int) -> TorchLearner:
    """A learner on the devices of a world, of which `devices_n` may take part; for any engine."""
    method, setup = hooks.method, hooks.setup
    learnt_by = learning.Method(
        method.learnt_by, devices_n, setup.rate, mu=setup.mu, q=setup.q, server_rate=setup.server_rate
    )
    return TorchLearner(world.network, world.data, world.parts, learnt_by, seed, setup.rate, hooks)


def _served(learner: TorchLearner, weights: Weights, world: World) -> Floats:
    """By the global model, each type in percent (types,)."""
    data = world.data
    of_types = [data.held_owners == k for k in range(len(world.types))]
    return np.array(
        [learner.accuracy_of(weights, data.held_inputs[rows], data.held_targets[rows]) for rows in of_types]
    )


def _rows(
    world: World,
    number: int,
    devices: Ints,
    updates: Sequence[Update],
    why: Sequence[str | None],
    loss_ema: float | None,
) -> list[dict[str, Any]]:
    return [
        {
            "round": number,
            "client": int(device),
            "device_type": world.types[world.type_of[device]],
            "loss_before": update.loss_before,
            "loss": update.loss,
            "loss_ema": loss_ema,
            FIRST: update.more[FIRST],
            SECOND: update.more[SECOND],
            "samples_n": update.samples_n,
            "taken": bad is None,
            "why_not": bad,
        }
        for device, update, bad in zip(devices, updates, why, strict=True)
    ]

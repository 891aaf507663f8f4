"""Flower's grid without its simulation: messages are answered in this process, by the real ClientApp, in any order."""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgewatt.models.federated.engines.loop import Keeping, Played, Playing, Run
from edgewatt.models.federated.engines.opening import Data, Setup
from edgewatt.models.federated.engines.rules import Rules
from edgewatt.models.federated.heteroswitch.hook import Switching
from edgewatt.models.federated.heteroswitch.methods import HETEROSWITCH, setup_of
from edgewatt.models.federated.heteroswitch.network import strided
from edgewatt.models.federated.heteroswitch.trial import learner_with
from edgewatt.models.federated.heteroswitch.world import Fleet, as_taken
from edgewatt.models.federated.learning.aggregation import fedavg
from edgewatt.models.federated.learning.data import Data as Samples
from edgewatt.models.federated.learning.learner import TorchLearner
from edgewatt.models.federated.learning.partition import Split
from edgewatt.models.federated.learning.workloads import learner_of
from edgewatt.models.federated.round import Choice, Conditions, Outcome, Policy, Seen, Update, Weights
from edgewatt.models.scheduling.constants import Draw, constants_of
from tests.federated_policies_fleet import TinyFleet

DEVICES_N, LOST, IN_ROUND = 20, 5, 1
# What comes in place of a reply: the reply itself, an error, something else, or nothing (None).
Answer = Callable[[Any, Any], Any]


def as_it_is(_message: Any, reply: Any) -> Any:
    return reply


@dataclass
class Here:
    """Nodes with random numbers. `answer` may change replies; `sent` and `came` keep what travelled in training."""

    app: Any
    devices_n: int
    answer: Answer = as_it_is
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(1))
    asked: list[int] = field(default_factory=list)
    sent: list[list[Any]] = field(default_factory=list)
    came: list[list[Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.device_of = {int(node): k for k, node in enumerate(self.rng.permutation(10_000)[: self.devices_n] + 1)}

    def get_node_ids(self) -> list[int]:
        return [int(of) for of in self.rng.permutation(list(self.device_of))]

    def send_and_receive(self, messages: Iterable[Any], *, timeout: float) -> list[Any]:
        from flwr.app import Context, RecordDict  # noqa: PLC0415

        assert timeout > 0
        replies, sent = [], list(messages)
        for message in sent:
            # As the real grid does: a reply has to say what it answers.
            message.metadata.__dict__["_message_id"] = str(self.rng.integers(1 << 40))
            device = self.device_of[message.metadata.dst_node_id]
            context = Context(1, message.metadata.dst_node_id, {"partition-id": device}, RecordDict(), {})
            reply = self.answer(message, self.app(message, context))
            replies += [] if reply is None else [reply]
        if sent and sent[0].metadata.message_type == "query":
            self.asked.append(len(sent))
        elif sent:
            self.sent.append(sent)
            self.came.append(replies)
        return [replies[k] for k in self.rng.permutation(len(replies))]


@dataclass
class Numbers:
    """A learner without PyTorch; training LOST in its round raises `fault`."""

    fault: Exception | None = None

    def __post_init__(self) -> None:
        self.samples_n, self.classes_ratio = np.full(DEVICES_N, 10), np.ones(DEVICES_N)

    def first(self) -> Weights:
        return {"w": np.zeros(3, np.float32)}

    def train(self, weights: Weights, device: int, batch: int, epochs: int, number: int) -> Update:
        if self.fault is not None and (device, number) == (LOST, IN_ROUND):
            raise self.fault
        drawn = np.random.default_rng([device, number, batch, epochs]).random(3).astype(np.float32)
        return Update({"w": weights["w"] + drawn}, 2.0, 1.0, 10, 3)

    def aggregate(self, weights: Weights, updates: Sequence[Update]) -> Weights:  # noqa: ARG002
        return fedavg(updates)

    def accuracy_percent(self, weights: Weights) -> float:
        return float(weights["w"].sum())


def numbers(fault: Exception | None = None) -> Setup:
    learner = Numbers(fault)
    return replace(setup(), data=Data(learner.samples_n, learner.classes_ratio), learner=learner)


@dataclass
class PlayedHere:
    """A run under Flower's strategy, and the grid that it was played over."""

    run: Run
    grid: Here


def play_here(
    policy: Policy,
    of: Setup,
    rounds_n: int,
    folder: Path,
    answer: Answer = as_it_is,
    keeping: Keeping | None = None,
    watch: Callable[[Played], None] = lambda _played: None,
) -> PlayedHere:
    """What engines/flower.py does, but for the processes."""
    from edgewatt.models.federated.engines.flower_client import client_app, write_learner  # noqa: PLC0415
    from edgewatt.models.federated.engines.flower_records import record_of  # noqa: PLC0415
    from edgewatt.models.federated.engines.flower_strategy import PolicyStrategy  # noqa: PLC0415

    assert of.learner is not None
    write_learner(folder / "learner", of.learner)
    playing = Playing(policy, of, rounds_n, keeping, watch)
    strategy = PolicyStrategy(playing, of.learner, 60.0)
    grid = Here(client_app(folder / "learner", 60.0), len(of.fleet.kind_of), answer)
    strategy.start(
        grid,
        record_of(playing.weights),
        num_rounds=rounds_n - len(playing.rounds),
        timeout=60.0,
        evaluate_fn=strategy.evaluated,
    )
    return PlayedHere(playing.run(), grid)


@cache
def digits(method: str = "fedavg") -> TorchLearner:
    return learner_of("digits", Split(DEVICES_N, 50.0, 7, 20), method)


def setup(method: str = "fedavg", fleet: TinyFleet | None = None) -> Setup:
    learner = replace(digits(method), method=replace(digits(method).method, of_all=None, own={}))
    data = Data(learner.samples_n, learner.classes_ratio)
    return Setup(fleet or TinyFleet(), learner.job(8, 1, 4), data, learner, Rules(1.5, 60.0))


@dataclass
class Drawing:
    """Four devices, LOST among them in its round, with settings of their own; draws otherwise after what it heard."""

    name: str = "drawing"
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(4))

    def choose(self, seen: Seen) -> Choice:
        devices = self.rng.permutation(DEVICES_N)[:4]
        if seen.number == IN_ROUND:
            devices = np.array([19, LOST, 2, 11])
        return Choice(devices, np.zeros(4, np.int64), self.rng.choice([4, 8], 4), self.rng.integers(1, 3, 4))

    def learn(self, seen: Seen, choice: Choice, outcome: Outcome) -> None:  # noqa: ARG002
        self.rng.random(int(outcome.accuracy_percent * 1e6) % 7)


class Quiet(TinyFleet):
    """LOST does not answer in its round."""

    def conditions(self, number: int) -> Conditions:
        around = super().conditions(number)
        here = np.ones(DEVICES_N, bool)
        here[LOST] = number != IN_ROUND
        return replace(around, available=here)


class Switched(TorchLearner):
    """HeteroSwitch's. `heard`: what devices sent beside weights, by round; `deadly`: LOST in its round is."""

    deadly = False
    heard: list[list[dict[str, Any]]]

    def train(self, weights: Weights, device: int, batch: int, epochs: int, number: int) -> Update:
        if self.deadly and (device, number) == (LOST, IN_ROUND):
            os._exit(3)
        return super().train(weights, device, batch, epochs, number)

    def aggregate(self, weights: Weights, updates: Sequence[Update]) -> Weights:
        self.heard.append([dict(update.more) for update in updates])
        return super().aggregate(weights, updates)


def switched(fleet: TinyFleet, *, deadly: bool = False) -> tuple[Setup, Switched]:
    """HeteroSwitch on small pictures of noise, a device type for each half of the devices."""
    rng = np.random.default_rng(5)
    pictures, targets = rng.integers(0, 256, (200, 3, 8, 8)).astype(np.uint8), rng.integers(0, 2, 200)
    owners = np.arange(200) % 2
    data = Samples("noise", pictures, targets, pictures[:40], targets[:40], 2, owners, owners[:40], ("a", "b"))
    world = replace(as_taken(data, (1, 1), Fleet(DEVICES_N, 10, 1), 7), network=strided(8, 2))
    hooks = Switching(HETEROSWITCH, setup_of(constants_of("../federated/heteroswitch"), Draw(), "reduced"))
    plain = learner_with(hooks, world, 7, DEVICES_N)
    learner = Switched(**{of.name: getattr(plain, of.name) for of in fields(plain)})
    learner.deadly, learner.heard = deadly, []
    held = Data(learner.samples_n, learner.classes_ratio)
    return Setup(fleet, learner.job(8, 1, 4), held, learner, Rules(1.5, 60.0)), learner


def same(ours: Run, theirs: Run) -> None:
    for one, other in zip(ours.rounds, theirs.rounds, strict=True):
        for name in ("devices", "target", "batch", "epochs"):
            assert np.array_equal(getattr(one.choice, name), getattr(other.choice, name))
        for name in ("replied", "seconds", "joules", "idle_j", "fleet_j", "round_s"):
            assert np.array_equal(getattr(one.outcome, name), getattr(other.outcome, name))
        assert one.outcome.trouble == other.outcome.trouble
        assert one.outcome.accuracy_percent == pytest.approx(other.outcome.accuracy_percent)
        assert np.allclose(one.outcome.loss, other.outcome.loss, equal_nan=True)
    assert ours.ledger.by_cause() == theirs.ledger.by_cause()
    assert all(np.allclose(of, theirs.weights[name], atol=1e-6) for name, of in ours.weights.items())

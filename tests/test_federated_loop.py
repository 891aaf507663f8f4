"""The loop: a round's time and joules, wrong choices, silent devices, bad updates; going on where it was broken off."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgewatt.models.federated.engines.checkpoint import Kept, read_checkpoint, write_checkpoint
from edgewatt.models.federated.engines.loop import Keeping, Run, play
from edgewatt.models.federated.engines.opening import Data, Setup
from edgewatt.models.federated.engines.rules import Rules
from edgewatt.models.federated.round import (
    HIGH,
    LOW,
    Choice,
    Conditions,
    Costs,
    Floats,
    Ints,
    Job,
    Kind,
    Outcome,
    Seen,
    Target,
    Update,
    Weights,
)
from edgewatt.profiler.errors import EdgewattError, UsageError

KINDS = (
    Kind("fast", HIGH, (Target("cpu", "cpu", 2e9), Target("gpu", "gpu", 7e8))),
    Kind("slow", LOW, (Target("cpu", "cpu", 1e9),)),
)
RULES = Rules(deadline_ratio=2.0, empty_s=60.0)
JOB = Job("cnn", 2, 1, 0, 1000, batch=4, epochs=1, participants=2)


@dataclass(frozen=True)
class Six:
    """A fleet of two fast and four slow devices: 1 s and 3 s of computing at 4 and 2 W, 0.5 s of sending at 1 W."""

    silent: tuple[int, ...] = ()
    largest: int = 64
    kinds: Sequence[Kind] = KINDS
    kind_of: Ints = field(default_factory=lambda: np.array([0, 0, 1, 1, 1, 1]))

    def conditions(self, number: int) -> Conditions:
        here = np.ones(6, np.bool_)
        here[list(self.silent)] = False
        co = np.random.default_rng([7, number]).random(6)
        return Conditions(co, co, np.full(6, 2000.0), here, np.ones(6))

    def costs(self, job: Job, choice: Choice, samples_n: Ints, conditions: Conditions) -> Costs:  # noqa: ARG002
        slow = self.kind_of[choice.devices]
        fits = choice.batch <= self.largest
        seconds: Floats = np.where(fits, np.where(slow == 1, 3.0, 1.0) * choice.epochs, 0.0)
        send: Floats = np.where(fits, 0.5, 0.0)
        return Costs(seconds, send, seconds * np.where(slow == 1, 2.0, 4.0), send * 1.0, fits)

    def idle_w(self) -> Floats:
        return np.full(6, 0.1)


@dataclass
class Told:
    """A policy that chooses what it is told, on the first target; it keeps what it heard."""

    devices: Sequence[int] = (0, 2)
    target: int = 0
    batch: int = 4
    name: str = "told"
    heard: list[Outcome] = field(default_factory=list)

    def choose(self, seen: Seen) -> Choice:  # noqa: ARG002
        same = np.ones(len(self.devices), np.int64)
        return Choice(np.array(self.devices, np.int64), same * self.target, same * self.batch, same)

    def learn(self, seen: Seen, choice: Choice, outcome: Outcome) -> None:  # noqa: ARG002
        self.heard.append(outcome)


@dataclass
class Drawing(Told):
    """A policy that draws, and draws otherwise after what it heard."""

    seed: int = 0

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)

    def choose(self, seen: Seen) -> Choice:
        self.devices = self.rng.permutation(6)[:2].tolist()
        return super().choose(seen)

    def learn(self, seen: Seen, choice: Choice, outcome: Outcome) -> None:
        super().learn(seen, choice, outcome)
        self.rng.random(int(outcome.accuracy_percent * 1e6) % 7)


@dataclass
class Adding:
    """A learner whose only weight grows by what a device draws; `odd` devices send what is no update, or raise."""

    odd: dict[int, Any] = field(default_factory=dict)
    samples_n: Ints = field(default_factory=lambda: np.full(6, 10))
    classes_ratio: Floats = field(default_factory=lambda: np.ones(6))
    asked: int = 0

    def first(self) -> Weights:
        return {"w": np.zeros(3, np.float32)}

    def train(self, weights: Weights, device: int, batch: int, epochs: int, number: int) -> Update:  # noqa: ARG002
        self.asked += 1
        if isinstance(fault := self.odd.get(device), BaseException):
            raise fault
        drawn = np.random.default_rng([device, number]).random(3).astype(np.float32)
        return Update({"w": self.odd.get(device, weights["w"] + drawn)}, 2.0, 1.0, 10, 3)

    def aggregate(self, weights: Weights, updates: Sequence[Update]) -> Weights:  # noqa: ARG002
        return {"w": np.mean([of.weights["w"] for of in updates], axis=0)}

    def accuracy_percent(self, weights: Weights) -> float:
        return float(weights["w"].sum())


class Many(Adding):
    """It trains all at once, and is asked once for that."""

    def train_many(self, weights: Weights, devices: Ints, batches: Ints, epochs: Ints, number: int) -> list[Update]:
        each = list(zip(devices.tolist(), batches.tolist(), epochs.tolist(), strict=True))
        found = [self.train(weights, *of, number) for of in each]
        self.asked += 1 - len(found)
        return found


def setup(fleet: Six | None = None, learner: Adding | None = None, job: Job = JOB) -> Setup:
    data = Data(np.full(6, 10), np.ones(6))
    return Setup(fleet or Six(), job, data, learner, RULES)


def same(first: Run, second: Run) -> None:
    assert [of.outcome.accuracy_percent for of in first.rounds] == [of.outcome.accuracy_percent for of in second.rounds]
    assert [of.choice.devices.tolist() for of in first.rounds] == [of.choice.devices.tolist() for of in second.rounds]
    assert [of.outcome.fleet_j for of in first.rounds] == [of.outcome.fleet_j for of in second.rounds]
    assert first.ledger.by_cause() == second.ledger.by_cause()
    assert first.clock_s.tolist() == second.clock_s.tolist()
    assert all(np.array_equal(of, second.weights[name]) for name, of in first.weights.items())


def test_a_round_ends_with_its_last_reply_and_every_joule_has_a_cause() -> None:
    run = play(Told(), setup(), 2)
    outcome = run.rounds[0].outcome
    assert outcome.round_s == 3.5
    assert outcome.seconds.tolist() == [1.5, 3.5]
    assert outcome.joules.tolist() == [4.5, 6.5]
    assert outcome.idle_j == pytest.approx(4 * 0.1 * 3.5)
    assert outcome.fleet_j == pytest.approx(11 + 0.1 * 2.0 + 1.4)
    assert run.clock_s.tolist() == [3.5, 7.0]
    assert run.ledger.total_j() == pytest.approx(sum(of.outcome.fleet_j for of in run.rounds))
    assert outcome.accuracy_percent == 0.0
    unbilled = play(Told(), replace(setup(), rules=replace(RULES, bills_waiting=False)), 1)
    assert unbilled.rounds[0].outcome.fleet_j == pytest.approx(11 + 1.4)


def test_a_silent_device_wastes_what_it_computed_and_is_waited_for_until_the_deadline() -> None:
    run = play(Told(), setup(Six(silent=(2,)), Adding()), 1)
    outcome = run.rounds[0].outcome
    assert outcome.replied.tolist() == [True, False]
    assert outcome.trouble == {1: "does not answer"}
    assert outcome.round_s == 2 * 3.5
    assert outcome.joules.tolist() == [4.5, 6.0]
    assert run.ledger.by_cause()["wasted"] == 6.0
    assert np.isnan(outcome.loss).tolist() == [False, True]


def test_bad_updates_are_refused_and_the_round_goes_on_without_them() -> None:
    odd = {0: np.array([1, np.nan, 1], np.float32), 2: np.zeros(4, np.float32)}
    run = play(Told((0, 2, 3)), setup(learner=Adding(odd), job=replace(JOB, participants=3)), 1)
    outcome = run.rounds[0].outcome
    assert outcome.replied.tolist() == [False, False, True]
    assert "not finite" in outcome.trouble[0]
    assert "shape" in outcome.trouble[1]
    assert run.ledger.by_cause()["wasted"] == 4.5 + 6.5
    alone = np.random.default_rng([3, 0]).random(3).astype(np.float32)
    assert np.array_equal(run.weights["w"], alone)
    nobody = play(Told((0, 2)), setup(learner=Adding(odd)), 1)
    assert nobody.weights["w"].tolist() == [0, 0, 0]


@pytest.mark.parametrize("made", [Adding, Many])
def test_a_device_that_raises_costs_its_reply_alone(made: type[Adding]) -> None:
    job = replace(JOB, participants=3)
    learner = made({2: RuntimeError("out of \x1b[31m" + "memory" * 50)})
    run = play(Told((0, 2, 3)), setup(learner=learner, job=job), 1)
    outcome = run.rounds[0].outcome
    assert outcome.replied.tolist() == [True, False, True]
    assert list(outcome.trouble) == [1]
    assert outcome.trouble[1].startswith("its training failed: 'RuntimeError: out of \\x1b[31mmemory")
    assert len(outcome.trouble[1]) < 120
    assert run.ledger.by_cause()["wasted"] == 6.5
    # Who trains together is found out one by one: two of the three before the fault, then each of them.
    assert learner.asked == {Adding: 3, Many: 5}[made]
    same(play(Told((0, 2, 3)), setup(learner=Adding({2: np.zeros(4)}), job=job), 1), run)
    whole = Many()
    same(
        play(Told((0, 2, 3)), setup(learner=Adding(), job=job), 1),
        play(Told((0, 2, 3)), setup(learner=whole, job=job), 1),
    )
    assert whole.asked == 1


@pytest.mark.parametrize("made", [Adding, Many])
@pytest.mark.parametrize("fault", [KeyboardInterrupt(), MemoryError(), UsageError("the data are gone")])
def test_what_is_no_devices_fault_ends_the_run(made: type[Adding], fault: BaseException) -> None:
    with pytest.raises(type(fault)):
        play(Told(), setup(learner=made({2: fault})), 1)


def test_a_batch_without_room_is_named_and_its_device_only_waits() -> None:
    run = play(Told(batch=128), setup(Six(largest=64), Adding()), 1)
    outcome = run.rounds[0].outcome
    assert outcome.trouble[0] == "a batch of 128 does not fit its free memory"
    assert outcome.joules.sum() == 0
    assert outcome.round_s == 60.0
    assert outcome.idle_j == pytest.approx(6 * 0.1 * 60)


def test_nobody_there_is_a_round_too() -> None:
    everybody = tuple(range(6))
    assert play(Told(()), setup(Six(silent=everybody)), 1).clock_s.tolist() == [60.0]


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        (Told((1, 1)), "device 1 was chosen 2 times"),
        (Told((0, 6)), "device 6 of a fleet of 6"),
        (Told((0, 2), target=1), "target 1 of device 2: slow has 1"),
        (Told((0, 2), batch=0), "batch 0"),
        (Told(()), "nobody was chosen, though 6 devices"),
    ],
)
def test_a_wrong_choice_is_the_policys_error(policy: Told, said: str) -> None:
    with pytest.raises(EdgewattError, match=f"policy told, round 0: {said}"):
        play(policy, setup(), 1)


def test_more_participants_than_devices_are_refused() -> None:
    with pytest.raises(UsageError, match="K = 7 participants of a fleet of 6"):
        setup(job=replace(JOB, participants=7))
    with pytest.raises(UsageError, match="data of 5 devices for a fleet of 6"):
        Setup(Six(), JOB, Data(np.ones(5, np.int64), np.ones(5)), None, RULES)


def test_killed_and_resumed_gives_what_an_unbroken_run_gives(tmp_path: Path) -> None:
    unbroken = play(Drawing(), setup(learner=Adding()), 11)
    keeping, learner = Keeping(tmp_path / "kept", "test", every_n=4), Adding()

    def killed(_played: object) -> None:
        if learner.asked >= 2 * 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        play(Drawing(), setup(learner=learner), 11, keeping, killed)
    again = Adding()
    same(unbroken, play(Drawing(), setup(learner=again), 11, keeping))
    assert again.asked == 2 * (11 - 4)
    finished = Adding()
    same(unbroken, play(Drawing(), setup(learner=finished), 11, keeping))
    assert finished.asked == 0


def test_what_was_kept_of_another_run_or_damaged_is_refused(tmp_path: Path) -> None:
    keeping = Keeping(tmp_path, "test", every_n=2)
    play(Drawing(), setup(learner=Adding()), 2, keeping)
    with pytest.raises(UsageError, match="keeps 2 rounds, more than the 1"):
        play(Drawing(), setup(learner=Adding()), 1, keeping)
    with pytest.raises(UsageError, match="is of another run"):
        play(Drawing(), setup(learner=Adding()), 3, replace(keeping, of="other"))
    with pytest.raises(UsageError, match="has other devices than policy told chooses now"):
        play(Drawing(seed=1), setup(learner=Adding()), 3, keeping)
    remembered = replace(read_checkpoint(tmp_path, "test") or Kept(""), state={"all/w": np.zeros(3)})
    write_checkpoint(tmp_path / "of-another", remembered)
    with pytest.raises(UsageError, match="all/w was kept of another learner: this one keeps nothing"):
        play(Drawing(), setup(learner=Adding()), 3, replace(keeping, folder=tmp_path / "of-another"))
    kept = tmp_path / "checkpoint.npz"
    whole = kept.read_bytes()
    middle, head = len(whole) // 2, whole.rindex(b"PK\1\2")
    for content in (
        *(b"", b"no archive", whole[:-40], whole[:middle] + b"\0" + whole[middle + 1 :]),
        whole[: head + 6] + b"\xff" + whole[head + 7 :],  # of a later version
    ):
        kept.write_bytes(content)
        with pytest.raises(UsageError, match="is no checkpoint of a federated run"):
            play(Drawing(), setup(learner=Adding()), 3, keeping)

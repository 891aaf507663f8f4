"""One round of federated learning: the words that fleets, learners, policies and both engines share.

N devices are numbered from 0; K of them take part in a round. Seconds and joules are of the calibration and of a
virtual clock, never of the machine that simulates.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
# Parameters of a network by name, as NumPy arrays: what travels between server and devices.
Weights = Mapping[str, NDArray[Any]]

HIGH, MID, LOW = range(3)
TIERS: Final = ("high", "mid", "low")


@dataclass(frozen=True, slots=True)
class Target:
    """A processor at a frequency to train on. `kind`: cpu, gpu or npu; `frequency_hz` None: not known."""

    name: str
    kind: str
    frequency_hz: float | None


@dataclass(frozen=True, slots=True)
class Kind:
    """Devices that are alike. `tier`: HIGH, MID or LOW; the first of `targets` is what a plain trainer uses."""

    name: str
    tier: int
    targets: tuple[Target, ...]


@dataclass(frozen=True, slots=True)
class Job:
    """What is trained: layers as the paper counts them, bytes of an update, and the global settings B, E and K."""

    model: str
    conv_n: int
    fc_n: int
    rc_n: int
    update_b: int
    batch: int
    epochs: int
    participants: int


@dataclass(frozen=True, slots=True)
class Conditions:
    """What is around each of N devices in a round, (N,) each.

    Ratios of the CPU and of memory that co-running applications take, bytes per second up, whether a device answers,
    and the watts at which it sends at its signal.
    """

    co_cpu_ratio: Floats
    co_memory_ratio: Floats
    up_b_per_s: Floats
    available: Flags
    send_w: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What a policy may see before a round: nothing of it is of the future.

    `kind_of` (N,): index into `kinds`; `samples_n` (N,); `classes_ratio` (N,): share of all classes on the device;
    `accuracy_percent`: of the global model, before this round.
    """

    number: int
    job: Job
    kinds: Sequence[Kind]
    kind_of: Ints
    samples_n: Ints
    classes_ratio: Floats
    conditions: Conditions
    accuracy_percent: float

    @property
    def tier_of(self) -> Ints:
        """The tier of each device, (N,)."""
        return np.array([kind.tier for kind in self.kinds])[self.kind_of]


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """Who takes part and how, (K,) each: device, index into the targets of its kind, batch, local epochs."""

    devices: Ints
    target: Ints
    batch: Ints
    epochs: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What a round came to.

    Of the K participants, (K,) each, in the order of the choice: `replied`, whether an update came and was taken;
    `seconds` and `joules` of computing and sending; `loss_before`, mean loss of the received model on the device's
    data, and `loss` while it trained (NaN where there is no reply); `trouble`, by participant and in words, what kept
    an update from being taken. `round_s`: until the last of them; `idle_j`: of all devices that only waited;
    `fleet_j`: of everything; `accuracy_percent`: after aggregation.
    """

    replied: Flags
    seconds: Floats
    joules: Floats
    loss_before: Floats
    loss: Floats
    round_s: float
    idle_j: float
    fleet_j: float
    accuracy_percent: float
    trouble: Mapping[int, str] = field(default_factory=dict)


class Policy(Protocol):
    """Who chooses; the same object under Flower and in the loop of this process."""

    @property
    def name(self) -> str:
        """What it is called in a study."""
        ...

    def choose(self, seen: Seen) -> Choice:
        """Participants of this round; fewer than K where fewer are available. A device at most once."""
        ...

    def learn(self, seen: Seen, choice: Choice, outcome: Outcome) -> None:
        """What came of it, before the next `choose`."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Costs:
    """What a choice takes, (K,) each; `fits` False where the batch does not fit the free memory (its costs are 0)."""

    compute_s: Floats
    send_s: Floats
    compute_j: Floats
    send_j: Floats
    fits: Flags


class Fleet(Protocol):
    """N devices that a calibration describes."""

    @property
    def kinds(self) -> Sequence[Kind]:
        """Devices that are alike."""
        ...

    @property
    def kind_of(self) -> Ints:
        """(N,): index into `kinds`."""
        ...

    def conditions(self, number: int) -> Conditions:
        """What is around the devices in round `number`; the same for the same seed of the fleet, in any order."""
        ...

    def costs(self, job: Job, choice: Choice, samples_n: Ints, conditions: Conditions) -> Costs:
        """Seconds and joules of each participant; `samples_n` (N,)."""
        ...

    def idle_w(self) -> Floats:
        """Watts of each device that is awake and does nothing, (N,)."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Update:
    """What a device sends back: weights, mean losses before and during, samples, steps; `more` as a method asks."""

    weights: Weights
    loss_before: float
    loss: float
    samples_n: int
    steps_n: int
    more: Mapping[str, Any] = field(default_factory=dict)


class Learner(Protocol):
    """A network, the data of N devices, and how they train. The same seed gives the same updates in both engines."""

    @property
    def samples_n(self) -> Ints:
        """Of each device, (N,)."""
        ...

    @property
    def classes_ratio(self) -> Floats:
        """Share of all classes on each device, (N,)."""
        ...

    def first(self) -> Weights:
        """The weights before the first round."""
        ...

    def train(self, weights: Weights, device: int, batch: int, epochs: int, number: int) -> Update:
        """One device's part of round `number`; nothing of it depends on other devices or on earlier calls."""
        ...

    def aggregate(self, weights: Weights, updates: Sequence[Update]) -> Weights:
        """The next global weights. `updates` are in the order of their devices."""
        ...

    def accuracy_percent(self, weights: Weights) -> float:
        """Of the global model on the data that is held back."""
        ...

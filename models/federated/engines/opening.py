"""How a round begins: a policy chooses, the choice is looked over, the fleet says what it takes, and who will train."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from edgewatt.models.federated.engines.rules import Rules
from edgewatt.models.federated.round import Choice, Costs, Flags, Fleet, Floats, Ints, Job, Learner, Policy, Seen
from edgewatt.profiler.errors import EdgewattError, UsageError

SILENT = "does not answer"


@dataclass(frozen=True, slots=True, eq=False)
class Data:
    """What the devices hold, (N,) each: samples as costs count them, and the share of all classes."""

    samples_n: Ints
    classes_ratio: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Setup:
    """Whoever plays rounds needs it. `learner` None: nothing is trained, and accuracy stands at 0.

    Raises UsageError for K above the fleet, and for data of another number of devices.
    """

    fleet: Fleet
    job: Job
    data: Data
    learner: Learner | None
    rules: Rules

    def __post_init__(self) -> None:
        devices_n, k = len(self.fleet.kind_of), self.job.participants
        if not 1 <= k <= devices_n:
            raise UsageError(f"K = {k} participants of a fleet of {devices_n}: expected 1 to {devices_n}")
        held = {len(self.data.samples_n), len(self.data.classes_ratio)}
        if self.learner is not None:
            held.add(len(self.learner.samples_n))
        if held != {devices_n}:
            raise UsageError(f"data of {', '.join(map(str, sorted(held)))} devices for a fleet of {devices_n}")


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """A round before it is trained: what was seen, chosen and what it takes.

    `trains` (K,): who answers and has room for its batch; `silent`: who does not answer; `trouble`: why some do not.
    """

    seen: Seen
    choice: Choice
    costs: Costs
    trains: Flags
    silent: Flags
    trouble: Mapping[int, str]


def opened(policy: Policy, of: Setup, number: int, accuracy_percent: float) -> Opened:
    """Round `number`, chosen. Raises EdgewattError for a choice that cannot be carried out."""
    fleet, data = of.fleet, of.data
    around = fleet.conditions(number)
    seen = Seen(
        number, of.job, fleet.kinds, fleet.kind_of, data.samples_n, data.classes_ratio, around, accuracy_percent
    )
    choice = policy.choose(seen)
    for wrong in what_is_wrong(choice, seen):
        raise EdgewattError(f"policy {policy.name}, round {number}: {wrong}")
    costs = fleet.costs(of.job, choice, data.samples_n, around)
    answers = around.available[choice.devices]
    trouble = {int(k): SILENT for k in np.flatnonzero(~answers)}
    for k in np.flatnonzero(answers & ~costs.fits):
        trouble[int(k)] = f"a batch of {choice.batch[k]} does not fit its free memory"
    return Opened(seen, choice, costs, answers & costs.fits, ~answers, trouble)


def what_is_wrong(choice: Choice, seen: Seen) -> Iterator[str]:
    """Why a choice cannot be carried out, the first reason first; nothing if it can."""
    devices, devices_n = choice.devices, len(seen.kind_of)
    for what in ("target", "batch", "epochs"):
        if (of := getattr(choice, what)).shape != devices.shape:
            yield f"{len(of)} of `{what}` for {len(devices)} devices"
    if outside := devices[(devices < 0) | (devices >= devices_n)].tolist():
        yield f"device {outside[0]} of a fleet of {devices_n}, numbered from 0"
    once, times = np.unique(devices, return_counts=True)
    if (times > 1).any():
        yield f"device {once[times > 1][0]} was chosen {times.max()} times"
    kinds = [seen.kinds[k] for k in seen.kind_of[devices]]
    for device, place, kind in zip(devices.tolist(), choice.target.tolist(), kinds, strict=True):
        if not 0 <= place < len(kind.targets):
            yield f"target {place} of device {device}: {kind.name} has {len(kind.targets)}, numbered from 0"
    for what in ("batch", "epochs"):
        if (least := getattr(choice, what).min(initial=1)) < 1:
            yield f"{what} {least}; expected 1 at least"
    if not len(devices) and seen.conditions.available.any():
        yield f"nobody was chosen, though {int(seen.conditions.available.sum())} devices are available"

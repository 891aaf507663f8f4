"""A tiny fleet whose costs are plain arithmetic, for tests of policies."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from edgewatt.models.federated.round import (
    Choice,
    Conditions,
    Costs,
    Floats,
    Ints,
    Job,
    Kind,
    Outcome,
    Policy,
    Seen,
    Target,
)  # fmt: skip

JOB = Job(model="cnn", conv_n=2, fc_n=2, rc_n=0, update_b=1_000_000, batch=16, epochs=5, participants=4)
CPU, HALF, GPU = Target("cpu", "cpu", 2e9), Target("cpu", "cpu", 1e9), Target("gpu", "gpu", 7e8)
KINDS = (Kind("high", 0, (CPU, HALF, GPU)), Kind("mid", 1, (CPU, HALF)), Kind("low", 2, (CPU,)))
# Of one sample in one epoch, by tier and target: the processor at its top, at half its frequency, the GPU.
SECONDS = np.array([[0.010, 0.020, 0.006], [0.020, 0.040, 0.0], [0.030, 0.0, 0.0]])
JOULES = np.array([[0.060, 0.040, 0.030], [0.070, 0.050, 0.0], [0.090, 0.0, 0.0]])


def around(n: int, **changed: Floats) -> Conditions:
    """Nothing beside n devices, a good network, and all of them answer; but for what is changed."""
    plain = {
        "co_cpu_ratio": np.zeros(n), "co_memory_ratio": np.zeros(n), "up_b_per_s": np.full(n, 1e7),
        "available": np.ones(n, dtype=bool), "send_w": np.ones(n),
    }  # fmt: skip
    return Conditions(**(plain | changed))


@dataclass
class TinyFleet:
    """So many devices of the high, mid and low tier; a co-runner makes a processor slower and dearer, but no GPU."""

    counts: Sequence[int] = (6, 6, 8)
    beside: dict[str, Floats] = field(default_factory=dict)
    too_big: bool = False
    kinds: Sequence[Kind] = KINDS

    def __post_init__(self) -> None:
        self.kind_of: Ints = np.repeat(np.arange(len(self.counts)), self.counts)

    def conditions(self, number: int) -> Conditions:  # noqa: ARG002  (the protocol has it)
        """The same in every round."""
        return around(len(self.kind_of), **self.beside)

    def costs(self, job: Job, choice: Choice, samples_n: Ints, conditions: Conditions) -> Costs:
        """Samples x epochs x what one takes, and the update at the network's rate."""
        tier, work = self.kind_of[choice.devices], samples_n[choice.devices] * choice.epochs
        is_gpu = np.array([self.kinds[t].targets[k].kind == "gpu" for t, k in zip(tier, choice.target, strict=True)])
        slower = 1 + np.where(is_gpu, 0.0, conditions.co_cpu_ratio[choice.devices])
        send_s = job.update_b / conditions.up_b_per_s[choice.devices]
        compute_s, compute_j = (work * of[tier, choice.target] * slower for of in (SECONDS, JOULES))
        fits = np.full(len(tier), not self.too_big)
        return Costs(
            *(np.where(fits, of, 0.0) for of in (compute_s, send_s, compute_j)),
            send_s * conditions.send_w[choice.devices] * fits, fits,
        )  # fmt: skip

    def idle_w(self) -> Floats:
        """Watts."""
        return np.full(len(self.kind_of), 0.1)


def seen_of(fleet: TinyFleet, number: int = 1, accuracy_percent: float = 50.0, job: Job = JOB, **data: Floats) -> Seen:
    """What a policy sees of it; `classes_ratio` and `samples_n` are 1 and 100 unless told otherwise."""
    n = len(fleet.kind_of)
    classes, samples = data.get("classes_ratio", np.ones(n)), data.get("samples_n", np.full(n, 100))
    return Seen(
        number, job, fleet.kinds, fleet.kind_of, samples.astype(np.int64), classes, fleet.conditions(number),
        accuracy_percent,
    )  # fmt: skip


def outcome_of(fleet: TinyFleet, seen: Seen, choice: Choice, accuracy_percent: float) -> Outcome:
    """What a choice came to, all of them replying."""
    costs = fleet.costs(seen.job, choice, seen.samples_n, seen.conditions)
    seconds, joules = costs.compute_s + costs.send_s, costs.compute_j + costs.send_j
    idle_j = float((fleet.idle_w().sum() - fleet.idle_w()[choice.devices].sum()) * seconds.max(initial=0.0))
    nothing = np.full(len(seconds), np.nan)
    return Outcome(
        costs.fits, seconds, joules, nothing, nothing, float(seconds.max(initial=0.0)), idle_j,
        idle_j + float(joules.sum()), accuracy_percent,
    )  # fmt: skip


def ran(policy: Policy, fleet: TinyFleet, accuracy_percent: Sequence[float], first: int = 1) -> list[Choice]:
    """The choices of so many rounds, whose accuracy after each is given."""
    choices, before = [], 10.0
    for number, after in enumerate(accuracy_percent, first):
        seen = seen_of(fleet, number, before)
        choice = policy.choose(seen)
        policy.learn(seen, choice, outcome_of(fleet, seen, choice, after))
        choices.append(choice)
        before = after
    return choices


def same(one: Choice, other: Choice) -> bool:
    """Whether two choices are the same."""
    return all(np.array_equal(getattr(one, n), getattr(other, n)) for n in ("devices", "target", "batch", "epochs"))

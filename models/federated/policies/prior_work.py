"""Prior work that AutoFL is compared with, as far as it decides who works how much: FedNova and FEDL.

FedNova (Wang et al., NeurIPS 2020) lets devices make different numbers of local steps and divides each update by them;
that is the learner's, here devices are only told their epochs. FEDL (Dinh et al., IEEE/ACM ToN 2021) chooses
frequencies and a local accuracy; its corrected gradient is the learner's, and K random devices take part, not all N.
"""

from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.federated.policies.picking import Notes, candidates, plain, random_of
from edgewatt.models.federated.policies.saving import Arrays, with_words, words_from
from edgewatt.models.federated.policies.trade import bill_of, traded
from edgewatt.models.federated.round import Choice, Fleet, Floats, Outcome, Seen
from edgewatt.models.scheduling.constants import Draw, constants_of

# Newton's steps to the root of x - ln x = c: from above it, where the left side is convex, so they only descend.
_STEPS_N: Final = 20
# So near to x = 1 both sides are flat, and their difference is rounding.
_FLAT: Final = 1e-9


@dataclass(slots=True, eq=False)
class FedNova:
    """Random participants, each with as many epochs as take it the time of the one of median speed: 1 to twice E.

    Speeds are those of the kind in earlier rounds, seconds per sample and epoch, sending included; of a kind not yet
    met nothing is known, and it makes E. `speed` (kinds,): NaN where nothing is known; `memory`: the newest's weight.
    """

    rng: np.random.Generator
    memory: float
    name: str = "fednova"
    notes: Notes = field(default_factory=dict)
    speed: Floats | None = None

    def choose(self, seen: Seen) -> Choice:
        """Random participants with their own epochs."""
        devices, k = candidates(seen, self.notes)
        choice = plain(random_of(devices, k, self.rng), seen.job)
        taking_s = self._speed(seen)[seen.kind_of[choice.devices]] * seen.samples_n[choice.devices]
        known = np.isfinite(taking_s) & (taking_s > 0)
        epochs = choice.epochs.copy()
        if known.any():
            exact = seen.job.epochs * np.median(taking_s[known]) / taking_s[known]
            epochs[known] = np.clip(np.rint(exact), 1, 2 * seen.job.epochs)
        return replace(choice, epochs=epochs)

    def learn(self, seen: Seen, choice: Choice, outcome: Outcome) -> None:
        """How fast each kind was."""
        speed, kinds = self._speed(seen), seen.kind_of[choice.devices]
        each = outcome.seconds / np.maximum(choice.epochs * seen.samples_n[choice.devices], 1)
        good = outcome.replied & np.isfinite(each)
        for kind in np.unique(kinds[good]):
            now = each[good & (kinds == kind)].mean()
            speed[kind] = now if np.isnan(speed[kind]) else speed[kind] + self.memory * (now - speed[kind])

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The speeds, and the random generator."""
        arrays = {} if self.speed is None else {"speed": self.speed.copy()}
        return with_words(arrays, self.rng, name=self.name, notes=dict(self.notes))

    def from_arrays(self, arrays: Arrays) -> None:
        """Go on where it was saved. Raises UsageError for what another policy saved."""
        self.notes = words_from(arrays, self.rng, self.name)["notes"]
        self.speed = arrays["speed"].copy() if "speed" in arrays else None

    def _speed(self, seen: Seen) -> Floats:
        if self.speed is None:
            self.speed = np.full(len(seen.kinds), np.nan)
        return self.speed


@dataclass(slots=True, eq=False)
class Fedl:
    """Random participants; targets with the least joules + kappa seconds of the round; epochs by a local accuracy.

    Local error theta takes nu ln(1 / theta) epochs, and rounds to converge go as 1 / (1 - theta) (its section III).
    With C the cost in joules + kappa seconds, the least of (C_send + nu ln(1 / theta) C_epoch) / (1 - theta) is where
    x = 1 / theta has x - ln x = 1 + C_send / (nu C_epoch). Never more epochs than the job's, at least 1. It knows what
    the fleet's model says devices take in the conditions that it sees, as its authors' does.
    """

    rng: np.random.Generator
    fleet: Fleet
    time_w: float
    epochs_per_nat: float
    name: str = "fedl"
    notes: Notes = field(default_factory=dict)

    def choose(self, seen: Seen) -> Choice:
        """Random participants, their targets, and the same epochs for all."""
        devices, k = candidates(seen, self.notes)
        chosen = random_of(devices, k, self.rng)
        bill = bill_of(self.fleet, seen, chosen)
        target = traded(bill, self.time_w)
        choice = plain(chosen, seen.job, target)
        each = np.arange(len(chosen)), target
        send = bill.send_j[each].sum() + self.time_w * bill.send_s[each].max(initial=0.0)
        compute = bill.compute_j[each].sum() + self.time_w * bill.compute_s[each].max(initial=0.0)
        if compute <= 0 or seen.job.epochs < 1:
            return choice
        exact = self.epochs_per_nat * np.log(root(1 + send * seen.job.epochs / (self.epochs_per_nat * compute)))
        return replace(choice, epochs=np.full(len(chosen), int(np.clip(np.rint(exact), 1, seen.job.epochs))))

    def learn(self, seen: Seen, choice: Choice, outcome: Outcome) -> None:
        """Nothing: it computes."""

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The random generator."""
        return with_words({}, self.rng, name=self.name, notes=dict(self.notes))

    def from_arrays(self, arrays: Arrays) -> None:
        """Go on where it was saved. Raises UsageError for what another policy saved."""
        self.notes = words_from(arrays, self.rng, self.name)["notes"]


def fednova(seed: int, *, draw: Draw | None = None) -> FedNova:
    """FedNova's side of selection and local work."""
    memory = (draw or Draw()).constant(constants_of("../federated/autofl"), "fednova.memory")
    return FedNova(np.random.default_rng(seed), memory)


def fedl(fleet: Fleet, seed: int, *, draw: Draw | None = None) -> Fedl:
    """FEDL on a fleet."""
    constants, of = constants_of("../federated/autofl"), draw or Draw()
    time_w, epochs_per_nat = (of.constant(constants, f"fedl.{name}") for name in ("time_w", "epochs_per_nat"))
    return Fedl(np.random.default_rng(seed), fleet, time_w, epochs_per_nat)


def root(c: float) -> float:
    """The x of at least 1 with x - ln x = c; 1 where c is not above 1."""
    if c - 1 < _FLAT:
        return 1.0
    x = c + np.sqrt(2 * (c - 1))
    for _ in range(_STEPS_N):
        x -= (x - np.log(x) - c) / (1 - 1 / x)
    return float(x)

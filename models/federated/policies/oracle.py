"""Oracles: what a round costs is known before it is chosen (AutoFL's O_participant and O_FL).

The paper only says that O_participant knows heterogeneity and variance and takes the best cluster, and O_FL the best
targets too. What is best is ours. Both minimise, in every round and among clusters C1 to C7 scaled to K, the

    joules of the participants + what the rest of the fleet idles until the last is done, by the worth of their data

with the true costs of the round. What the data of a device is worth falls with the t rounds in which the model has seen
it: share of the classes x ((t + 1)^r - t^r). Without that the cheapest few devices would do everything, and a model
that never saw the data of others learns less. Nothing is known of accuracy, nor of later rounds: it is the best of a
round, not of a training, and a learner may beat it.
"""

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.federated.policies.clusters import clusters_of, filled, scaled
from edgewatt.models.federated.policies.picking import Notes, candidates, plain
from edgewatt.models.federated.policies.saving import Arrays, with_words, words_from
from edgewatt.models.federated.policies.trade import Bill, bill_of, traded
from edgewatt.models.federated.round import TIERS, Choice, Fleet, Floats, Ints, Outcome, Seen
from edgewatt.models.scheduling.constants import Draw, constants_of, no_such
from edgewatt.profiler.errors import UsageError

O_PARTICIPANT: Final = "o-participant"
O_FL: Final = "o-fl"
_TARGETS_N: Final = {O_PARTICIPANT: 1, O_FL: None}
# A device without any class is worth next to nothing, and still is ranked.
_NO_WORTH: Final = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class _Round:
    """What is known of the C devices that answer: what they take, (C, A); tiers, worth of data, idle watts, (C,)."""

    bill: Bill
    tier: Ints
    worth: Floats
    idle_w: Floats
    fleet_idle_w: float


@dataclass(slots=True, eq=False)
class Oracle:
    """`targets_n` 1: every participant on its first target (O_participant); None: on any of them (O_FL)."""

    name: str
    fleet: Fleet
    rng: np.random.Generator
    clusters: dict[str, Ints]
    returns: float
    targets_n: int | None
    notes: Notes = field(default_factory=dict)
    # (N,): the rounds in which the model has seen the data of each.
    times: Ints | None = None

    def choose(self, seen: Seen) -> Choice:
        """The cheapest cluster of the cheapest devices of each tier, ties broken at random."""
        devices, k = candidates(seen, self.notes)
        devices = self.rng.permutation(devices)
        if k == 0:
            return plain(devices[:0], seen.job)
        idle_w, times = self.fleet.idle_w(), self._times(seen)[devices]
        worth = seen.classes_ratio[devices] * ((times + 1) ** self.returns - times**self.returns)
        bill = bill_of(self.fleet, seen, devices, self.targets_n)
        known = _Round(bill, seen.tier_of[devices], np.maximum(worth, _NO_WORTH), idle_w[devices], float(idle_w.sum()))
        dear = _dear(known, k)
        best = np.inf, np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        have = np.bincount(known.tier, minlength=len(TIERS))
        for counts in np.unique([filled(scaled(of, k), have) for of in self.clusters.values()], axis=0):
            chosen = np.concatenate([_cheapest(known.tier, dear, tier, n) for tier, n in enumerate(counts)])
            target = traded(bill.at(chosen), known.fleet_idle_w)
            cost = _cost(known, chosen, target)
            if cost < best[0] or not len(best[1]):
                best = cost, chosen, target
        order = np.argsort(devices[best[1]])
        return plain(devices[best[1]][order], seen.job, best[2][order])

    def learn(self, seen: Seen, choice: Choice, outcome: Outcome) -> None:
        """Whose data the model has now seen."""
        self._times(seen)[choice.devices[outcome.replied]] += 1

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """How often the model saw each device's data, and its random generator."""
        arrays = {} if self.times is None else {"times": self.times.copy()}
        return with_words(arrays, self.rng, name=self.name, notes=dict(self.notes))

    def from_arrays(self, arrays: Arrays) -> None:
        """Go on where it was saved. Raises UsageError for what another policy saved, or of another fleet."""
        self.notes = words_from(arrays, self.rng, self.name)["notes"]
        times, devices_n = arrays.get("times"), len(self.fleet.kind_of)
        if times is not None and len(times) != devices_n:
            raise UsageError(
                f"policy {self.name} was saved on a fleet of {len(times)} devices, this one has {devices_n}: "
                "resume it on the fleet that it was saved on, or start it anew"
            )
        self.times = None if times is None else times.copy()

    def _times(self, seen: Seen) -> Ints:
        if self.times is None:
            self.times = np.zeros(len(seen.kind_of), dtype=np.int64)
        return self.times


def _cheapest(tier_of: Ints, dear: Floats, tier: int, n: int) -> Ints:
    """The n cheapest of a tier."""
    mine = np.flatnonzero(tier_of == tier)
    return mine[np.argsort(dear[mine], kind="stable")[:n]]


def _dear(known: _Round, k: int) -> Floats:
    """How dear each device is, (C,): its joules, and its part of what the fleet idles meanwhile, by its worth."""
    bill = known.bill
    by_target = np.where(bill.fits, bill.joules + known.fleet_idle_w / k * bill.seconds, np.inf)
    return np.asarray(by_target.min(axis=1) / known.worth)


def _cost(known: _Round, chosen: Ints, target: Ints) -> float:
    """Joules of a round by the worth of its data; infinite if a participant fits nowhere."""
    bill = known.bill
    if not bill.fits[chosen, target].all():
        return np.inf
    idle_j = (known.fleet_idle_w - known.idle_w[chosen].sum()) * bill.seconds[chosen, target].max()
    joules = bill.joules[chosen, target].sum() + idle_j
    return float(joules / known.worth[chosen].sum())


def oracle(name: str, fleet: Fleet, seed: int, *, draw: Draw | None = None) -> Oracle:
    """`o-participant` or `o-fl` of a fleet, whose true costs it knows. Raises UsageError for another name."""
    if name not in _TARGETS_N:
        raise no_such("oracle", name, list(_TARGETS_N))
    constants = constants_of("../federated/autofl")
    returns = (draw or Draw()).constant(constants, "oracle.returns")
    return Oracle(name, fleet, np.random.default_rng(seed), clusters_of(constants), returns, _TARGETS_N[name])

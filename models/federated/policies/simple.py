"""Design points that do not learn: random participants (FedAvg) and fixed clusters of tiers (Power, Performance)."""

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.federated.policies.clusters import clusters_of, filled, scaled
from edgewatt.models.federated.policies.picking import Notes, candidates, note, plain, random_of
from edgewatt.models.federated.policies.saving import Arrays, with_words, words_from
from edgewatt.models.federated.round import TIERS, Choice, Ints, Outcome, Seen
from edgewatt.models.scheduling.constants import constants_of, no_such

FEDAVG_RANDOM: Final = "fedavg-random"
# The names that the paper gives to two of its clusters.
NAMED: Final = {"power": "C7", "performance": "C1"}


@dataclass(slots=True, eq=False)
class Cluster:
    """So many random devices of each tier, on the first target of each; without `counts`, random ones of all.

    `counts` (3,) is of any number of participants and is scaled to the K of a job. A tier that has too few devices that
    answer is filled from the nearest one, and `notes` says so.
    """

    name: str
    rng: np.random.Generator
    counts: Ints | None = None
    notes: Notes = field(default_factory=dict)

    def choose(self, seen: Seen) -> Choice:
        """Participants, drawn anew in each round."""
        devices, k = candidates(seen, self.notes)
        if self.counts is None:
            return plain(random_of(devices, k, self.rng), seen.job)
        tier = seen.tier_of[devices]
        wanted, have = scaled(self.counts, k), np.bincount(tier, minlength=len(TIERS))
        got = filled(wanted, have)
        for short in np.flatnonzero(have < wanted):
            words = f"{have[short]} of the {TIERS[short]} tier answer, {wanted[short]} are wanted"
            note(self.notes, TIERS[short], seen, f"{words}: filled from the nearest tier")
        parts = [random_of(devices[tier == of], int(n), self.rng) for of, n in enumerate(got)]
        return plain(np.sort(np.concatenate(parts)), seen.job)

    def learn(self, seen: Seen, choice: Choice, outcome: Outcome) -> None:
        """Nothing: it does not learn."""

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """What it needs to go on."""
        return with_words({}, self.rng, name=self.name, notes=dict(self.notes))

    def from_arrays(self, arrays: Arrays) -> None:
        """Go on where it was saved. Raises UsageError for what another policy saved."""
        self.notes = words_from(arrays, self.rng, self.name)["notes"]


def cluster(name: str, seed: int) -> Cluster:
    """`fedavg-random` (or C0), `power`, `performance`, or C1 to C7. Raises UsageError for another name."""
    rng = np.random.default_rng(seed)
    if name in (FEDAVG_RANDOM, "C0"):
        return Cluster(name, rng)
    known = clusters_of(constants_of("../federated/autofl"))
    if NAMED.get(name, name) not in known:
        raise no_such("cluster", name, [FEDAVG_RANDOM, *NAMED, "C0", *known])
    return Cluster(name, rng, known[NAMED.get(name, name)])

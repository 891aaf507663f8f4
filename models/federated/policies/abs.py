"""ABS: a batch by the speed of a device, so that round times even out (after Ma et al., 2021 and 2023; remembered).

All participants make about the same number of steps, that of the job's B and E on an average device; who is fast takes
the largest batch in each, and who has a share of its speed that share of the batch, rounded down to the set that
FedGPO chooses from:
    B = B_max x speed / highest speed of the round's participants        E = steps x B / n, at least 1
Speed is samples per second as they were last seen, of the device, or else of its kind. Theirs solves for the batch and
the learning rate together, from bounds on convergence; here the learning rate is the job's. K is the job's;
participants are random, on the first target of each.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.federated.policies.fixed import FEDGPO, at_random, grid_of, without_room
from edgewatt.models.federated.policies.picking import Notes
from edgewatt.models.federated.policies.saving import Arrays, with_words, words_from
from edgewatt.models.federated.round import Choice, Floats, Ints, Outcome, Seen
from edgewatt.models.scheduling.constants import Draw, constants_of


@dataclass(slots=True, eq=False)
class AdaptiveBatch:
    """`seconds` (N,) and `seconds_of_kind` (G,): of a sample, moving means; NaN before anything was seen.

    `room` (N,): the largest batch that is asked of a device; lower once one did not fit.
    """

    rng: np.random.Generator
    batches: Ints
    half: float
    name: str = "abs"
    notes: Notes = field(default_factory=dict)
    seconds: Floats = field(default_factory=lambda: np.empty(0))
    seconds_of_kind: Floats = field(default_factory=lambda: np.empty(0))
    room: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    def choose(self, seen: Seen) -> Choice:
        """K random devices, with batches by their speeds; the job's settings before any speed is known."""
        self._meet(seen)
        devices, job = at_random(seen, seen.job.participants, self.rng, self.notes), seen.job
        same = np.ones(len(devices), dtype=np.int64)
        own = self.seconds[devices]
        speed = 1 / np.where(np.isnan(own), self.seconds_of_kind[seen.kind_of[devices]], own)
        known = np.isfinite(speed)
        if not known.any():
            return Choice(devices, same * 0, np.minimum(job.batch, self.room[devices]), same * job.epochs)
        share = np.where(known, speed, np.median(speed[known])) / speed[known].max()
        wanted = np.minimum(self.batches[-1] * share, self.room[devices])
        batch = self.batches[np.maximum(np.searchsorted(self.batches, wanted * (1 + 1e-9), side="right") - 1, 0)]
        steps_n = job.epochs * np.ceil(np.median(seen.samples_n) / job.batch)
        epochs = np.maximum(np.rint(steps_n * batch / np.maximum(seen.samples_n[devices], 1)), 1)
        return Choice(devices, same * 0, batch, epochs.astype(np.int64))

    def learn(self, seen: Seen, choice: Choice, outcome: Outcome) -> None:
        """The seconds of a sample that each reply took, and for whom a batch was too large."""
        self._meet(seen)
        devices = choice.devices
        per_sample = outcome.seconds / np.maximum(choice.epochs * seen.samples_n[devices], 1)
        good = outcome.replied & np.isfinite(per_sample) & (per_sample > 0)
        self.seconds[devices[good]] = _moved(self.seconds[devices[good]], per_sample[good], self.half)
        kinds, of = np.unique(seen.kind_of[devices[good]], return_inverse=True)
        if len(kinds):
            means = np.bincount(of, per_sample[good]) / np.bincount(of)
            self.seconds_of_kind[kinds] = _moved(self.seconds_of_kind[kinds], means, self.half)
        unfit = without_room(outcome)
        below = np.searchsorted(self.batches, choice.batch[unfit]) - 1
        self.room[devices[unfit]] = np.where(below >= 0, self.batches[np.maximum(below, 0)], 1)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The speeds and the room of each device."""
        arrays = {"seconds": self.seconds, "seconds_of_kind": self.seconds_of_kind, "room": self.room}
        return with_words(
            {name: of.copy() for name, of in arrays.items()}, self.rng, name=self.name, notes=dict(self.notes)
        )

    def from_arrays(self, arrays: Arrays) -> None:
        """Go on where it was saved. Raises UsageError for what another policy saved."""
        self.notes = words_from(arrays, self.rng, self.name)["notes"]
        self.seconds, self.seconds_of_kind = arrays["seconds"].copy(), arrays["seconds_of_kind"].copy()
        self.room = arrays["room"].copy()

    def _meet(self, seen: Seen) -> None:
        if len(self.seconds) != len(seen.kind_of):
            self.seconds = np.full(len(seen.kind_of), np.nan)
            self.seconds_of_kind = np.full(len(seen.kinds), np.nan)
            self.room = np.full(len(seen.kind_of), self.batches[-1])


def _moved(before: Floats, now: Floats, by: float) -> Floats:
    moved: Floats = np.where(np.isnan(before), now, before + by * (now - before))
    return moved


def adaptive_batch(seed: int, draw: Draw | None = None) -> AdaptiveBatch:
    """ABS with the constants of fedgpo.toml."""
    constants = constants_of(FEDGPO)
    half = min((draw or Draw()).constant(constants, "abs.half"), 1.0)
    return AdaptiveBatch(np.random.default_rng(seed), np.array(grid_of().batch, dtype=np.int64), half)

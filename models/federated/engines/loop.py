"""The loop of this process: rounds on a virtual clock, one after the other. Nothing of it waits."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from edgewatt.models.federated.engines.checkpoint import Kept, read_checkpoint, write_checkpoint
from edgewatt.models.federated.engines.learners import keep, kept_of
from edgewatt.models.federated.engines.opening import Opened, Setup, opened
from edgewatt.models.federated.engines.settling import Replies, all_reply, settle
from edgewatt.models.federated.engines.training import trained
from edgewatt.models.federated.fleet.ledger import Ledger
from edgewatt.models.federated.learning.aggregation import fits
from edgewatt.models.federated.round import Choice, Floats, Learner, Outcome, Policy, Weights
from edgewatt.profiler.errors import UsageError

EVERY_N: Final = 20


@dataclass(frozen=True, slots=True, eq=False)
class Played:
    """One round: its choice and what it came to."""

    choice: Choice
    outcome: Outcome


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """What came of all rounds."""

    rounds: tuple[Played, ...]
    weights: Weights
    ledger: Ledger

    @property
    def clock_s(self) -> Floats:
        """The virtual clock as each round ends, (rounds,)."""
        return np.cumsum([of.outcome.round_s for of in self.rounds])


@dataclass(frozen=True, slots=True)
class Keeping:
    """Where a run is kept every `every_n` rounds, and as it ends; `of` says which run it is."""

    folder: Path
    of: str
    every_n: int = EVERY_N


@dataclass(slots=True, eq=False)
class Playing:
    """A run while it is played. Both engines `open` a round with it, train, and `close` the round with what came.

    What is kept of the run is played again as it is made. Raises UsageError for what was kept of another run.
    """

    policy: Policy
    of: Setup
    rounds_n: int
    keeping: Keeping | None = None
    watch: Callable[[Played], None] = lambda _played: None
    weights: Weights = field(init=False)
    accuracy_percent: float = field(init=False)
    rounds: list[Played] = field(init=False, default_factory=list)
    _kept: Kept = field(init=False)
    _ledger: Ledger = field(init=False)
    _idle_w: Floats = field(init=False)

    def __post_init__(self) -> None:
        learner, keeping = self.of.learner, self.keeping
        self.weights = learner.first() if learner else {}
        self.accuracy_percent = learner.accuracy_percent(self.weights) if learner else 0.0
        self._idle_w = self.of.fleet.idle_w()
        self._ledger = Ledger(len(self.of.fleet.kind_of), self.of.rules.bills_waiting)
        found = read_checkpoint(keeping.folder, keeping.of) if keeping is not None else None
        self._kept = found or Kept(keeping.of if keeping else "")
        if keeping is not None and found is not None:
            if (gone_n := len(found.choices)) > self.rounds_n:
                raise UsageError(
                    f"{keeping.folder} keeps {gone_n} rounds, more than the {self.rounds_n} that are asked for"
                )
            _take_over(learner, found, self.weights)
            for number in range(gone_n):
                begun = self.open()
                replies, accuracy = _as_kept(begun, found, number, self.policy)
                self._settled(begun, replies, accuracy)
            self.weights = found.weights

    @property
    def is_over(self) -> bool:
        """Whether all rounds are played."""
        return len(self.rounds) >= self.rounds_n

    def open(self) -> Opened:
        """The next round, chosen. Raises EdgewattError for a policy's wrong choice."""
        return opened(self.policy, self.of, len(self.rounds), self.accuracy_percent)

    def close(self, begun: Opened, replies: Replies, weights: Weights) -> None:
        """What came of it, and the weights now: measured, settled, learnt from, and kept every so many rounds."""
        learner, keeping = self.of.learner, self.keeping
        self.weights = weights
        self._settled(begun, replies, learner.accuracy_percent(weights) if learner else self.accuracy_percent)
        if keeping is not None:
            self._kept.add(begun.choice, replies, self.accuracy_percent)
            if len(self.rounds) % keeping.every_n == 0 or self.is_over:
                self._kept.weights, self._kept.state = weights, kept_of(learner) if learner else {}
                write_checkpoint(keeping.folder, self._kept)

    def run(self) -> Run:
        """What came of all rounds so far."""
        return Run(tuple(self.rounds), self.weights, self._ledger)

    def _settled(self, begun: Opened, replies: Replies, accuracy_percent: float) -> None:
        self.accuracy_percent = accuracy_percent
        outcome = settle(begun, replies, self._idle_w, accuracy_percent, self.of.rules, self._ledger)
        self.policy.learn(begun.seen, begun.choice, outcome)
        self.rounds.append(Played(begun.choice, outcome))
        self.watch(self.rounds[-1])


def play(
    policy: Policy,
    of: Setup,
    rounds_n: int,
    keeping: Keeping | None = None,
    watch: Callable[[Played], None] = lambda _played: None,
    *,
    together: bool = True,
) -> Run:
    """`rounds_n` rounds, from what is kept on if something is; the same to the last digit as if never interrupted.

    `watch` is told of each round when the policy has learnt from it. `together`: whether a learner that can trains all
    participants at once: faster, and equal to one after the other (as under Flower) but for the last digits. Raises
    EdgewattError for a policy's wrong choice, UsageError for what was kept of another run.
    """
    playing = Playing(policy, of, rounds_n, keeping, watch)
    while not playing.is_over:
        begun = playing.open()
        if of.learner is None:
            playing.close(begun, all_reply(begun), playing.weights)
        else:
            playing.close(begun, *trained(of.learner, playing.weights, begun, together=together))
    return playing.run()


def _take_over(learner: Learner | None, kept: Kept, like: Weights) -> None:
    """Give a learner what it had kept. Raises UsageError for weights of another network."""
    if learner is None:
        return
    if (why := fits(kept.weights, like)) is not None:
        raise UsageError(f"the weights that were kept are not of this network: {why}; begin anew in another folder")
    keep(learner, kept.state, like)


def _as_kept(of: Opened, kept: Kept, number: int, policy: Policy) -> tuple[Replies, float]:
    then = kept.choices[number]
    for name in ("devices", "target", "batch", "epochs"):
        if not np.array_equal(getattr(then, name), getattr(of.choice, name)):
            raise UsageError(
                f"round {number} of what was kept has other {name} than policy {policy.name} chooses now: it was kept "
                "by another version, or with another fleet or seed; begin anew in another folder"
            )
    return kept.replies[number], kept.accuracy_percent[number]

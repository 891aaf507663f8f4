"""AutoFL: Q-learning of who takes part and on which processor and step (Kim & Wu, MICRO 2021; its algorithm 1).

    with probability eps: K random participants, each with a random target
    else: the K devices with the highest max Q(S_global, S_local, .), each with its argmax; ties broken at random
    after the round, when the next states are seen: Q(S, A) <- Q(S, A) + gamma [R + mu max Q(S', .) - Q(S, A)]

Only who took part is taught (see `reward`). Devices that do not answer are passed over, whatever their Q.
"""

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.federated.policies.picking import Notes, candidates, plain, random_of, top_of
from edgewatt.models.federated.policies.q_table import Place, QTable, random_table, table_from
from edgewatt.models.federated.policies.reward import Reward, Scale, reward_of, rewards, scale_of
from edgewatt.models.federated.policies.saving import Arrays, prefixed, sub, with_words, words_from
from edgewatt.models.federated.policies.states import DEVICE, Bins, bins_of
from edgewatt.models.federated.round import Choice, Flags, Floats, Ints, Outcome, Seen
from edgewatt.models.scheduling.constants import Constants, Draw, constants_of
from edgewatt.profiler.errors import UsageError

_TABLE: Final = "table."
_LESSON: Final = "lesson."


@dataclass(frozen=True, slots=True)
class Learning:
    """How fast it learns and how often it explores; `own_up_to_n`: to how many devices each has a table of its own."""

    learning_rate: float
    discount: float
    epsilon: float
    initial_spread: float
    own_up_to_n: int


def learning_of(constants: Constants, draw: Draw) -> Learning:
    """The hyper-parameters in AutoFL's constants."""
    names = ("learning_rate", "discount", "epsilon", "initial_spread")
    values = {name: draw.constant(constants, f"learning.{name}") for name in names}
    return Learning(**values, own_up_to_n=constants["learning.own_up_to_n"])


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """What a round taught and what waits for the next states: where, what was done, and the rewards, (K,) each."""

    place: Place
    devices: Ints
    action: Ints
    reward: Floats


@dataclass(slots=True, eq=False)
class AutoFl:
    """The agent. `own`: a table for each device, or one for each kind of devices; None: by how many devices there are.

    The paper shares tables by tier; each of its tiers is one phone. Here devices of one kind share one, as only they
    have the same targets.
    """

    rng: np.random.Generator
    learning: Learning
    reward: Reward
    bins: Bins
    own: bool | None = None
    name: str = "autofl"
    notes: Notes = field(default_factory=dict)
    table: QTable | None = None
    scale: Scale = field(default_factory=Scale)
    lesson: Lesson | None = None

    def choose(self, seen: Seen) -> Choice:
        """The K participants and their targets. Raises UsageError if it was saved on another fleet."""
        table, place = self._table(seen), self._place(seen)
        self._finish(table, place)
        devices, k = candidates(seen, self.notes)
        if self.rng.random() < self.learning.epsilon:
            chosen = random_of(devices, k, self.rng)
            targets_n = _allowed(seen).sum(axis=1)[seen.kind_of[chosen]]
            return plain(chosen, seen.job, (self.rng.random(len(chosen)) * targets_n).astype(np.int64))
        value, action = table.best(place)
        chosen = top_of(devices, value[devices], k, self.rng)
        return plain(chosen, seen.job, action[chosen])

    def learn(self, seen: Seen, choice: Choice, outcome: Outcome) -> None:
        """Keep the rewards until the next states are seen."""
        table, place = self._table(seen), self._place(seen)
        self._finish(table, place)
        if self.scale.fleet_j <= 0 or self.scale.device_j <= 0:
            self.scale = scale_of(outcome)
        got = rewards(outcome, seen.accuracy_percent, self.reward, self.scale)
        self.lesson = Lesson(place.at(choice.devices), choice.devices, choice.target, got)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Its table, what it has yet to learn, the joules it measures by, and its random generator."""
        arrays: dict[str, NDArray[Any]] = {"scale": np.array([self.scale.fleet_j, self.scale.device_j])}
        if self.table is not None:
            arrays |= prefixed(self.table.to_arrays(), _TABLE)
        if (last := self.lesson) is not None:
            kept = {"whole": np.array(last.place.whole), "local": last.place.local, "table": last.place.table}
            arrays |= prefixed(kept | {"devices": last.devices, "action": last.action, "reward": last.reward}, _LESSON)
        return with_words(arrays, self.rng, name=self.name, own=self.own, notes=dict(self.notes))

    def from_arrays(self, arrays: Arrays) -> None:
        """Go on where it was saved. Raises UsageError for what another policy saved."""
        words = words_from(arrays, self.rng, self.name)
        self.own, self.notes = words["own"], words["notes"]
        self.scale = Scale(*arrays["scale"].tolist())
        table, last = sub(arrays, _TABLE), sub(arrays, _LESSON)
        self.table = table_from(table, self.bins.states_n(DEVICE)) if table else None
        self.lesson = None
        if last:
            place = Place(int(last["whole"]), last["table"], last["local"])
            self.lesson = Lesson(place, last["devices"], last["action"], last["reward"])

    def _table(self, seen: Seen) -> QTable:
        """The table, made when the fleet is first seen."""
        if self.own is None:
            self.own = len(seen.kind_of) <= self.learning.own_up_to_n
        allowed = _allowed(seen)
        shape = len(seen.kind_of) if self.own else len(seen.kinds), allowed.shape[1]
        if self.table is None:
            of = allowed[seen.kind_of] if self.own else allowed
            self.table = random_table(of, self.bins.states_n(DEVICE), self.learning.initial_spread, self.rng)
        if self.table.first.shape != shape:
            raise UsageError(
                f"policy {self.name} learnt {self.table.first.shape} tables and targets, and this fleet has {shape}: "
                "resume it on the fleet that it was saved on, or start it anew"
            )
        return self.table

    def _place(self, seen: Seen) -> Place:
        """Where each device's values are, (N,)."""
        table = np.arange(len(seen.kind_of)) if self.own else seen.kind_of
        return Place(self.bins.of_job(seen.job), table, self.bins.of_devices(seen))

    def _finish(self, table: QTable, after: Place) -> None:
        """Teach what the last round taught, now that the states after it are known."""
        if (last := self.lesson) is None:
            return
        then, _ = table.best(after.at(last.devices))
        target = last.reward + self.learning.discount * then
        table.teach(last.place, last.action, target, self.learning.learning_rate)
        self.lesson = None


def autofl(seed: int, *, own: bool | None = None, draw: Draw | None = None) -> AutoFl:
    """The agent with the paper's constants, or with those of a draw."""
    constants, of = constants_of("../federated/autofl"), draw or Draw()
    return AutoFl(
        np.random.default_rng(seed), learning_of(constants, of), reward_of(constants, of), bins_of(constants), own
    )


def _allowed(seen: Seen) -> Flags:
    """The targets that each kind has, (kinds, most targets)."""
    targets_n = np.array([len(kind.targets) for kind in seen.kinds])
    return np.arange(targets_n.max()) < targets_n[:, None]

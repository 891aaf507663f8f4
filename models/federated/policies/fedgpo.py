"""FedGPO: Q-learning of B and E for each device and of K for each round (Kim & Wu, IISWC 2022).

Only its abstract could be read; that it is AutoFL's agent with other actions is remembered. Here
    K: argmax Q(S_global, .) of one table for the server
    B, E: argmax Q(S_local, .) of the table of a participant's kind, or of its own, a pair (B, E) being one action
with probability eps at random for the whole round; rewards and updates are AutoFL's, that of K by the mean reward of
the participants. S_local are AutoFL's states of a device; S_global is the network's layers and the state of the mean
device that answers (assumed). Who takes part is random, on the first target of each: FedGPO chooses parameters, not
participants. A batch that did not fit a device is not asked of it again. Devices of a kind share a table unless asked
otherwise: of 200 devices each takes part once in ten rounds, too seldom to try 30 actions by itself in a run.
"""

from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.federated.policies.autofl import Learning, learning_of
from edgewatt.models.federated.policies.fixed import FEDGPO, Grid, at_random, grid_of, without_room
from edgewatt.models.federated.policies.picking import Notes
from edgewatt.models.federated.policies.q_table import Place, QTable, random_table, table_from
from edgewatt.models.federated.policies.reward import Reward, Scale, reward_of, rewards, scale_of
from edgewatt.models.federated.policies.saving import Arrays, prefixed, sub, with_words, words_from
from edgewatt.models.federated.policies.states import DEVICE, Bins, bins_of
from edgewatt.models.federated.round import Choice, Conditions, Floats, Ints, Outcome, Seen
from edgewatt.models.scheduling.constants import Draw, constants_of
from edgewatt.profiler.errors import UsageError

_TABLE: Final = "table."
_SERVER: Final = "server."
_LESSON: Final = "lesson."


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """What waits for the next states: of the server (1,), and of the participants that teach (M,)."""

    server: Place
    k: Ints
    mean_reward: Floats
    place: Place
    devices: Ints
    action: Ints
    reward: Floats


@dataclass(slots=True, eq=False)
class FedGpo:
    """The agent. `own`: a table for each device, or one for each kind.

    `room` (N,): the largest batch that is asked of a device. `table` and `server` are made when a fleet is first seen.
    """

    rng: np.random.Generator
    learning: Learning
    reward: Reward
    bins: Bins
    grid: Grid
    own: bool = False
    name: str = "fedgpo"
    notes: Notes = field(default_factory=dict)
    table: QTable | None = None
    server: QTable | None = None
    room: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    scale: Scale = field(default_factory=Scale)
    lesson: Lesson | None = None
    _k: int = 0

    def choose(self, seen: Seen) -> Choice:
        """Random participants, their B and E, and how many they are. Raises UsageError if saved on another fleet."""
        table, server = self._tables(seen)
        place, whole = self._places(seen)
        self._finish(place, whole)
        explores = self.rng.random() < self.learning.epsilon
        _, best = server.best(whole)
        self._k = int(self.rng.integers(len(self.grid.participants))) if explores else int(best[0])
        devices = at_random(seen, self.grid.participants[self._k], self.rng, self.notes)
        shape = len(devices), len(self._pairs())
        values = self.rng.random(shape) if explores else table.values(place.at(devices))
        batch, epochs = self._pairs()[self._fitting(values, devices).argmax(axis=1)].T
        return Choice(devices, np.zeros(len(devices), dtype=np.int64), batch, epochs)

    def learn(self, seen: Seen, choice: Choice, outcome: Outcome) -> None:
        """Keep the rewards until the next states are seen, and which batches had no room."""
        self._tables(seen)
        place, whole = self._places(seen)
        self._finish(place, whole)
        if self.scale.fleet_j <= 0 or self.scale.device_j <= 0:
            self.scale = scale_of(outcome)
        unfit = without_room(outcome)
        smaller = np.maximum(np.searchsorted(self.grid.batch, choice.batch[unfit]) - 1, 0)
        self.room[choice.devices[unfit]] = np.array(self.grid.batch)[smaller]
        if unfit.all():
            return
        got = rewards(outcome, seen.accuracy_percent, self.reward, self.scale)[~unfit]
        devices, settings = choice.devices[~unfit], np.stack((choice.batch, choice.epochs), axis=-1)[~unfit]
        action = (settings[:, None] == self._pairs()).all(axis=-1).argmax(axis=1)
        k = np.array([self._k])
        self.lesson = Lesson(whole, k, np.array([got.mean()]), place.at(devices), devices, action, got)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Its tables, what it has yet to learn, the joules it measures by, and its random generator."""
        arrays: dict[str, NDArray[Any]] = {
            "scale": np.array([self.scale.fleet_j, self.scale.device_j]),
            "room": self.room.copy(),
        }
        if self.table is not None and self.server is not None:
            arrays |= prefixed(self.table.to_arrays(), _TABLE) | prefixed(self.server.to_arrays(), _SERVER)
        if (last := self.lesson) is not None:
            arrays |= prefixed(
                {
                    "whole": np.array(last.place.whole),
                    "server_local": last.server.local,
                    "k": last.k,
                    "mean_reward": last.mean_reward,
                    "table": last.place.table,
                    "local": last.place.local,
                    "devices": last.devices,
                    "action": last.action,
                    "reward": last.reward,
                },
                _LESSON,
            )
        return with_words(arrays, self.rng, name=self.name, own=self.own, k=self._k, notes=dict(self.notes))

    def from_arrays(self, arrays: Arrays) -> None:
        """Go on where it was saved. Raises UsageError for what another policy saved."""
        words = words_from(arrays, self.rng, self.name)
        self.own, self.notes, self._k = words["own"], words["notes"], words["k"]
        self.scale, self.room = Scale(*arrays["scale"].tolist()), arrays["room"].copy()
        states_n = self.bins.states_n(DEVICE)
        table, server, last = (sub(arrays, prefix) for prefix in (_TABLE, _SERVER, _LESSON))
        self.table = table_from(table, states_n) if table else None
        self.server = table_from(server, states_n) if server else None
        self.lesson = None
        if last:
            whole = int(last["whole"])
            self.lesson = Lesson(
                Place(whole, np.zeros(1, dtype=np.int64), last["server_local"]),
                last["k"],
                last["mean_reward"],
                Place(whole, last["table"], last["local"]),
                last["devices"],
                last["action"],
                last["reward"],
            )

    def _pairs(self) -> Ints:
        """The actions of a device, (A, 2): B and E."""
        return np.array([(batch, epochs) for batch in self.grid.batch for epochs in self.grid.epochs], dtype=np.int64)

    def _fitting(self, values: NDArray[np.floating], devices: Ints) -> NDArray[np.floating]:
        """The values, -inf where a batch has no room."""
        fits = self._pairs()[:, 0] <= self.room[devices][:, None]
        return np.where(fits, values, -np.inf)

    def _tables(self, seen: Seen) -> tuple[QTable, QTable]:
        """The tables of devices and of the server, made when a fleet is first seen."""
        devices_n, states_n = len(seen.kind_of), self.bins.states_n(DEVICE)
        tables_n = devices_n if self.own else len(seen.kinds)
        if self.table is None or self.server is None:
            spread = self.learning.initial_spread
            every = np.ones((tables_n, len(self._pairs())), dtype=np.bool_)
            self.table = random_table(every, states_n, spread, self.rng)
            every = np.ones((1, len(self.grid.participants)), dtype=np.bool_)
            self.server = random_table(every, states_n, spread, self.rng)
            self.room = np.full(devices_n, self.grid.batch[-1])
        if (len(self.table.first), len(self.room)) != (tables_n, devices_n):
            raise UsageError(
                f"policy {self.name} learnt {len(self.table.first)} tables of {len(self.room)} devices, and this fleet "
                f"has {devices_n}: resume it on the fleet that it was saved on, or start it anew"
            )
        return self.table, self.server

    def _places(self, seen: Seen) -> tuple[Place, Place]:
        """Where the values of each device are, (N,), and those of the server, (1,)."""
        whole = self.bins.of_network(seen.job)
        table = np.arange(len(seen.kind_of)) if self.own else seen.kind_of
        mean = self.bins.of_devices(_mean_device(seen))
        return Place(whole, table, self.bins.of_devices(seen)), Place(whole, np.zeros(1, dtype=np.int64), mean)

    def _finish(self, after: Place, whole_after: Place) -> None:
        """Teach what the last round taught, now that the states after it are known."""
        if (last := self.lesson) is None or self.table is None or self.server is None:
            return
        rate, discount = self.learning.learning_rate, self.learning.discount
        then = self._fitting(self.table.values(after.at(last.devices)), last.devices).max(axis=1)
        self.table.teach(last.place, last.action, last.reward + discount * then, rate)
        best, _ = self.server.best(whole_after)
        self.server.teach(last.server, last.k, last.mean_reward + discount * best, rate)
        self.lesson = None


def fedgpo(seed: int, *, own: bool = False, draw: Draw | None = None) -> FedGpo:
    """The agent with the constants of fedgpo.toml, and AutoFL's states, reward and number of tables."""
    autofl, of = constants_of("../federated/autofl"), draw or Draw()
    shared, constants = learning_of(autofl, of), constants_of(FEDGPO)
    names = ("learning_rate", "discount", "epsilon", "initial_spread")
    rate, discount, epsilon, spread = (of.constant(constants, f"learning.{name}") for name in names)
    learning = Learning(rate, discount, epsilon, spread, shared.own_up_to_n)
    return FedGpo(np.random.default_rng(seed), learning, reward_of(autofl, of), bins_of(autofl), grid_of(), own)


def _mean_device(seen: Seen) -> Seen:
    """The same round with one device: the mean of those that answer, or of all where none does."""
    able = seen.conditions.available
    able = able if able.any() else ~able

    def mean(of: Floats) -> Floats:
        return np.array([of[able].mean()])

    around = seen.conditions
    return replace(
        seen,
        kind_of=seen.kind_of[:1],
        samples_n=seen.samples_n[:1],
        classes_ratio=mean(seen.classes_ratio),
        conditions=Conditions(
            mean(around.co_cpu_ratio),
            mean(around.co_memory_ratio),
            mean(around.up_b_per_s),
            np.ones(1, dtype=np.bool_),
            mean(around.send_w),
        ),
    )

"""One setting of B, E and K for a whole round, participants at random: what FedGPO is compared with searches these."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.federated.policies.picking import Notes, note, random_of
from edgewatt.models.federated.policies.reward import Reward, Scale, reward_of, rewards, scale_of
from edgewatt.models.federated.policies.saving import Arrays, prefixed, sub, with_words, words_from
from edgewatt.models.federated.round import Choice, Flags, Ints, Outcome, Seen
from edgewatt.models.scheduling.constants import Draw, constants_of
from edgewatt.profiler.errors import UsageError

FEDGPO: Final = "../federated/fedgpo"
# What an engine says of a batch for which a device had no room.
UNFIT: Final = "does not fit"
_SEARCH: Final = "search."


@dataclass(frozen=True, slots=True, order=True)
class Setting:
    """Batch B, local epochs E and participants K."""

    batch: int
    epochs: int
    participants: int


@dataclass(frozen=True, slots=True)
class Grid:
    """The values of B, of E and of K, each from low to high."""

    batch: tuple[int, ...]
    epochs: tuple[int, ...]
    participants: tuple[int, ...]

    @property
    def axes(self) -> tuple[tuple[int, ...], ...]:
        """B, E and K."""
        return self.batch, self.epochs, self.participants

    def at(self, place: Iterable[int]) -> Setting:
        """The setting whose B, E and K have these places in their axes."""
        return Setting(*(axis[k] for axis, k in zip(self.axes, place, strict=True)))

    def __iter__(self) -> Iterator[Setting]:
        return (Setting(*of) for of in product(*self.axes))


def grid_of() -> Grid:
    """The 150 settings that FedGPO's actions span (fedgpo.toml; remembered)."""
    constants = constants_of(FEDGPO)
    return Grid(*(tuple(constants[f"actions.{name}"]) for name in ("batch", "epochs", "participants")))


def at_random(seen: Seen, participants: int, rng: np.random.Generator, notes: Notes) -> Ints:
    """So many devices of those that answer, or all of these where they are fewer, (K,); in their order."""
    able = np.flatnonzero(seen.conditions.available)
    if len(able) < participants:
        note(notes, "few", seen, f"{len(able)} of {len(seen.kind_of)} devices answer, {participants} are wanted")
    return random_of(able, participants, rng)


def with_setting(seen: Seen, setting: Setting, rng: np.random.Generator, notes: Notes) -> Choice:
    """Random devices, the same B and E for each, on the first target of each."""
    devices = at_random(seen, setting.participants, rng, notes)
    same = np.ones(len(devices), dtype=np.int64)
    return Choice(devices, same * 0, same * setting.batch, same * setting.epochs)


def without_room(outcome: Outcome) -> Flags:
    """Participants whose batch did not fit their memory, as `trouble` says, (K,)."""
    flags = np.zeros(len(outcome.replied), dtype=np.bool_)
    flags[[k for k, words in outcome.trouble.items() if UNFIT in words]] = True
    return flags


class Search(Protocol):
    """What tells a setting for the next round, and hears what came of the last one."""

    name: str

    def next(self, rng: np.random.Generator) -> Setting:
        """The setting to try now."""
        ...

    def told(self, reward: float, rng: np.random.Generator) -> None:
        """The reward of the last setting."""
        ...

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """All that it knows."""
        ...

    def from_arrays(self, arrays: Arrays) -> None:
        """Become what was saved."""
        ...


@dataclass(slots=True, eq=False)
class Fixed:
    """The same setting in every round, random devices, on the first target of each."""

    setting: Setting
    rng: np.random.Generator
    name: str = "fixed"
    notes: Notes = field(default_factory=dict)

    def choose(self, seen: Seen) -> Choice:
        """Participants at random."""
        return with_setting(seen, self.setting, self.rng, self.notes)

    def learn(self, seen: Seen, choice: Choice, outcome: Outcome) -> None:
        """Nothing."""

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """What it needs to go on."""
        return with_words({}, self.rng, name=self.name, notes=dict(self.notes))

    def from_arrays(self, arrays: Arrays) -> None:
        """Go on where it was saved. Raises UsageError for what another policy saved."""
        self.notes = words_from(arrays, self.rng, self.name)["notes"]


@dataclass(slots=True, eq=False)
class ByRound:
    """A policy that takes one setting of a search in each round: random devices, on the first target of each.

    A round's reward is the mean of its participants' (AutoFL's).
    """

    search: Search
    rng: np.random.Generator
    reward: Reward
    notes: Notes = field(default_factory=dict)
    scale: Scale = field(default_factory=Scale)

    @property
    def name(self) -> str:
        """That of the search."""
        return self.search.name

    def choose(self, seen: Seen) -> Choice:
        """Participants at random, the same B and E for each."""
        return with_setting(seen, self.search.next(self.rng), self.rng, self.notes)

    def learn(self, seen: Seen, choice: Choice, outcome: Outcome) -> None:
        """Tell the search; nothing where nobody took part."""
        if self.scale.fleet_j <= 0 or self.scale.device_j <= 0:
            self.scale = scale_of(outcome)
        if len(choice.devices):
            got = rewards(outcome, seen.accuracy_percent, self.reward, self.scale)
            self.search.told(float(got.mean()), self.rng)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """What the search knows, and the state of the random generator."""
        arrays = prefixed(self.search.to_arrays(), _SEARCH)
        arrays["scale"] = np.array([self.scale.fleet_j, self.scale.device_j])
        return with_words(arrays, self.rng, name=self.name, notes=dict(self.notes))

    def from_arrays(self, arrays: Arrays) -> None:
        """Go on where it was saved. Raises UsageError for what another policy saved."""
        self.notes = words_from(arrays, self.rng, self.name)["notes"]
        self.scale = Scale(*arrays["scale"].tolist())
        self.search.from_arrays(sub(arrays, _SEARCH))


def by_round(search: Search, seed: int, draw: Draw | None = None) -> ByRound:
    """The policy of a search, with the weights of AutoFL's reward."""
    return ByRound(search, np.random.default_rng(seed), reward_of(constants_of("../federated/autofl"), draw or Draw()))


def best_fixed(try_one: Callable[[Setting], float], grid: Iterable[Setting]) -> tuple[Setting, float]:
    """The setting of least cost, and this cost: Fixed (Best).

    `try_one` runs a study with a setting and returns what has to be small, for example joules to the target accuracy,
    and NaN or infinity where it was not reached. Of equal ones the first. Raises UsageError where none reached it.
    """
    tried = [(try_one(setting), setting) for setting in grid]
    costs = np.array([cost for cost, _ in tried], dtype=np.float64)
    costs[np.isnan(costs)] = np.inf
    if not len(costs) or np.isinf(costs.min()):
        raise UsageError(
            f"best fixed setting: none of {len(tried)} settings reached the target; expected at least one. Lower the "
            "target accuracy, or give more rounds"
        )
    best = int(costs.argmin())
    return tried[best][1], float(costs[best])

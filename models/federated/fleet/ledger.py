"""Who pays each joule: every entry has a round, a device and a cause, and the entries of a round add up to its joules.

Waiting: AutoFL's formula bills a participant nothing between its own end and the end of the round (facts 1.5). Here its
idle watts are billed, unless `bills_waiting` is off.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np

from edgewatt.models.federated.round import TIERS, Choice, Costs, Flags, Floats, Ints

# A participant's computing and sending; its waiting for the end of the round; who did not work, whether it would have
# answered or not; what a participant computed or sent without its update being taken.
COMPUTE, SEND, WAITING, IDLE, WASTED = CAUSES = ("compute", "send", "wait", "idle", "wasted")
_OFF: Final = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Entries:
    """The ledger as columns, (n,) each; `cause` is an index into CAUSES."""

    number: Ints
    device: Ints
    cause: Ints
    joules: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Bill:
    """Joules of a round: (K,) `worked_j` of computing and sending, and `waited_j`; `idle_j` of the others."""

    worked_j: Floats
    waited_j: Floats
    idle_j: float

    @property
    def fleet_j(self) -> float:
        """Of everything."""
        return float(self.worked_j.sum() + self.waited_j.sum() + self.idle_j)


class _Part(Protocol):
    """Joules of one cause in one round, by device."""

    @property
    def number(self) -> int: ...
    @property
    def cause(self) -> str: ...
    @property
    def devices(self) -> Ints: ...
    @property
    def joules(self) -> Floats: ...


@dataclass(frozen=True, slots=True, eq=False)
class _Listed:
    number: int
    cause: str
    devices: Ints
    joules: Floats


@dataclass(frozen=True, slots=True, eq=False)
class _Rest:
    """Everybody but `worked`, at their idle watts: made when it is asked for, since it is of a whole fleet."""

    number: int
    worked: Ints
    idle_w: Floats
    round_s: float
    cause: str = IDLE

    @property
    def devices(self) -> Ints:
        rests = np.ones(len(self.idle_w), np.bool_)
        rests[self.worked] = False
        return np.flatnonzero(rests)

    @property
    def joules(self) -> Floats:
        return self.idle_w[self.devices] * self.round_s


@dataclass(frozen=True, slots=True, eq=False)
class Ledger:
    """The joules of `devices_n` devices. It is written to; nothing in it is changed or taken out."""

    devices_n: int
    bills_waiting: bool = True
    _parts: list[_Part] = field(default_factory=list)

    def add(self, number: int, cause: str, devices: Ints, joules: Floats) -> None:
        """Entries of one cause in round `number`, (n,) each. Raises ValueError for what no device can have taken."""
        if cause not in CAUSES:
            raise ValueError(f"cause {cause!r}: expected one of {', '.join(CAUSES)}")
        if devices.shape != joules.shape:
            raise ValueError(f"{len(joules)} joules of {len(devices)} devices")
        if len(devices) and not (devices.min() >= 0 and devices.max() < self.devices_n):
            raise ValueError(f"devices {devices.min()} to {devices.max()} of {self.devices_n}, numbered from 0")
        if not (np.isfinite(joules).all() and (joules >= 0).all()):
            raise ValueError(f"round {number}: {cause} of {joules.min()} J; expected finite joules of 0 or more")
        self._parts.append(_Listed(number, cause, devices.copy(), joules.copy()))

    def settle(self, number: int, costs: Costs, choice: Choice, replied: Flags, round_s: float, idle_w: Floats) -> Bill:
        """Enter round `number`, which lasted `round_s`; `replied` (K,): whose update was taken; `idle_w` (N,).

        Who has costs of 0, because its batch does not fit or it never began, is idle like who was not chosen. Raises
        ValueError for a round that ends before a participant whose update was taken.
        """
        seconds = costs.compute_s + costs.send_s
        worked = costs.fits & (seconds > 0)
        if (late := np.flatnonzero(replied & (seconds > round_s * (1 + _OFF)))).size:
            raise ValueError(
                f"round {number} ends after {round_s} s, and device {choice.devices[late[0]]} replied later"
            )
        worked_j = np.where(worked, costs.compute_j + costs.send_j, 0.0)
        waits_s = np.where(worked, np.maximum(round_s - seconds, 0.0), 0.0)
        waited_j = waits_s * idle_w[choice.devices] * self.bills_waiting
        lost = worked & ~replied
        for cause, whose, joules in (
            (COMPUTE, worked & replied, costs.compute_j),
            (SEND, worked & replied, costs.send_j),
            (WASTED, lost, worked_j),
            (WAITING, worked, waited_j),
        ):
            self.add(number, cause, choice.devices[whose], joules[whose])
        return Bill(worked_j, waited_j, self.rest(number, choice.devices[worked], round_s, idle_w))

    def rest(self, number: int, worked: Ints, round_s: float, idle_w: Floats) -> float:
        """Enter all devices but `worked` at their idle watts, and return their joules; `idle_w` (N,) has to stay.

        As an entry of IDLE, but in the memory of `worked` alone.
        """
        rest = _Rest(number, worked.copy(), idle_w, round_s)
        self._parts.append(rest)
        return float(rest.joules.sum())

    def entries(self, number: int | None = None) -> Entries:
        """All entries, or those of one round, in the order in which they were made."""
        parts = [part for part in self._parts if number is None or part.number == number]
        columns = [(part.devices, part.joules) for part in parts]
        lengths = [len(devices) for devices, _ in columns]
        return Entries(
            np.repeat(np.array([part.number for part in parts], np.int64), lengths),
            np.concatenate([devices for devices, _ in columns]) if parts else np.zeros(0, np.int64),
            np.repeat(np.array([CAUSES.index(part.cause) for part in parts], np.int64), lengths),
            np.concatenate([joules for _, joules in columns]) if parts else np.zeros(0),
        )

    def by_device(self) -> Floats:
        """Joules of each device by cause, (N, causes)."""
        totals = np.zeros((self.devices_n, len(CAUSES)))
        for cause, part in self._by_cause():
            totals[:, cause] += np.bincount(part.devices, part.joules, self.devices_n)
        return totals

    def by_round(self) -> tuple[Ints, Floats]:
        """The numbers of the rounds, rising, (R,), and their joules by cause, (R, causes)."""
        numbers = sorted({part.number for part in self._parts})
        place = {number: k for k, number in enumerate(numbers)}
        totals = np.zeros((len(numbers), len(CAUSES)))
        for cause, part in self._by_cause():
            totals[place[part.number], cause] += part.joules.sum()
        return np.array(numbers, np.int64), totals

    def by_cause(self) -> dict[str, float]:
        """Joules of each cause."""
        return dict(zip(CAUSES, self.by_round()[1].sum(axis=0).tolist(), strict=True))

    def by_tier(self, tier_of: Ints) -> dict[str, dict[str, float]]:
        """Joules of each tier by cause; `tier_of` (N,) are indices into TIERS."""
        devices = self.by_device()
        sums = [devices[tier_of == tier].sum(axis=0).tolist() for tier in range(len(TIERS))]
        return {name: dict(zip(CAUSES, of, strict=True)) for name, of in zip(TIERS, sums, strict=True)}

    def total_j(self) -> float:
        """Joules of everything."""
        return float(self.by_round()[1].sum())

    def _by_cause(self) -> Iterator[tuple[int, _Part]]:
        return ((CAUSES.index(part.cause), part) for part in self._parts)

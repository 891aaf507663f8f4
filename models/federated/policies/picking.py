"""Picking K of N devices: at random, or those of the highest value; and what a policy says about it."""

from collections.abc import MutableMapping

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.federated.round import Choice, Ints, Job, Seen

# What a user should know of how a policy coped, by what it is about: said once, with the first round of it.
Notes = MutableMapping[str, str]


def note(notes: Notes, about: str, seen: Seen, words: str) -> None:
    """Say it, if nothing was said about that yet."""
    notes.setdefault(about, f"round {seen.number}: {words}")


def candidates(seen: Seen, notes: Notes) -> tuple[Ints, int]:
    """The devices that can take part, and how many will: K, or all of them where they are fewer."""
    devices, k = np.flatnonzero(seen.conditions.available), max(seen.job.participants, 0)
    if len(devices) < k:
        note(notes, "few", seen, f"{len(devices)} of {len(seen.kind_of)} devices answer, {k} are wanted: all take part")
    return devices, min(k, len(devices))


def random_of(devices: Ints, k: int, rng: np.random.Generator) -> Ints:
    """K of these devices, all of them where they are fewer; in their order."""
    return np.sort(rng.choice(devices, min(k, len(devices)), replace=False))


def top_of(devices: Ints, value: NDArray[np.floating], k: int, rng: np.random.Generator) -> Ints:
    """The K of these devices with the highest values (one for each of them), ties broken at random; in their order."""
    if k >= len(devices):
        return np.sort(devices)
    if k <= 0:
        return devices[:0]
    edge = np.partition(value, len(value) - k)[len(value) - k]
    above = devices[value > edge]
    return np.sort(np.concatenate((above, random_of(devices[value == edge], k - len(above), rng))))


def plain(devices: Ints, job: Job, target: Ints | None = None) -> Choice:
    """A choice with the job's batch and epochs, on these targets or on the first of each device."""
    same = np.ones(len(devices), dtype=np.int64)
    return Choice(devices, 0 * same if target is None else target, job.batch * same, job.epochs * same)

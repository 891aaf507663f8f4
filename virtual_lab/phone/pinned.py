"""Processes that are pinned to processors of the phone, which this machine need not have."""

from collections.abc import Iterable
from dataclasses import dataclass

from edgewatt.virtual_lab.phone.personality import Personality


@dataclass(frozen=True, slots=True)
class Pinned:
    """So many busy threads that may use these processors; whether they copy memory, and for which share of time."""

    allowed: tuple[int, ...]
    threads: int = 1
    copies: bool = False
    share: float = 1.0


def placed(phone: Personality, pinned: Iterable[Pinned]) -> dict[int, Pinned]:
    """The processors that work, and for whom. A thread takes the last free one that it may use.

    Where none is free it waits for one, which changes nothing of what the phone draws.
    """
    online = {cpu for cluster in phone.clusters if cluster.online for cpu in cluster.cpus}
    taken: dict[int, Pinned] = {}
    for one in sorted(pinned, key=lambda one: len(one.allowed)):
        free = sorted((cpu for cpu in set(one.allowed) & online if cpu not in taken), reverse=True)
        taken.update(dict.fromkeys(free[: one.threads], one))
    return taken


def cpus_of(mask: str) -> tuple[int, ...]:
    """The processors of a mask as taskset takes it: hexadecimal, with or without 0x; none of anything else."""
    try:
        bits = int(mask, 16) if len(mask) <= 18 else 0
    except ValueError:
        return ()
    return tuple(cpu for cpu in range(max(bits, 0).bit_length()) if bits >> cpu & 1)

"""Seconds against joules: what each of some devices takes on each of its targets, and the best target for each.

FEDL's first sub-problem (Dinh et al., IEEE/ACM ToN 2021): least sum of joules + kappa x the slowest one's seconds. Its
closed form takes joules as the square of a frequency that has no steps. Here targets are the steps that a calibration
has, whatever their joules are, and the same problem is solved on them exactly.
"""

from dataclasses import dataclass, fields

import numpy as np

from edgewatt.models.federated.policies.picking import plain
from edgewatt.models.federated.round import Flags, Fleet, Floats, Ints, Seen


@dataclass(frozen=True, slots=True, eq=False)
class Bill:
    """What devices take, (M, A) each; `fits` False, and zeros, where one has no such target or the batch no room."""

    compute_s: Floats
    send_s: Floats
    compute_j: Floats
    send_j: Floats
    fits: Flags

    @property
    def seconds(self) -> Floats:
        """Of computing and sending."""
        return self.compute_s + self.send_s

    @property
    def joules(self) -> Floats:
        """Of computing and sending."""
        return self.compute_j + self.send_j

    def at(self, devices: Ints) -> "Bill":
        """That of some of the devices."""
        return Bill(*(getattr(self, of.name)[devices] for of in fields(self)))


def bill_of(fleet: Fleet, seen: Seen, devices: Ints, targets_n: int | None = None) -> Bill:
    """What these devices take with the job's batch and epochs around them now, on all targets or on the first few."""
    has = np.array([len(kind.targets) for kind in seen.kinds])[seen.kind_of[devices]]
    most = int(has.max(initial=1))
    bill = np.zeros((4, len(devices), min(targets_n or most, most)))
    fits = np.zeros(bill.shape[1:], dtype=bool)
    for target in range(bill.shape[2]):
        mine = np.flatnonzero(has > target)
        chosen = plain(devices[mine], seen.job, np.full(len(mine), target))
        of = fleet.costs(seen.job, chosen, seen.samples_n, seen.conditions)
        bill[:, mine, target] = of.compute_s, of.send_s, of.compute_j, of.send_j
        fits[mine, target] = of.fits
    compute_s, send_s, compute_j, send_j = np.where(fits, bill, 0.0)
    return Bill(compute_s, send_s, compute_j, send_j, fits)


def traded(bill: Bill, per_s: float) -> Ints:
    """The target of each device, (M,), with the least sum of joules + `per_s` x the greatest seconds.

    A device that fits on no target is left out, and gets its first one.
    """
    target = np.zeros(len(bill.fits), dtype=np.int64)
    possible = bill.fits.any(axis=1)
    if not possible.any():
        return target
    fits = bill.fits[possible]
    seconds = np.where(fits, bill.seconds[possible], np.inf)
    joules = np.where(fits, bill.joules[possible], np.inf)
    # Each device's least joules on targets that take so long at most, and by how much a longer round lowers the sum.
    order = seconds.argsort(axis=1)
    times = np.take_along_axis(seconds, order, axis=1)
    least = np.minimum.accumulate(np.take_along_axis(joules, order, axis=1), axis=1)
    when, saved = times[:, 1:].ravel(), np.diff(least, axis=1).ravel()
    later = when.argsort()
    shortest_s = times[:, 0].max()
    ends = np.concatenate(([shortest_s], when[later][np.isfinite(when[later]) & (when[later] > shortest_s)]))
    sums = np.concatenate(([0.0], saved[later].cumsum()))[np.searchsorted(when[later], ends, side="right")]
    round_s = ends[(sums + per_s * ends).argmin()]
    target[possible] = np.where(seconds <= round_s, joules, np.inf).argmin(axis=1)
    return target

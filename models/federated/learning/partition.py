"""Which device holds which samples: evenly, by Dirichlet over classes, or as the data themselves say.

AutoFL (arXiv 2107.08147; the project's facts, 1.7): Non-IID(M %) means that M % of devices hold non-IID data, drawn by
Dirichlet(0.1) over classes, and the rest hold all classes evenly.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.federated.round import Flags, Floats, Ints
from edgewatt.profiler.errors import UsageError

CONCENTRATION: Final = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """Numbers of the samples that each of N devices holds, the share of all classes among them (N,), who is non-IID.

    A device may hold few samples or none: its `classes_ratio` is then 0, and an update of it is refused by name.
    """

    rows: tuple[Ints, ...]
    classes_ratio: Floats
    skewed: Flags

    @property
    def samples_n(self) -> Ints:
        """Samples on each device, (N,)."""
        return np.array([len(of) for of in self.rows], np.int64)

    @property
    def empty(self) -> Ints:
        """Devices that hold nothing."""
        return np.flatnonzero(self.samples_n == 0)


@dataclass(frozen=True, slots=True)
class Split:
    """How samples come to N devices; the same seed gives the same parts.

    `share_percent` of devices are non-IID: those of a smaller share are among those of a larger one. `each` None:
    every sample is on one device. A number: every device holds as many, and devices may hold the same ones (a data set
    of 1,437 digits is too small for 200 devices that have all ten classes).
    """

    devices_n: int
    share_percent: float = 0.0
    seed: int = 0
    each: int | None = None
    concentration: float = CONCENTRATION

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise UsageError(f"seed: {self.seed}; expected 0 or more")
        if not 1 <= self.devices_n <= 10_000_000:
            raise UsageError(f"devices: {self.devices_n}; expected 1 to 10 million")
        if not 0 <= self.share_percent <= 100:
            raise UsageError(f"share of non-IID devices: {self.share_percent}; expected a percentage, 0 to 100")
        if self.each is not None and not 1 <= self.each <= 1_000_000:
            raise UsageError(f"samples of each device: {self.each}; expected 1 to 1 million")
        if not 1e-4 <= self.concentration <= 1e6:
            raise UsageError(f"concentration of Dirichlet: {self.concentration}; expected 0.0001 to 1,000,000")


def parted(targets: NDArray[Any], how: Split) -> Parts:
    """The samples of these classes [n] (or flags [n, classes]) over devices.

    Even devices are dealt all classes in their shares of the whole, as near as numbers allow. A skewed one draws its
    own mix of classes; where a class has run out, the rest of its mix fills the place. Of many classes one counts.
    """
    classes = targets if targets.ndim == 1 else targets.argmax(axis=1)
    rng = np.random.default_rng([how.seed, 0x9A27])
    skewed = np.zeros(how.devices_n, bool)
    skewed[rng.permutation(how.devices_n)[: round(how.devices_n * how.share_percent / 100)]] = True
    dealt = _dealt(classes, rng)
    rows = _apart(classes, dealt, skewed, how, rng) if how.each is None else _shared(classes, dealt, skewed, how, rng)
    return Parts(tuple(rows), ratios(targets, rows), skewed)


def by_owner(owners: Ints, devices_n: int, targets: NDArray[Any]) -> Parts:
    """Device d holds what owner d does, and all count as non-IID.

    Devices beyond the last owner hold nothing; owners beyond the last device, and -1, take no part.
    """
    order = np.argsort(owners, kind="stable")
    ends = np.searchsorted(owners[order], np.arange(devices_n + 1))
    rows = tuple(order[ends[d] : ends[d + 1]] for d in range(devices_n))
    return Parts(rows, ratios(targets, rows), np.ones(devices_n, bool))


def ratios(targets: NDArray[Any], rows: tuple[Ints, ...] | list[Ints]) -> Floats:
    """The share of all classes that occur which each device holds, (N,)."""
    if targets.ndim == 2:
        all_n = int(targets.any(axis=0).sum())
        held = [int(targets[of].any(axis=0).sum()) for of in rows]
    else:
        all_n = len(np.unique(targets))
        held = [len(np.unique(targets[of])) for of in rows]
    return np.asarray(held, np.float64) / max(all_n, 1)


def _dealt(classes: NDArray[Any], rng: np.random.Generator) -> Ints:
    """All samples in an order of which every stretch has all classes in their shares, as near as can be."""
    order = rng.permutation(len(classes))
    by_class = order[np.argsort(classes[order], kind="stable")]
    _, starts, counts = np.unique(classes[by_class], return_index=True, return_counts=True)
    turn = np.arange(len(classes)) - np.repeat(starts, counts)
    return by_class[np.argsort((turn + rng.random(len(counts)).repeat(counts)) / counts.repeat(counts), kind="stable")]


def _apart(classes: NDArray[Any], dealt: Ints, skewed: Flags, how: Split, rng: np.random.Generator) -> list[Ints]:
    """Every sample on one device."""
    sizes = np.full(how.devices_n, len(classes) // how.devices_n)
    sizes[rng.permutation(how.devices_n)[: len(classes) % how.devices_n]] += 1
    even_n = int(sizes[~skewed].sum())
    rows: list[Ints] = [np.empty(0, np.int64)] * how.devices_n
    ends = np.cumsum(sizes[~skewed])
    for device, of in zip(np.flatnonzero(~skewed), np.split(dealt[:even_n], ends[:-1]), strict=False):
        rows[device] = of
    pools = [list(of) for of in _by_class(classes, dealt[even_n:])]
    for device in np.flatnonzero(skewed & (sizes > 0)):
        counts = _mixed([len(pool) for pool in pools], int(sizes[device]), how.concentration, rng)
        rows[device] = np.array([pool.pop() for pool, n in zip(pools, counts, strict=True) for _ in range(n)], np.int64)
    return rows


def _by_class(classes: NDArray[Any], rows: Ints) -> list[Ints]:
    return [rows[classes[rows] == name] for name in np.unique(classes)]


def _mixed(left: list[int], size: int, concentration: float, rng: np.random.Generator) -> Ints:
    """How many samples of each class a skewed device takes of those that are left, `size` in all if there are."""
    mix = rng.dirichlet(np.full(len(left), concentration))
    taken = np.zeros(len(left), np.int64)
    size = min(size, sum(left))
    while taken.sum() < size:
        # The mix of what there still is; classes that it hardly holds fill the place last.
        now = np.where(taken < left, mix + 1e-12, 0.0)
        taken = np.minimum(taken + rng.multinomial(size - taken.sum(), now / now.sum()), left)
    return taken


def _shared(classes: NDArray[Any], dealt: Ints, skewed: Flags, how: Split, rng: np.random.Generator) -> list[Ints]:
    """As many samples on each device, no sample twice on one; two devices may hold the same."""
    each = min(how.each or 0, len(classes))
    pools = _by_class(classes, np.arange(len(classes)))
    lengths = [len(pool) for pool in pools]
    rows: list[Ints] = []
    for device in range(how.devices_n):
        if skewed[device]:
            counts = _mixed(lengths, each, how.concentration, rng)
            taken = [rng.choice(pool, n, replace=False) for pool, n in zip(pools, counts, strict=True) if n]
            rows.append(np.concatenate(taken))
        else:
            # A stretch of the deal from a place of its own.
            rows.append(dealt[(int(rng.integers(len(dealt))) + np.arange(each)) % len(dealt)])
    return rows

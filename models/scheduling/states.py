"""AutoScale's states: what a decision looks at, in bins (its table of states; bins found by DBSCAN)."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgewatt.models.scheduling.constants import Constants
from edgewatt.models.scheduling.workloads import Workload
from edgewatt.models.scheduling.world import Conditions
from edgewatt.profiler.errors import UsageError

FEATURES: Final = (
    "conv_n", "fc_n", "rc_n", "macs_n", "co_cpu_ratio", "co_memory_ratio", "rssi_wlan_dbm", "rssi_p2p_dbm",
)  # fmt: skip
# A share that is not above this is no co-runner: the bin `none` is exactly 0.
_NONE: Final = np.nextafter(0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Bins:
    """The ends of the bins of each of FEATURES, rising; a value equal to an end is in the bin above it.

    For signals and for `none` the paper closes a bin above (weak is at or below -80 dBm): those ends are a step higher.
    """

    ends: tuple[tuple[float, ...], ...]

    @property
    def states_n(self) -> int:
        """How many states there are."""
        return prod(len(ends) + 1 for ends in self.ends)

    def of_workload(self, w: Workload) -> int:
        """The part of a state's number that a network decides."""
        return self.number([w.conv_n, w.fc_n, w.rc_n, w.macs_n], range(4))

    def number(self, values: Sequence[float], features: Sequence[int] | range = range(8)) -> int:
        """The part of a state's number that these values of these features decide; of all eight, the state."""
        weights = self.weights()
        return sum(bisect_right(self.ends[k], value) * weights[k] for k, value in zip(features, values, strict=True))

    def of_conditions(self, around: Conditions) -> NDArray[np.intp]:
        """The part of states' numbers that conditions decide."""
        weights = self.weights()
        columns = (around.co_cpu, around.co_memory, around.wlan_dbm, around.p2p_dbm)
        parts = [np.searchsorted(self.ends[4 + k], of, side="right") * weights[4 + k] for k, of in enumerate(columns)]
        return np.asarray(sum(parts), dtype=np.intp)

    def weights(self) -> list[int]:
        """By how much a state's number rises from one bin of each feature to the next."""
        sizes = [len(ends) + 1 for ends in self.ends]
        return [prod(sizes[k + 1 :]) for k in range(len(sizes))]


def bins_of(constants: Constants) -> Bins:
    """The bins of the paper: 4 x 2 x 2 x 3 x 4 x 4 x 2 x 2 = 3,072 states."""
    return Bins(tuple(_ends(name, constants[f"bins.{name}"]) for name in FEATURES))


def _ends(name: str, ends: Sequence[float]) -> tuple[float, ...]:
    if name.startswith("rssi_"):
        return tuple(float(np.nextafter(end, np.inf)) for end in ends)
    return tuple(float(end) if end else float(_NONE) for end in ends)


def fit_bins(values: ArrayLike, *, apart: float, least_n: int = 5) -> tuple[float, ...]:
    """The ends of bins of one feature, by DBSCAN: half way between neighbouring clusters of what was seen.

    `apart`: in the unit of `values`, how far apart neighbours of one cluster may be; `least_n`: how many make one.
    AutoFL names DBSCAN, not its parameters. Raises UsageError without scikit-learn, or for too few values.
    """
    try:
        from sklearn.cluster import DBSCAN  # noqa: PLC0415  (an extra)
    except ModuleNotFoundError:
        raise UsageError("fit_bins needs scikit-learn: pip install 'edgewatt[scheduling]'") from None
    seen = np.asarray(values, dtype=np.float64)
    seen = seen[np.isfinite(seen)]
    if len(seen) < least_n:
        raise UsageError(f"fit_bins saw {len(seen)} values, expected at least {least_n}")
    labels: Any = DBSCAN(eps=apart, min_samples=least_n).fit_predict(seen[:, None])
    spans = sorted((seen[labels == k].min(), seen[labels == k].max()) for k in set(labels.tolist()) - {-1})
    return tuple(float((low[1] + high[0]) / 2) for low, high in pairwise(spans))

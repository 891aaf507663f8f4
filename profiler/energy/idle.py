"""The power of doing nothing, before and after: what the net energy is above."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.energy.windows import WindowEnergies

# Twenty blocks leave Student's t within 7 % of its limit (19 degrees of freedom: 2.09 against 1.96); more of them would
# be shorter, and neighbours would no longer be independent.
BLOCKS: Final = 20

# A mean is not a sum: over the half of an idle window that has samples it still is the mean of idling.
LEAST_COVERAGE: Final = 0.5

# "|before - after| <= 3 % else flag": facts/safe-regression-energy-tables.md, C4.
DRIFT_LIMIT: Final = 0.03

_UPDATES_PER_BLOCK: Final = 2
_PERIODS_PER_BLOCK: Final = 2


@dataclass(frozen=True, slots=True)
class IdlePower:
    """Mean power of each idle window (shape [n], in order of time) at its middle.

    `u_w` is the standard uncertainty of their mean from independent blocks, with `df` degrees of freedom;
    `drift_w` is the last window's power less the first's, None with one window.
    """

    at_ns: NDArray[np.int64]
    power_w: NDArray[np.float64]
    u_w: float
    df: float
    drift_w: float | None = None

    @property
    def mean_w(self) -> float:
        """Mean power of the idle windows."""
        return float(self.power_w.mean())

    @property
    def has_drifted(self) -> bool:
        """True if idling took more than 3 % more or less at the end than at the start."""
        return self.drift_w is not None and abs(self.drift_w) > DRIFT_LIMIT * abs(self.mean_w)

    def at(self, t_ns: int) -> float:
        """Idle power in watt at a time between the windows, by straight lines; constant outside of them."""
        return float(np.interp(t_ns, self.at_ns, self.power_w))


def idle_blocks(t0_ns: NDArray[np.int64], t1_ns: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Starts and ends of BLOCKS equal blocks of each of n windows, int64 of shape [n x BLOCKS]."""
    length_ns = (t1_ns - t0_ns)[:, None]
    edges_ns = t0_ns[:, None] + length_ns * np.arange(BLOCKS + 1) // BLOCKS
    return edges_ns[:, :-1].ravel(), edges_ns[:, 1:].ravel()


def idle_power(at_ns: NDArray[np.int64], windows: WindowEnergies, blocks: WindowEnergies) -> IdlePower | None:
    """The idle power from n idle windows with their middles `at_ns`, and their BLOCKS blocks each; None: cannot tell.

    Blocks are joined until each holds two sensor periods and two updates. If too few are left to have a spread,
    the difference of the windows stands in for it.
    """
    usable = np.flatnonzero((windows.coverage >= LEAST_COVERAGE) & (windows.updates >= _UPDATES_PER_BLOCK))
    if not len(usable):
        return None
    order = usable[np.argsort(at_ns[usable], kind="stable")]
    power_w = _mean_power_w(windows)[order]
    drift_w = float(power_w[-1] - power_w[0]) if len(order) > 1 else None
    squares, n = 0.0, 0
    for k in order.tolist():
        block_w = _independent_w(blocks[slice(k * BLOCKS, (k + 1) * BLOCKS)])
        squares += float(np.sum((block_w - block_w.mean()) ** 2)) if len(block_w) else 0.0
        n += len(block_w)
    df = n - len(order)
    if df >= 1:
        return IdlePower(at_ns[order], power_w, math.sqrt(squares / df / n), float(df), drift_w)
    if drift_w is None:
        return None
    return IdlePower(at_ns[order], power_w, abs(drift_w) / 2, 1.0, drift_w)


def _mean_power_w(windows: WindowEnergies) -> NDArray[np.float64]:
    covered_s = windows.duration_s * windows.coverage
    power_w = np.full(len(windows), np.nan)
    np.divide(windows.energy_j + windows.edge_loss_j, covered_s, out=power_w, where=covered_s > 0)
    return power_w


def _independent_w(blocks: WindowEnergies) -> NDArray[np.float64]:
    """Mean powers of the blocks of one window, joined until all that were seen are long enough; else none."""
    covered_s = blocks.duration_s * blocks.coverage
    for size in (k for k in range(1, BLOCKS + 1) if BLOCKS % k == 0):
        joined_s, seen_s, updates, energy_j = (
            values.reshape(-1, size).sum(axis=1)
            for values in (blocks.duration_s, covered_s, blocks.updates, np.nan_to_num(blocks.energy_j))
        )
        seen = seen_s >= LEAST_COVERAGE * joined_s
        long_enough = joined_s.min() >= _PERIODS_PER_BLOCK * blocks.interval_s
        if long_enough and seen.any() and updates[seen].min() >= _UPDATES_PER_BLOCK:
            mean_w: NDArray[np.float64] = energy_j[seen] / seen_s[seen]
            return mean_w
    return np.empty(0)

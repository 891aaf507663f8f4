"""The power of one domain: a level that jumps at edges, and a power that follows it through a rise time.

Between two edges `x' = (level - x) / tau`, so that

    x(t) = level + (start - level) exp(-dt / tau)
    integral of x = level dt + (start - level) tau (1 - exp(-dt / tau))

with tau the rise time if the level went up at the edge, else the fall time. x stays between the levels it was led to.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.virtual_lab.power.columns import Column
from edgewatt.virtual_lab.power.steps import S_PER_NS, changes, latest

SHORT: Final = 100


class Ramp:
    """Power in watt as an exact function of the true clock in int64 ns. It grows at its end and never changes behind.

    Before the origin the power is the first level. The last level holds until the next edge is added.
    """

    __slots__ = ("_done_j", "_edge_ns", "_fall_s", "_level_w", "_rise_s", "_start_w", "_tau_s")

    def __init__(self, origin_ns: int, level_w: float, *, rise_s: float, fall_s: float) -> None:
        self._rise_s, self._fall_s = rise_s, fall_s
        self._edge_ns = Column(np.int64, origin_ns)
        self._level_w = Column(np.float64, level_w)
        self._start_w = Column(np.float64, level_w)
        self._tau_s = Column(np.float64, rise_s)
        self._done_j = Column(np.float64, 0.0)

    def __len__(self) -> int:
        return len(self._edge_ns)

    def extend(self, edge_ns: NDArray[np.int64], level_w: NDArray[np.float64]) -> None:
        """Lead the power to new levels from ascending instants on, none before the last edge."""
        if len(self) > 1 and edge_ns[0] == self._edge_ns.rows[-1]:
            self._lead_last(float(level_w[0]))
        before_w = float(self._level_w.rows[-1])
        edge_ns, level_w = changes(edge_ns, level_w, before_w)
        if not len(edge_ns):
            return
        tau_s = np.where(np.diff(level_w, prepend=before_w) > 0, self._rise_s, self._fall_s)
        dt_s = np.diff(edge_ns) * S_PER_NS
        kept = np.exp(-dt_s / tau_s[:-1])
        start_w = relax(float(self.power_w(edge_ns[:1])[0]), level_w[:-1], kept)
        pieces_j = level_w[:-1] * dt_s + (start_w[:-1] - level_w[:-1]) * tau_s[:-1] * (1 - kept)
        done_j = np.cumsum(np.concatenate([self.energy_j(edge_ns[:1]), pieces_j]))
        self._edge_ns.extend(edge_ns)
        self._level_w.extend(level_w)
        self._start_w.extend(start_w)
        self._tau_s.extend(tau_s)
        self._done_j.extend(done_j)

    def power_w(self, t_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """Watt at each instant."""
        if len(self) == 1:
            return np.full(np.shape(t_ns), self._level_w.rows[0])
        index, _, kept = self._locate(t_ns)
        start_w = self._start_w.rows[index]
        power_w: NDArray[np.float64] = start_w + (self._level_w.rows[index] - start_w) * (1 - kept)
        return power_w

    def energy_j(self, t_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """Joules from the origin to each instant; negative before it."""
        if len(self) == 1:
            return np.asarray(self._level_w.rows[0] * ((t_ns - self._edge_ns.rows[0]) * S_PER_NS))
        index, dt_s, kept = self._locate(t_ns)
        level_w = self._level_w.rows[index]
        led_j = (self._start_w.rows[index] - level_w) * self._tau_s.rows[index] * (1 - kept)
        energy_j: NDArray[np.float64] = self._done_j.rows[index] + (level_w * dt_s + led_j)
        return energy_j

    def forget_from(self, t_ns: int) -> None:
        """Drop the edges from `t_ns` on, never the origin."""
        self._truncate(max(int(np.searchsorted(self._edge_ns.rows, t_ns)), 1))

    def _lead_last(self, level_w: float) -> None:
        """Lead the last piece, whose edge is now, to another level; what is before the edge stays bit for bit."""
        level, tau = self._level_w.rows, self._tau_s.rows
        if level_w != level[-1]:
            tau[-1] = tau[-2] if level_w == level[-2] else self._rise_s if level_w > level[-2] else self._fall_s
            level[-1] = level_w

    def _locate(self, t_ns: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]:
        """The piece of each instant, the seconds since its edge, and what is left of the distance to the level."""
        index = latest(self._edge_ns.rows, t_ns)
        dt_s = (t_ns - self._edge_ns.rows[index]) * S_PER_NS
        return index, dt_s, np.exp(np.minimum(-dt_s, 0.0) / self._tau_s.rows[index])

    def _truncate(self, size: int) -> None:
        for column in (self._edge_ns, self._level_w, self._start_w, self._tau_s, self._done_j):
            column.truncate(size)


def relax(start: float, level: NDArray[np.float64], kept: NDArray[np.float64]) -> NDArray[np.float64]:
    """x[0] = start, x[k + 1] = kept[k] x[k] + (1 - kept[k]) level[k]: n + 1 values.

    The chain is cut into about sqrt(n) pieces that advance side by side, and then joined.
    """
    n = len(level)
    if n < SHORT:
        x = [start]
        for factor, to in zip(kept.tolist(), level.tolist(), strict=True):
            x.append(factor * x[-1] + (1 - factor) * to)
        return np.array(x)
    length = math.isqrt(n) + 1
    pieces = -(-n // length)
    keep, add = np.ones(pieces * length), np.zeros(pieces * length)
    keep[:n], add[:n] = kept, (1 - kept) * level
    through, own = keep.reshape(pieces, length).T.copy(), add.reshape(pieces, length).T.copy()
    for j in range(1, length):
        own[j] += through[j] * own[j - 1]
        through[j] *= through[j - 1]
    begins = [start]
    for factor, rest in zip(through[-1].tolist(), own[-1].tolist(), strict=True):
        begins.append(factor * begins[-1] + rest)
    joined = through * np.asarray(begins[:pieces]) + own
    return np.concatenate([[start], joined.T.ravel()[:n]])

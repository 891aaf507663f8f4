"""A quantity that is constant between edges: the intensity of a load, a frequency, a temperature, leakage."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.virtual_lab.power.columns import Column

S_PER_NS: Final = 1e-9
_NOTHING: Final = np.empty(0, np.int64)


class Steps:
    """`value[k]` from `edge_ns[k]` on; the first value holds before the origin as well.

    Instants are int64 ns of the true clock. Several values at one instant are the last of them.
    """

    __slots__ = ("_done", "_edge_ns", "_last_ns", "_value")

    def __init__(self, origin_ns: int, value: float) -> None:
        self._edge_ns = Column(np.int64, origin_ns)
        self._value = Column(np.float64, value)
        self._done = Column(np.float64, 0.0)
        self._last_ns = origin_ns

    @property
    def edge_ns(self) -> NDArray[np.int64]:
        """Where the value changes, int64 ascending; the first is the origin."""
        return self._edge_ns.rows

    @property
    def values(self) -> NDArray[np.float64]:
        """The value from each edge on."""
        return self._value.rows

    def extend(self, edge_ns: NDArray[np.int64], value: NDArray[np.float64]) -> None:
        """Add values from ascending instants on, none before the last edge. Raises ValueError if they are not so."""
        if not len(edge_ns):
            return
        if edge_ns[0] < self._last_ns or (edge_ns[1:] < edge_ns[:-1]).any():
            raise ValueError(f"edges have to ascend from {self._last_ns} ns on, and one is earlier")
        if edge_ns[0] == self._last_ns:
            self._value.rows[-1] = value[np.searchsorted(edge_ns, edge_ns[0], side="right") - 1]
        edge_ns, value = changes(edge_ns, value, float(self.values[-1]))
        if not len(edge_ns):
            return
        since_ns = np.concatenate([self.edge_ns[-1:], edge_ns[:-1]])
        before = np.concatenate([self.values[-1:], value[:-1]])
        done = self._done.rows[-1] + np.cumsum((edge_ns - since_ns) * S_PER_NS * before)
        self._edge_ns.extend(edge_ns)
        self._value.extend(value)
        self._done.extend(done)
        self._last_ns = int(edge_ns[-1])

    def at(self, t_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """The value at each instant."""
        values: NDArray[np.float64] = self.values[latest(self.edge_ns, t_ns)]
        return values

    def over(self, t_ns: NDArray[np.int64]) -> NDArray[np.float64] | float:
        """As `at` for ascending instants; one float where it is the same at all of them."""
        if t_ns[0] >= self._last_ns:
            return float(self.values[-1])
        first, last = latest(self.edge_ns, t_ns[[0, -1]])
        return float(self.values[first]) if first == last else self.at(t_ns)

    def integral(self, t_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """Value times seconds from the origin to each instant; negative before it."""
        index = latest(self.edge_ns, t_ns)
        elapsed_s = (t_ns - self.edge_ns[index]) * S_PER_NS
        integral: NDArray[np.float64] = self._done.rows[index] + self.values[index] * elapsed_s
        return integral

    def lasted_s(self, value: float, t_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """Seconds from the origin to each instant in which it was `value`; none before the origin."""
        edge_ns, is_so = self.edge_ns, self.values == value
        done_ns = np.concatenate([[0], np.cumsum(np.where(is_so[:-1], np.diff(edge_ns), 0))])
        index = latest(edge_ns, t_ns)
        lasted_ns = done_ns[index] + np.where(is_so[index], np.maximum(t_ns - edge_ns[index], 0), 0)
        lasted_s: NDArray[np.float64] = lasted_ns * S_PER_NS
        return lasted_s

    def between(self, after_ns: int, until_ns: int) -> NDArray[np.int64]:
        """The edges later than `after_ns` and not later than `until_ns`."""
        if after_ns >= self._last_ns:
            return _NOTHING
        low, high = np.searchsorted(self.edge_ns, [after_ns, until_ns], side="right")
        return self.edge_ns[low:high]

    def forget_from(self, t_ns: int) -> None:
        """Drop the edges from `t_ns` on, never the origin."""
        self._truncate(max(int(np.searchsorted(self.edge_ns, t_ns)), 1))

    def _truncate(self, size: int) -> None:
        for column in (self._edge_ns, self._value, self._done):
            column.truncate(size)
        self._last_ns = int(self.edge_ns[-1])


def changes(
    edge_ns: NDArray[np.int64], value: NDArray[np.float64], before: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Without instants that repeat (the last of them counts) and values that change nothing."""
    if len(edge_ns) > 1 and not (keep := np.append(edge_ns[1:] != edge_ns[:-1], True)).all():
        edge_ns, value = edge_ns[keep], value[keep]
    keep = np.empty(len(value), bool)
    keep[0] = value[0] != before
    np.not_equal(value[1:], value[:-1], out=keep[1:])
    return (edge_ns, value) if keep.all() else (edge_ns[keep], value[keep])


def merged(edges_ns: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """All instants of ascending arrays, each once and ascending."""
    # np.unique would hash them, which is many times slower.
    all_ns = np.sort(np.concatenate(edges_ns), kind="stable")
    once_ns: NDArray[np.int64] = all_ns[np.append(all_ns[1:] != all_ns[:-1], True)]
    return once_ns


def latest(edge_ns: NDArray[np.int64], t_ns: NDArray[np.int64]) -> NDArray[np.intp]:
    """The index of the last edge not after each instant; 0 before the first."""
    if len(edge_ns) == 1:
        return np.zeros(np.shape(t_ns), np.intp)
    index: NDArray[np.intp] = np.searchsorted(edge_ns, t_ns, side="right") - 1
    return np.maximum(index, 0, out=index) if index.ndim else np.maximum(index, 0)

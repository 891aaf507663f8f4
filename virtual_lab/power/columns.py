"""Arrays: one that grows at its end, and long ones worked through in blocks."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import DTypeLike, NDArray

# Short enough for the cache, and for memory that need not be asked of the system each time: twice as fast.
BLOCK: Final = 8192


class Column:
    """Values in a buffer that doubles when it is full; `rows` is a view that later growth leaves as it is."""

    __slots__ = ("_buffer", "_size")

    def __init__(self, dtype: DTypeLike, *first: float) -> None:
        self._buffer = np.zeros(max(16, len(first)), dtype)
        self._buffer[: len(first)] = first
        self._size = len(first)

    def __len__(self) -> int:
        return self._size

    @property
    def rows(self) -> NDArray[Any]:
        """What was written so far."""
        return self._buffer[: self._size]

    def extend(self, values: NDArray[Any]) -> None:
        """Write `values` at the end."""
        size = self._size + len(values)
        if size > len(self._buffer):
            grown = np.zeros(max(size, 2 * len(self._buffer)), self._buffer.dtype)
            grown[: self._size] = self.rows
            self._buffer = grown
        self._buffer[self._size : size] = values
        self._size = size

    def truncate(self, size: int) -> None:
        """Forget all but the first `size` values."""
        self._size = min(size, self._size)


def in_blocks(function: Callable[[NDArray[np.int64]], NDArray[Any]], t_ns: NDArray[np.int64]) -> NDArray[Any]:
    """`function` of an array of any shape, for a function that works element by element."""
    if t_ns.size <= BLOCK:
        return function(t_ns)
    flat_ns = t_ns.ravel()
    parts = [function(flat_ns[first : first + BLOCK]) for first in range(0, len(flat_ns), BLOCK)]
    return np.concatenate(parts).reshape(t_ns.shape)

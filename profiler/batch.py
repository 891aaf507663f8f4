"""What one call of a collector's `read` can return: samples, a stretch without them, or the end."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

# A counter that could not be read; arrives in storage as null. Gauges use NaN.
COUNTER_ABSENT = np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Columns that travel together: `t_ns` (int64, shape [n]) and one array of n values per column.

    Gauges are floats in SI with NaN for "not measured"; counters are int64 in raw units with COUNTER_ABSENT.
    `stream` is the suffix of the collector's stream ("" for its main one).
    """

    t_ns: NDArray[np.int64]
    columns: Mapping[str, NDArray[Any]]
    stream: str = ""

    def __len__(self) -> int:
        return len(self.t_ns)

    @classmethod
    def empty(cls) -> Self:
        """Nothing yet."""
        return cls(np.empty(0, np.int64), {})

    @classmethod
    def row(cls, t_ns: int, values: Mapping[str, float | int | None], *, stream: str = "") -> Self:
        """One sample of every column: a float for a gauge, an int for a counter, None where it was not measured.

        None becomes NaN; a counter that is missing has to be given as COUNTER_ABSENT.
        """
        columns = {name: _one(value) for name, value in values.items()}
        return cls(np.array([t_ns], np.int64), columns, stream)


def _one(value: float | None) -> NDArray[Any]:
    return np.array([np.nan if value is None else value], np.int64 if isinstance(value, int) else np.float64)


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch without samples of a stream, from `t0_ns` to `t1_ns` of the stream's clock, and its cause.

    `stream` is a suffix as in Batch; in a Trace it is the whole name. `samples_lost` is None where nobody counted.
    """

    t0_ns: int
    t1_ns: int
    cause: str
    samples_lost: int | None = None
    stream: str = ""


@dataclass(frozen=True, slots=True)
class End:
    """The source is exhausted and says why: a replay at its end, a device that went away for good."""

    cause: str = "end of recording"

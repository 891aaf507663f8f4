"""The pulses by which a meter finds the device that it feeds: pseudo-random, so that they fit at one place only."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

# measurement.md, Clocks: pulses of 100 to 400 ms, and a train of 5 s.
SHORTEST_S: Final = 0.1
LONGEST_S: Final = 0.4
TRAIN_S: Final = 5.0
# Of so many drawn trains the one is taken that resembles itself least when it is shifted.
_DRAWN: Final = 512
# The mean of lengths whose logarithm is uniform.
_MEAN_S: Final = (LONGEST_S - SHORTEST_S) / math.log(LONGEST_S / SHORTEST_S)
# Edges so close to each other look the same to a rise time of some 10 ms.
_ALIKE_S: Final = 0.02

# (busy, pause) in seconds, one after the other.
Train = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True, eq=False)
class Edges:
    """When n pulses began and ended on the device's clock, int64 of shape [n] each, in order.

    All stamps together may be wrong by up to `bound_ns` (a rectangle): the step of the clock they were read from.
    """

    begin_ns: NDArray[np.int64]
    end_ns: NDArray[np.int64]
    bound_ns: int = 0

    def __post_init__(self) -> None:
        edges_ns = self.all_ns
        if not len(edges_ns) or len(self.begin_ns) != len(self.end_ns) or (np.diff(edges_ns) <= 0).any():
            raise ValueError("a train has at least one pulse, and each edge comes after the one before")

    @property
    def all_ns(self) -> NDArray[np.int64]:
        """Begin, end, begin, end, ...: shape [2 n]."""
        pairs = min(len(self.begin_ns), len(self.end_ns))
        return np.stack([self.begin_ns[:pairs], self.end_ns[:pairs]], axis=1).ravel()

    @property
    def seconds(self) -> NDArray[np.float64]:
        """All of them in seconds from the middle."""
        return np.asarray((self.all_ns - self.middle_ns) * 1e-9, np.float64)

    @property
    def middle_ns(self) -> int:
        """Half way between the first edge and the last."""
        return int(self.begin_ns[0]) + (int(self.end_ns[-1]) - int(self.begin_ns[0])) // 2

    @classmethod
    def of(cls, pairs: Sequence[tuple[int, int]], bound_ns: int = 0) -> Self:
        """Of (begin, end) in ns. Raises ValueError if they are no train."""
        edges_ns = np.asarray(pairs, np.int64).reshape(-1, 2)
        return cls(edges_ns[:, 0].copy(), edges_ns[:, 1].copy(), bound_ns)


# Executes a train on one core of a device and says when. Raises DeviceError.
Pulses = Callable[[Train], Edges]


def train(seed: int, seconds: float = TRAIN_S) -> list[tuple[float, float]]:
    """Pulses and pauses of 100 to 400 ms, together about `seconds`; short ones are more frequent than long ones.

    The same for the same seed. Raises ValueError for less than two pulses.
    """
    if not 4 * LONGEST_S <= seconds < math.inf:
        raise ValueError(f"a train takes at least {4 * LONGEST_S:g} s, not {seconds:g}")
    rng = np.random.default_rng(seed)
    pulses = round(seconds / (2 * _MEAN_S))
    drawn = SHORTEST_S * (LONGEST_S / SHORTEST_S) ** rng.random((_DRAWN, pulses, 2))
    off_s = np.abs(drawn.sum(axis=(1, 2)) - seconds)
    fitting = drawn[off_s <= max(SHORTEST_S, float(off_s.min()))]
    return [(busy_s, pause_s) for busy_s, pause_s in min(fitting, key=_likeness).tolist()]


def length_s(of: Train) -> float:
    """How long a train takes."""
    return math.fsum(busy_s + pause_s for busy_s, pause_s in of)


def _likeness(lengths_s: NDArray[np.float64]) -> float:
    """How many more edges meet their like than their opposite, at the shift where most do."""
    at_s = np.concatenate([[0.0], np.cumsum(lengths_s.ravel())[:-1]])
    sign = np.where(np.arange(len(at_s)) % 2, -1.0, 1.0)
    apart_s = (at_s[:, None] - at_s)[(later := np.tri(len(at_s), k=-1, dtype=bool))]
    alike = np.outer(sign, sign)[later]
    bins = np.bincount((apart_s / _ALIKE_S).astype(np.intp), alike)
    return float(np.max(bins[:-1] + bins[1:], initial=0.0))

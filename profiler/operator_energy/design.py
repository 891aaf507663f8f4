"""Designs: networks that run the operators of one network a different number of times; and what they can tell apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

# The first column of every design: what an inference costs whatever it computes, the call and the idle power meanwhile.
EACH_INFERENCE: Final = 0
# Counts are small whole numbers: what is smaller than this, beside the largest singular value, is rounding.
_ROUNDING: Final = 1e-9


@dataclass(frozen=True, eq=False)
class Designs:
    """How often each operator ran per inference: float64 [designs, 1 + operators], the first column all ones.

    The row at `whole` is the network itself. Columns are named by their place: column 1 + k is the operator at k.
    Raises ValueError for a matrix that is none.
    """

    counts: NDArray[np.float64]
    whole: int

    def __post_init__(self) -> None:
        """Refuse what is no matrix of counts."""
        rows, columns = self.counts.shape if self.counts.ndim == 2 else (0, 0)
        if not (0 <= self.whole < rows and columns > 1):
            raise ValueError(f"expected a row per network and a column per operator, got shape {self.counts.shape}")
        if not (np.isfinite(self.counts).all() and (self.counts >= 0).all() and (self.counts[:, 0] == 1).all()):
            raise ValueError("counts are numbers from 0 on, and every inference is one inference")

    @classmethod
    def of_stretches(cls, stretches: Sequence[tuple[int, int]], operators: int, whole: int) -> "Designs":
        """Networks that run the operators from a first to a last place, both included, once each."""
        counts = np.zeros((len(stretches), 1 + operators))
        counts[:, EACH_INFERENCE] = 1.0
        for row, (first, last) in enumerate(stretches):
            counts[row, 1 + first : 2 + last] = 1.0
        return cls(counts, whole)

    @property
    def of_whole(self) -> NDArray[np.float64]:
        """How often each column counts in the network itself, [1 + operators]."""
        row: NDArray[np.float64] = self.counts[self.whole]
        return row

    @cached_property
    def basis(self) -> NDArray[np.float64]:
        """What the designs see: orthonormal columns [1 + operators, rank] that span the rows of `counts`."""
        _, singular, rows = np.linalg.svd(self.counts, full_matrices=False)
        kept: NDArray[np.float64] = rows[singular > _ROUNDING * singular[0]].T
        return kept

    @property
    def rank(self) -> int:
        """How many things the designs can tell apart."""
        return int(self.basis.shape[1])

    @cached_property
    def condition(self) -> float:
        """How much relative errors can grow: the largest over the smallest singular value that is not nothing."""
        singular = np.linalg.svd(self.counts, compute_uv=False)[: self.rank]
        return float(singular[0] / singular[-1])

    @cached_property
    def groups(self) -> list[tuple[int, ...]]:
        """The columns that run in the network, in what the designs can tell apart; each by its first column.

        Two columns belong together if energy can move between them unseen: if the projector on the null space
        links them. A group's part of the network is then known, since the network's own row sees no such movement.
        """
        columns = len(self.of_whole)
        unseen = np.abs(np.eye(columns) - self.basis @ self.basis.T) > _ROUNDING * columns
        left, found = dict.fromkeys(range(columns)), []
        while left:
            waiting, group = [next(iter(left))], set[int]()
            while waiting:
                column = waiting.pop()
                if column in left:
                    del left[column]
                    group.add(column)
                    waiting += [other for other in left if unseen[column, other]]
            found.append(tuple(sorted(group)))
        return [group for group in found if any(self.of_whole[column] for column in group)]

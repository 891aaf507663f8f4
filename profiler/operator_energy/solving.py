"""Generalised least squares: what groups of operators cost, from designs in which they ran."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.energy.budget import WIDEST
from edgewatt.profiler.energy.terms import Term, half_width_j
from edgewatt.profiler.operator_energy.design import Designs
from edgewatt.profiler.operator_energy.measured import Measured, chi_squared_tail


@dataclass(frozen=True, slots=True)
class Part:
    """What some columns of the designs cost together in the network: a value and half of its 95 % interval."""

    columns: tuple[int, ...]
    value: float
    half_width: float

    @property
    def interval(self) -> tuple[float, float]:
        """Where the same instrument would find it again, at 95 %."""
        return self.value - self.half_width, self.value + self.half_width

    @property
    def is_decided(self) -> bool:
        """True if the interval reaches no further than half of the value: no energy in it is negative or nothing."""
        return self.half_width <= WIDEST * self.value


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """The linear estimator of a set of designs: `weights` [columns, designs] of the values; see `part`."""

    designs: Designs
    measured: Measured
    weights: NDArray[np.float64]

    def part(self, columns: Sequence[int]) -> Part:
        """What these columns cost in the network; they must be whole groups of `Designs.groups`."""
        of_values = self._of_values(columns)
        terms = [
            Term(
                cause.name,
                abs(float(of_values @ cause.u)) if cause.common else float(np.linalg.norm(of_values * cause.u)),
                cause.kind,
                cause.df,
            )
            for cause in self.measured.scatter
        ]
        return Part(tuple(columns), float(of_values @ self.measured.values), half_width_j(terms))

    def covariance(self, parts: Sequence[Part]) -> NDArray[np.float64]:
        """Covariance of parts, [parts, parts]."""
        of_values = np.asarray([self._of_values(part.columns) for part in parts])
        found: NDArray[np.float64] = of_values @ self.measured.covariance @ of_values.T
        return found

    @property
    def spare(self) -> int:
        """How many designs there are more than things to tell apart."""
        return len(self.measured.values) - self.designs.rank

    @property
    def additive_p(self) -> float | None:
        """How likely sums of operators fit this badly by chance; None where no design is spare, so that all fit."""
        if self.spare < 1:
            return None
        missed = self.measured.values - self.designs.counts @ self.weights @ self.measured.values
        return chi_squared_tail(float(missed @ np.linalg.solve(self.measured.covariance, missed)), self.spare)

    def _of_values(self, columns: Sequence[int]) -> NDArray[np.float64]:
        chosen = np.zeros(len(self.designs.of_whole))
        chosen[list(columns)] = self.designs.of_whole[list(columns)]
        found: NDArray[np.float64] = chosen @ self.weights
        return found


def solve(designs: Designs, measured: Measured) -> Solution:
    """The best linear estimator of what the columns of the designs cost (Aitken 1935: (X' V^-1 X)^-1 X' V^-1 y).

    It is taken within what the designs see (`Designs.basis`); what they do not see is set to nothing there, and does
    not reach a part that is made of whole groups.
    """
    root = np.linalg.cholesky(measured.covariance)
    seen = designs.counts @ designs.basis
    inverse = np.linalg.pinv(np.linalg.solve(root, seen))
    return Solution(designs, measured, designs.basis @ inverse @ np.linalg.inv(root))

"""Energies of networks with known operators, with noise that moves the designs of a round together."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.operator_energy.design import Designs
from edgewatt.profiler.operator_energy.grouping import decided
from edgewatt.profiler.operator_energy.measured import measured_of
from edgewatt.profiler.operator_energy.solving import Part, Solution, solve
from edgewatt.profiler.planning.ordering import interleaved


@dataclass(frozen=True)
class Case:
    """A network of `operators`, its prefixes after `ends` (None: all), operators alone, and the noise, relative.

    `own` is the spread of each value, `common` that of each round, `unlike` whether designs scatter by 0.5 to 2 times
    `own`, `drift` how much the last round has more than the first, `slow` the spread of an error that lives for about
    ten turns, in the order in which a run takes them.
    """

    operators: int = 12
    rounds: int = 5
    own: float = 0.01
    common: float = 0.02
    ends: Sequence[int] | None = None
    alone: Sequence[int] = ()
    unlike: bool = False
    drift: float = 0.0
    slow: float = 0.0

    @property
    def designs(self) -> Designs:
        """The network last."""
        ends = range(self.operators - 1) if self.ends is None else self.ends
        stretches = [*((0, end) for end in ends), (0, self.operators - 1), *((one, one) for one in self.alone)]
        return Designs.of_stretches(stretches, self.operators, len(ends))


@dataclass(frozen=True)
class Trial:
    """What was found, and what is true of each column of the designs."""

    solution: Solution
    parts: list[Part]
    truth: NDArray[np.float64]

    @property
    def held(self) -> list[bool]:
        """Whether the interval of each part that is told holds its true energy."""
        return [self.holds(part) for part in self.parts if part.is_decided]

    def holds(self, part: Part) -> bool:
        """Whether its interval holds the truth."""
        low, high = part.interval
        return bool(low <= self.truth[list(part.columns)].sum() <= high)


def trial(case: Case, seed: int) -> Trial:
    """One network whose operators cost from little to much (log-normal, as those of real ones do)."""
    draw = np.random.default_rng(seed)
    truth = np.concatenate([[draw.uniform(0, 0.02)], draw.lognormal(0.0, 1.0, case.operators)]) * 1e-3
    designs = case.designs
    of_round = case.common * draw.standard_normal(case.rounds) + case.drift * np.linspace(-0.5, 0.5, case.rounds)
    own = case.own * (draw.uniform(0.5, 2.0, len(designs.counts)) if case.unlike else np.ones(len(designs.counts)))
    noise = own[:, None] * draw.standard_normal((len(own), case.rounds))
    values = (designs.counts @ truth)[:, None] * (1 + of_round + noise + _slow(case, len(own), draw))
    solution = solve(designs, measured_of(values))
    return Trial(solution, decided(solution), truth)


def _slow(case: Case, designs: int, draw: np.random.Generator) -> NDArray[np.float64]:
    """An error of `case.slow` whose correlation falls to 1/e within ten turns, [designs, rounds]."""
    found, error, kept = np.zeros((designs, case.rounds)), case.slow * draw.standard_normal(), math.exp(-1 / 10)
    for turn in interleaved([case.rounds] * designs, seed=int(draw.integers(1 << 30))):
        error = kept * error + case.slow * math.sqrt(1 - kept**2) * draw.standard_normal()
        found[turn.place, turn.repeat] = error
    return found

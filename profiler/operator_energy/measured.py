"""What was measured of each design, per inference, and how its uncertainties hang together."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

# Where designs scatter more unlike than in one of a hundred sets of equal ones, each keeps its own scatter.
_UNLIKE: Final = 0.01
# A scatter of nothing at all (counts in whole numbers) is not known better than this share of the value: assumed.
LEAST_SCATTER: Final = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Scatter:
    """One cause of uncertainty in every design: standard uncertainties [designs], in the unit of the values.

    `common`: one cause that moves all designs together, each by its u; else they err independently. Type A was
    estimated from values that vary, with `df` degrees of freedom; type B is known of the instrument.
    """

    name: str
    u: NDArray[np.float64]
    kind: Literal["A", "B"] = "A"
    df: float = math.inf
    common: bool = False

    @property
    def covariance(self) -> NDArray[np.float64]:
        """Its part of the covariance, [designs, designs]."""
        return np.outer(self.u, self.u) if self.common else np.diag(self.u**2)


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """The value of each design per inference, [designs], and why it is uncertain."""

    values: NDArray[np.float64]
    scatter: tuple[Scatter, ...]

    @property
    def covariance(self) -> NDArray[np.float64]:
        """Covariance of the values, [designs, designs]; never singular."""
        floor = np.diag((LEAST_SCATTER * self.values) ** 2 + np.finfo(np.float64).tiny)
        return np.asarray(sum((cause.covariance for cause in self.scatter), floor))


def measured_of(rounds: NDArray[np.float64], more: Sequence[Scatter] = ()) -> Measured:
    """The means of values [designs, rounds], NaN where a repeat failed, and their scatter beside `more` causes.

    Repeats of one round ran one after the other, so that what changes slowly (temperature, clock rates, a gauge's
    error) moves all designs together: value = mean (1 + round + own), two random effects of a table with one value a
    cell (Searle, Casella, McCulloch, Variance Components, 1992, section 4.2; remembered). Both are in relative terms,
    as windows of equal length have errors of equal length. Only rounds without a failure count; with fewer than two
    of them, each design has the scatter of its own repeats, and of a single repeat only `more`.
    """
    whole = rounds[:, ~np.isnan(rounds).any(axis=0)]
    if whole.shape[0] > 1 and whole.shape[1] > 1 and whole.mean(axis=1).all():
        return Measured(whole.mean(axis=1), (*_two_effects(whole), *more))
    counts = (~np.isnan(rounds)).sum(axis=1)
    if not counts.all():
        raise ValueError("a design without a single value")
    values = np.nanmean(rounds, axis=1)
    scatter = []
    for row, n in enumerate(counts.tolist()):
        if n > 1:
            u = float(np.nanstd(rounds[row], ddof=1)) / math.sqrt(n)
            scatter.append(_of_one(row, u, n - 1.0, len(values)))
    return Measured(values, (*scatter, *more))


def _two_effects(values: NDArray[np.float64]) -> list[Scatter]:
    designs, rounds = values.shape
    means = values.mean(axis=1)
    relative = values / means[:, None] - 1.0
    of_round = relative.mean(axis=0)
    own = relative - of_round
    df = (designs - 1) * (rounds - 1)
    own_2 = float((own**2).sum()) / df
    # Not less own_2 / designs, which would be without bias: rounds are few, and neighbours among them alike.
    round_2 = float((of_round**2).sum()) / (rounds - 1)
    common = Scatter("rounds", means * math.sqrt(round_2 / rounds), "A", rounds - 1, common=True)
    each_2 = (own**2).sum(axis=1) * designs / (df or 1)
    if _are_alike(each_2, df / designs):
        return [Scatter("repeats", np.abs(means) * math.sqrt(own_2 / rounds), "A", df), common]
    each = [
        _of_one(row, abs(float(means[row])) * math.sqrt(each_2[row] / rounds), df / designs, designs)
        for row in range(designs)
    ]
    return [*each, common]


def _of_one(row: int, u: float, df: float, designs: int) -> Scatter:
    only = np.zeros(designs)
    only[row] = u
    return Scatter(f"repeats of {row}", only, "A", df)


def _are_alike(variances: NDArray[np.float64], df: float) -> bool:
    """Bartlett's test, with the cube root of Wilson and Hilferty (1931) for chi-squared (both remembered)."""
    k = len(variances)
    mean = float(variances.mean())
    if mean == 0 or k < 2:
        return True
    logs = np.log(np.maximum(variances, mean * np.finfo(np.float64).tiny))
    statistic = df * k * (math.log(mean) - float(logs.mean())) / (1 + (k + 1) / (3 * k * df))
    return chi_squared_tail(statistic, k - 1) > _UNLIKE


def chi_squared_tail(value: float, df: float) -> float:
    """The probability that chi-squared exceeds `value`, to about 0.001, by Wilson and Hilferty (1931)."""
    spread = 2 / (9 * df)
    return 1 - NormalDist().cdf(((max(value, 0.0) / df) ** (1 / 3) - (1 - spread)) / math.sqrt(spread))

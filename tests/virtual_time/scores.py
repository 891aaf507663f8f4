"""How often intervals hold the truth, how wide they are, and how far off their middles."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

# Of the interval of a share, 95 %.
_Z: Final = 1.959964


@dataclass(frozen=True, slots=True)
class Trial:
    """What one seed gave of one source and one quantity, in joules per iteration; None where it was refused.

    `seen_j` is the truth as this instrument sees it, `true_j` the plain one; `accuracy_j` is None without a gain.
    """

    seed: int
    source: str
    quantity: str
    true_j: float
    seen_j: float
    value_j: float | None
    repeatability_j: tuple[float, float] | None
    accuracy_j: tuple[float, float] | None
    reasons: tuple[str, ...]

    @property
    def is_held(self) -> bool | None:
        """Whether the repeatability interval holds what the instrument sees."""
        return None if self.repeatability_j is None else _holds(self.repeatability_j, self.seen_j)

    @property
    def is_accurate(self) -> bool | None:
        """Whether the accuracy interval holds the truth."""
        return None if self.accuracy_j is None else _holds(self.accuracy_j, self.true_j)


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many, with the 95 % interval of the share (Wilson's, 1927)."""

    count: int
    of: int

    @property
    def value(self) -> float:
        """The share; NaN of nothing."""
        return self.count / self.of if self.of else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """Where the share lies that many more trials would find."""
        if not self.of:
            return math.nan, math.nan
        n, p, z2 = self.of, self.value, _Z**2
        middle, half = p + z2 / (2 * n), _Z * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
        return (middle - half) / (1 + z2 / n), (middle + half) / (1 + z2 / n)


@dataclass(frozen=True, slots=True)
class Score:
    """The trials of one source and quantity, summed up. Relative to what the instrument sees; NaN without a value."""

    source: str
    quantity: str
    trials: int
    coverage: Share
    accuracy: Share
    half_width: float
    bias: float
    rms: float
    refused: Share
    reasons: tuple[tuple[str, int], ...]


def score(trials: Sequence[Trial]) -> Score:
    """Of trials of one source and quantity. Raises IndexError without one."""
    held = _share(trial.is_held for trial in trials)
    widths, errors = [], []
    for trial in trials:
        if trial.repeatability_j is not None and trial.value_j is not None:
            low_j, high_j = trial.repeatability_j
            widths.append((high_j - low_j) / 2 / abs(trial.seen_j))
            errors.append(trial.value_j / trial.seen_j - 1)
    why = Counter(reason for trial in trials for reason in trial.reasons)
    n = len(errors)
    return Score(
        trials[0].source,
        trials[0].quantity,
        len(trials),
        held,
        _share(trial.is_accurate for trial in trials),
        median(widths) if n else math.nan,
        math.fsum(errors) / n if n else math.nan,
        math.sqrt(math.fsum(e * e for e in errors) / n) if n else math.nan,
        Share(len(trials) - held.of, len(trials)),
        tuple(why.most_common()),
    )


def scores(trials: Iterable[Trial]) -> list[Score]:
    """One per source and quantity, in the order of their first trial."""
    found: dict[tuple[str, str], list[Trial]] = {}
    for trial in trials:
        found.setdefault((trial.source, trial.quantity), []).append(trial)
    return [score(of) for of in found.values()]


def _share(answers: Iterable[bool | None]) -> Share:
    told = [answer for answer in answers if answer is not None]
    return Share(sum(told), len(told))


def _holds(interval_j: tuple[float, float], value_j: float) -> bool:
    return interval_j[0] <= value_j <= interval_j[1]

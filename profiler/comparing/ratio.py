"""The ratio of two measurements of the same thing, with its interval."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.statistics import LEVEL, t_quantile, welch_satterthwaite

# Standard deviation between sessions, relative, where no history says better; ignoring it gave 8 to 37 % false alarms
# (measurement.md, "Comparing, and the gate").
ASSUMED_SIGMA_SESSION: Final = 0.02

_UPPER: Final = (1 + LEVEL) / 2
_Z: Final = NormalDist().inv_cdf(_UPPER)


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One side: the repeats' values (positive, finite, float64 of shape [n], n > 0) and the session of each."""

    values: NDArray[np.float64]
    sessions: Sequence[str | None]

    @property
    def middle(self) -> float:
        """The geometric mean of the values."""
        return _exp(float(np.log(self.values).mean()))


@dataclass(frozen=True, slots=True)
class Ratio:
    """The ratio of the geometric means, with 95 % bounds; None with one repeat on a side.

    `sigma_session` is 0.0 where the sessions of both sides cancel. `dof` are Welch's, None without spread.
    """

    ratio: float
    low: float | None
    high: float | None
    sessions_differ: bool
    sigma_session: float
    dof: float | None


def ratio_of(old: Sample, new: Sample, sigma_session: float = ASSUMED_SIGMA_SESSION) -> Ratio:
    """The ratio of `new` to `old`, on the logarithms of their repeats.

    SE^2 = sigma_s^2 sum_s (a_s - b_s)^2 + s_A^2/n_A + s_B^2/n_B, where a_s and b_s are the shares of session s in each
    side's repeats: 1/S_A + 1/S_B for S_A and S_B sessions of equal size of their own, and 0 for one common session
    (measurement.md, "Comparing, and the gate"). The spread of repeats is multiplied by Student's t with Welch's degrees
    of freedom (Welch 1947, Biometrika 34, 28-35); the session term is of type B and is multiplied by the normal 1.96.
    """
    log_old, log_new = np.log(old.values), np.log(new.values)
    middle = float(log_new.mean() - log_old.mean())
    share = _session_share(old.sessions, new.sessions)
    spread, dof = (None, None) if min(len(log_old), len(log_new)) == 1 else _spread(log_old, log_new)
    half = None if spread is None else math.hypot(spread, _Z * sigma_session * math.sqrt(share))
    return Ratio(
        ratio=_exp(middle),
        low=None if half is None else _exp(middle - half),
        high=None if half is None else _exp(middle + half),
        sessions_differ=share > 0,
        sigma_session=sigma_session if share else 0.0,
        dof=dof,
    )


def _spread(old: NDArray[np.float64], new: NDArray[np.float64]) -> tuple[float, float | None]:
    """Half of the interval that the repeats alone give, on the logarithm, and its degrees of freedom."""
    # Equal values have no spread, whatever rounding makes of their mean.
    terms = [
        (float(logs.std(ddof=1)) / math.sqrt(len(logs)) if np.ptp(logs) else 0.0, len(logs) - 1) for logs in (old, new)
    ]
    u = math.hypot(*(u for u, _ in terms))
    if u == 0.0:
        return 0.0, None
    dof = welch_satterthwaite(terms)
    return t_quantile(_UPPER, dof) * u, dof


def _session_share(old: Sequence[str | None], new: Sequence[str | None]) -> float:
    """How much of the variance between sessions is left in the difference of the two sides."""
    a, b = Counter(old), Counter(new)
    # In whole numbers, so that shares that cancel leave exactly nothing.
    return sum((a[session] * len(new) - b[session] * len(old)) ** 2 for session in a | b) / (len(old) * len(new)) ** 2


def _exp(log: float) -> float:
    try:
        return math.exp(log)
    except OverflowError:
        return math.inf

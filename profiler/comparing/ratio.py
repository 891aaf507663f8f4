"""The ratio of two measurements of the same thing, with its interval."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.statistics import LEVEL, t_quantile, welch_satterthwaite

# Standard deviation between sessions, relative, where no history says better; ignoring it gave 8 to 37 % false alarms
# (measurement.md, "Comparing, and the gate").
ASSUMED_SIGMA_SESSION: Final = 0.02


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One side: the repeats' values (positive, finite, float64 of shape [n], n > 0) and the session of each."""

    values: NDArray[np.float64]
    sessions: Sequence[str | None]

    @property
    def middle(self) -> float:
        """The geometric mean of the values."""
        return _exp(float(np.log(self.values).mean()))

    @property
    def spread(self) -> float | None:
        """The standard deviation of the values' logarithms; None of one value. Equal values have exactly none."""
        if len(self.values) == 1:
            return None
        return float(np.log(self.values).std(ddof=1)) if np.ptp(self.values) else 0.0


@dataclass(frozen=True, slots=True)
class SessionSpread:
    """The standard deviation between sessions, relative, where it comes from, and on how many degrees of freedom.

    `dof` is infinite of one that somebody assumed or gave: its interval is then the normal one.
    """

    sigma: float
    basis: str
    dof: float = math.inf


@dataclass(frozen=True, slots=True)
class Ratio:
    """The ratio of the geometric means, with 95 % bounds; None with one repeat on a side.

    `sigma_session` is 0.0 where the sessions of both sides cancel. `dof` are Welch's, None without spread. On the
    logarithm `u_repeats` is the standard uncertainty by the spread of repeats (None with one on a side), `u_sessions`
    that by sessions, with `dof_sessions`.
    """

    ratio: float
    low: float | None
    high: float | None
    sessions_differ: bool
    sigma_session: float
    dof: float | None
    u_repeats: float | None = None
    u_sessions: float = 0.0
    dof_sessions: float = math.inf

    @property
    def log(self) -> float:
        """Its logarithm."""
        return math.log(self.ratio) if 0 < self.ratio < math.inf else math.copysign(math.inf, self.ratio - 1)

    def half_width(self, level: float) -> float | None:
        """Half of the two-sided interval of this level, on the logarithm; None with one repeat on a side."""
        if self.u_repeats is None:
            return None
        upper = (1 + level) / 2
        spread = t_quantile(upper, self.dof) * self.u_repeats if self.dof is not None else 0.0
        return math.hypot(spread, t_quantile(upper, self.dof_sessions) * self.u_sessions if self.u_sessions else 0.0)


# Peak memory follows neither temperature nor clock: between sessions it is assumed not to spread.
ASSUMED: Final[Mapping[str, SessionSpread]] = {
    "latency_s": SessionSpread(ASSUMED_SIGMA_SESSION, "assumed 2 %"),
    "energy_gross_j": SessionSpread(ASSUMED_SIGMA_SESSION, "assumed 2 %"),
    "memory_peak_b": SessionSpread(0.0, "assumed none"),
}


def ratio_of(old: Sample, new: Sample, sessions: SessionSpread = ASSUMED["latency_s"]) -> Ratio:
    """The ratio of `new` to `old`, on the logarithms of their repeats.

    SE^2 = sigma_s^2 sum_s (a_s - b_s)^2 + s_A^2/n_A + s_B^2/n_B, where a_s and b_s are the shares of session s in each
    side's repeats: 1/S_A + 1/S_B for S_A and S_B sessions of equal size of their own, and 0 for one common session
    (measurement.md, "Comparing, and the gate"). The spread of repeats is multiplied by Student's t with Welch's degrees
    of freedom (Welch 1947, Biometrika 34, 28-35), the session term by that of its own, which is the normal 1.96 of a
    spread that was not estimated.
    """
    log_old, log_new = np.log(old.values), np.log(new.values)
    middle = float(log_new.mean() - log_old.mean())
    share = _session_share(old.sessions, new.sessions)
    u, dof = _spread(old, new)
    sigma = sessions.sigma if share else 0.0
    ratio = Ratio(_exp(middle), None, None, share > 0, sigma, dof, u, sigma * math.sqrt(share), sessions.dof)
    half = ratio.half_width(LEVEL)
    return ratio if half is None else replace(ratio, low=_exp(middle - half), high=_exp(middle + half))


def _spread(old: Sample, new: Sample) -> tuple[float | None, float | None]:
    """The standard uncertainty that the repeats alone give, on the logarithm, and its degrees of freedom."""
    terms = [
        (side.spread / math.sqrt(len(side.values)), len(side.values) - 1)
        for side in (old, new)
        if side.spread is not None
    ]
    if len(terms) < 2:
        return None, None
    u = math.hypot(*(u for u, _ in terms))
    return (u, welch_satterthwaite(terms)) if u else (0.0, None)


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

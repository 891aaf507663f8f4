"""The test behind a verdict: how probable so large a ratio is if nothing changed, and one-sided bounds of it."""

import math
from collections.abc import Sequence
from typing import Final

from edgewatt.profiler.statistics import t_quantile

# How often a check may be wrong about unchanged code: at most 5 % are wanted, of which a tenth is left for what is not
# normal or not independent in the noise (decisions/0012; docs/validation/gate.md).
ALPHA: Final = 0.045
# Up to so many rows a check keeps the probability of any false alarm, above it the share of false among all alarms.
FEW_ROWS: Final = 10
_SMALLEST: Final = 1e-12


def upper_width(p: float, repeats: tuple[float, float | None], sessions: tuple[float, float]) -> float:
    """How far the upper bound of one-sided level 1 - `p` lies above the estimate, on the logarithm.

    `repeats` and `sessions` are a standard uncertainty and its degrees of freedom; each is multiplied by the quantile
    of its own Student's t, and they are added in quadrature (measurement.md: a term of type B is not multiplied by
    the t of the repeats).
    """
    parts = [u * t_quantile(1 - p, dof) for u, dof in (repeats, sessions) if u > 0 and dof is not None]
    return math.hypot(*parts) if parts else 0.0


def p_above(log_ratio: float, repeats: tuple[float, float | None], sessions: tuple[float, float]) -> float | None:
    """The one-sided p of a ratio above 1: the level at which its lower bound touches 1. None without any spread.

    By bisection of the logarithm of p; below 1e-12 it is called 1e-12. A p above 0.5 mirrors that of the other side.
    """
    if repeats[0] <= 0 and sessions[0] <= 0:
        return None
    if log_ratio < 0:
        other = p_above(-log_ratio, repeats, sessions)
        return None if other is None else 1 - other
    low, high = math.log(_SMALLEST), math.log(0.5)
    for _ in range(50):
        middle = (low + high) / 2
        if upper_width(math.exp(middle), repeats, sessions) > log_ratio:
            low = middle
        else:
            high = middle
    return math.exp((low + high) / 2)


def rejected(p_values: Sequence[float], alpha: float = ALPHA) -> list[bool]:
    """Which of the rows of one check are significant at `alpha` together.

    Up to FEW_ROWS by Holm (1979, Scand. J. Statist. 6, 65-70), which keeps the probability of any false one; above by
    Benjamini and Hochberg (1995, J. R. Statist. Soc. B 57, 289-300), which keeps their share, and the probability of
    any where no row changed.
    """
    rows = len(p_values)
    order = sorted(range(rows), key=p_values.__getitem__)
    found = [False] * rows
    if rows <= FEW_ROWS:
        for rank, place in enumerate(order):
            if p_values[place] > alpha / (rows - rank):
                break
            found[place] = True
        return found
    last = max((rank for rank, place in enumerate(order, 1) if p_values[place] <= alpha * rank / rows), default=0)
    for place in order[:last]:
        found[place] = True
    return found


def repeats_needed(u_repeats: float, u_sessions: float, dof: float, n: int, room: float) -> int | None:
    """Repeats a side after which the bound would fit into `room` (on the logarithm); None where sessions forbid it.

    Of as many repeats on either side as now, `n` (the geometric mean of both counts), with the same spread.
    """
    z = t_quantile(1 - ALPHA, math.inf)
    left = room**2 - (z * u_sessions) ** 2
    if left <= 0:
        return None
    factor = (t_quantile(1 - ALPHA, max(dof, 2.0)) * u_repeats) ** 2 / left
    return max(math.ceil(n * factor), 2)

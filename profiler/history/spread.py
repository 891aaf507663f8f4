"""How much sittings of one device differ: from its canary, else from what was measured of the same row."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from edgewatt.profiler.comparing.plain_table import QUANTITIES
from edgewatt.profiler.comparing.ratio import SessionSpread
from edgewatt.profiler.history.changes import change_points
from edgewatt.profiler.history.series import Series

# Fewer sittings say too little of their spread: with 8 the 95 % interval of sigma reaches from 0.66 to 2.04 of it.
FEWEST: Final = 8


def session_spreads(series: Sequence[Series], device_id: str | None) -> Mapping[str, SessionSpread]:
    """The spread between sittings of a device by quantity; of a quantity without enough sittings there is none.

    From canaries where there are any, else from every series of the device, pooled over their degrees of freedom.
    """
    mine = [one for one in series if one.key["device_id"] == device_id]
    found = {}
    for quantity in QUANTITIES:
        of_it = [one for one in mine if one.key["quantity"] == quantity]
        canaries = [one for one in of_it if one.is_canary]
        if (spread := _pooled(canaries, "the canary's")) or (spread := _pooled(of_it, "its")):
            found[quantity] = spread
    return found


def _pooled(series: Sequence[Series], whose: str) -> SessionSpread | None:
    """Of series with enough sittings; the spread of repeats is in it, which makes it wider rather than narrower.

    Only one series counts fully: those of one device share their sittings, so degrees of freedom do not add up.
    """
    squares, dofs = [], []
    for one in series:
        if len(one.logs) < FEWEST:
            continue
        residual, dof = _residual(one)
        squares.append(residual)
        dofs.append(dof)
    if not squares:
        return None
    sigma = float(np.sqrt(np.average(np.array(squares) / dofs, weights=dofs)))
    sittings = max(len(one.logs) for one in series)
    return SessionSpread(sigma, f"{100 * sigma:.2g} %, {whose} history of {sittings} sittings", float(min(dofs)))


def _residual(one: Series) -> tuple[float, int]:
    """The sum of squares around the means between changes, and its degrees of freedom."""
    edges = [0, *(change.at for change in change_points(one.logs)), len(one.logs)]
    parts = [one.logs[a:b] for a, b in pairwise(edges)]
    return float(sum(((part - part.mean()) ** 2).sum() for part in parts)), len(one.logs) - len(parts)

"""Clusters of participants: so many of each tier (AutoFL's table 4; facts on federated learning, 1.7)."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from edgewatt.models.federated.round import HIGH, LOW, MID, Ints
from edgewatt.models.scheduling.constants import Constants

# Where participants come from if a tier has too few: the nearest tier, of two the slower one.
_INSTEAD: Final = {HIGH: (MID, LOW), MID: (LOW, HIGH), LOW: (MID, HIGH)}


def clusters_of(constants: Constants) -> dict[str, Ints]:
    """C1 to C7 by name: participants of each tier, (3,), of 20."""
    return {name: np.array(of.value, dtype=np.int64) for name, of in constants.under("clusters").items()}


def scaled(counts: Ints, k: int) -> Ints:
    """The same shares of K participants, (3,); what rounding leaves goes to the greatest remainders, the faster first.

    C2 (15, 5, 0) is (8, 2, 0) where K is 10.
    """
    exact = counts * k / counts.sum()
    whole: Ints = np.floor(exact).astype(np.int64)
    order = np.argsort(whole - exact, kind="stable")
    whole[order[: k - whole.sum()]] += 1
    return whole


def filled(counts: Ints, have: Sequence[int] | Ints) -> Ints:
    """As many of each tier as there are, (3,); what a tier lacks comes from the nearest tier that has more."""
    got: Ints = np.minimum(counts, have)
    for tier, instead in _INSTEAD.items():
        lacking = counts[tier] - min(counts[tier], have[tier])
        for other in instead:
            more = min(lacking, have[other] - got[other])
            got[other] += more
            lacking -= more
    return got

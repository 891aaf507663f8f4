"""How long the frozen prefix should be now: how far its representation has moved against what freezing it saves."""

from collections.abc import Sequence

import numpy as np


def longer_prefix(frozen_n: int, importance: Sequence[float], saved: Sequence[float], price: float) -> int:
    """The length to which a prefix of `frozen_n` layers should grow.

    `importance` (L,): how far each layer's representation has moved, which holds what moved below it; a prefix costs
    the largest in it, as a share of the largest of all. Where nothing has moved nothing can be told: it does not grow.
    `saved` (L + 1,) or (L,), ascending: the share of a step's cost that a frozen prefix of 0, 1, ... layers saves; a
    length that is not in it is not allowed.

    It is the longest that costs less than `price` per share saved: one that saves much may cost more.
    """
    largest = max(importance)
    if largest <= 0:
        return frozen_n
    costs = np.maximum.accumulate(np.concatenate([[0.0], np.asarray(importance) / largest]))[: len(saved)]
    cheap = np.flatnonzero(costs < price * np.asarray(saved))
    return max(frozen_n, int(cheap[-1]) if len(cheap) else 0)

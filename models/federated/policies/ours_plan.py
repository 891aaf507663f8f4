"""Which devices, and how each works, for most progress per joule of the whole fleet.

With the weight q and the progress v of each participant (ours_progress.py), its joules j and seconds t, and the idle
watts I of everybody during the round:
    progress = sum(q v) / (spread + sum(q))         the mean of v, times what is left after the noise of few devices
    cost = base + sum(j) + I max(t)
The logarithm of their ratio rises with a participant that works in a way by about
    q v / sum(q v) - q / (spread + sum(q)) - j / cost
So, for each of some deadlines, every device works on the target of least joules that is in time, in the way that is
best (a slow device does fewer epochs, a fast one takes a lower frequency, or does more); the best devices are put in
order; and the ratio itself says how many of them take part. The sums of one pass serve the next. The best deadline
wins, and is looked for more closely around the best one of a coarse row.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from edgewatt.models.federated.round import Floats, Ints

_COARSE: Final = 10
_FINE: Final = 4
_PASSES: Final = 3


@dataclass(frozen=True, slots=True, eq=False)
class Ways:
    """What M devices can do: on each of W targets in each of C ways, seconds and joules (M, W, C); infinite: cannot.

    `progress` (M, C) of each way; `weight` (M,): what the data of each device is worth.
    """

    seconds: Floats
    joules: Floats
    progress: Floats
    weight: Floats

    def of(self, some: Ints) -> "Ways":
        """Those of some devices."""
        return Ways(self.seconds[some], self.joules[some], self.progress[some], self.weight[some])


@dataclass(frozen=True, slots=True)
class Terms:
    """Idle watts of the fleet, joules of any round, the spread, and how many participants are allowed."""

    idle_w: float
    base_j: float
    spread: float
    most_n: int


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Which of the M devices take part, on which of the W targets, in which of the C ways, (K,) each.

    `value`: progress per joule.
    """

    who: Ints
    target: Ints
    way: Ints
    value: float


_NONE: Final = np.empty(0, dtype=np.int64)
NOBODY: Final = Plan(_NONE, _NONE, _NONE, -np.inf)


def planned(ways: Ways, terms: Terms) -> Plan:
    """The best plan; NOBODY where no device can do anything."""
    quickest = ways.seconds.min(axis=(1, 2), initial=np.inf)
    able = np.flatnonzero(np.isfinite(quickest) & (ways.weight > 0))
    if not len(able):
        return NOBODY
    some, quickest = ways.of(able), quickest[able]
    longest = some.seconds[np.isfinite(some.seconds)].max()
    ratio = max(float(longest / quickest.min()), 1.0) ** (1 / (_COARSE - 1))
    coarse = [float(quickest.min()) * ratio**k for k in range(_COARSE)]
    plans = [_in_time(some, quickest, d, terms) for d in coarse]
    at = coarse[max(range(_COARSE), key=lambda k: plans[k].value)]
    fine = [at * ratio ** (k / (_FINE + 1)) for k in range(-_FINE, _FINE + 1) if k]
    plans += [_in_time(some, quickest, d, terms) for d in fine]
    best = max(plans, key=lambda plan: plan.value)
    return Plan(able[best.who], best.target, best.way, best.value)


def _in_time(ways: Ways, quickest: Floats, deadline_s: float, terms: Terms) -> Plan:
    """The best plan of a round that takes at most so long."""
    able = np.flatnonzero(quickest <= deadline_s * (1 + 1e-9))
    if not len(able):
        return NOBODY
    seconds, weight, progress = ways.seconds[able], ways.weight[able], ways.progress[able]
    joules = np.where(seconds <= deadline_s * (1 + 1e-9), ways.joules[able], np.inf)
    target = joules.argmin(axis=1)
    seconds, joules = (np.take_along_axis(of, target[:, None], axis=1)[:, 0] for of in (seconds, joules))
    rows = np.arange(len(able))
    # To begin with each device pays its share of what a round of as many as are allowed takes.
    shared_j = (terms.base_j + terms.idle_w * deadline_s) / min(terms.most_n, len(able))
    worth = progress / (joules + shared_j)
    way = worth.argmax(axis=1)
    gain, best = weight * worth[rows, way], NOBODY
    for _ in range(_PASSES):
        order = np.argsort(-gain, kind="stable")[: terms.most_n]
        does = order, way[order]
        q, v, j, last_s = weight[order], progress[does], joules[does], np.maximum.accumulate(seconds[does])
        done, whole = (q * v).cumsum(), terms.spread + q.cumsum()
        cost = terms.base_j + j.cumsum() + terms.idle_w * last_s
        value = done / (whole * cost)
        k = int(np.nan_to_num(value, nan=-np.inf).argmax())
        if value[k] > best.value:
            best = Plan(able[order[: k + 1]], target[does][: k + 1], does[1][: k + 1], float(value[k]))
        gains = weight[:, None] * progress / done[k] - joules / cost[k]
        way = gains.argmax(axis=1)
        gain = gains[rows, way] - weight / whole[k]
    return best

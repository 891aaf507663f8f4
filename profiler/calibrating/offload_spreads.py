"""By what share of itself the time of an exchange scatters from window to window, told by all sizes together.

A time is a round trip and bytes over a rate. Round trips differ from exchange to exchange, and average out; the rate is
that of its window. So a size scatters by the rate's share of its time, and a few windows of each size tell one spread;
transfers of the radio step, which went over the same link, tell it as well. Where sizes scatter by more than that
together, all are as much wider (Birge, Physical Review 40, 1932; remembered).
"""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.calibrating.spreads import UNKNOWN, Spread, moderated, spread_of
from edgewatt.profiler.calibrating.values import together

# A size whose time is so much its transfer tells how the rate scatters; assumed.
_MOSTLY: Final = 0.5
# The exchanges of one window, in seconds.
Window = NDArray[np.float64]


def send_spreads(windows: Sequence[Sequence[Window]], sent_b: Sequence[int | None], rate: Spread) -> list[Spread]:
    """Of each size with its windows; `rate` is how a rate scatters elsewhere, of no df if nobody saw it."""
    own = [_between(of) for of in windows]
    means = [float(np.mean([one.mean() for one in of])) if of else math.nan for of in windows]
    sizes = [(float(b), mean) for b, mean in zip(sent_b, means, strict=True) if b is not None and mean > 0]
    if len(sizes) < len(windows) or len({b for b, _ in sizes}) < 2:
        return moderated(own)
    least, most = min(sizes), max(sizes)
    per_b = max((most[1] - least[1]) / (most[0] - least[0]), 0.0)
    shares = [min(per_b * b / mean, 1.0) for b, mean in sizes]
    mostly = [k for k, share in enumerate(shares) if share > _MOSTLY]
    told = moderated([*(own[k] for k in mostly), rate]) if mostly else [rate]
    of_rate = {k: told[place] for place, k in enumerate(mostly)}
    expected = []
    for k, share in enumerate(shares):
        moved = of_rate.get(k, told[-1])
        expected.append(Spread(*together([_within(windows[k]), (share * moved.sd, moved.df)])) if moved.df else UNKNOWN)
    if any(one.df <= 0 or one.sd <= 0 for one in expected):
        return moderated(own)
    more = _more(own, expected)
    return [Spread(one.sd * more, one.df) for one in expected]


def time_spreads(windows: Sequence[Sequence[Window]]) -> list[Spread]:
    """Of a part of an exchange that is alike for all sizes."""
    return moderated([_between(of) for of in windows])


def _between(of: Sequence[Window]) -> Spread:
    means = [float(one.mean()) for one in of]
    return spread_of(np.log(means)) if means and min(means) > 0 else UNKNOWN


def _within(of: Sequence[Window]) -> tuple[float, float]:
    """What exchanges that differ by themselves leave of the mean of a window: the share, degrees of freedom."""
    df = math.fsum(len(one) - 1 for one in of)
    square = math.fsum(float(((one / one.mean() - 1) ** 2).sum()) for one in of) / df if df else 0.0
    return math.sqrt(square / float(np.mean([len(one) for one in of]))), df


def _more(own: Sequence[Spread], expected: Sequence[Spread]) -> float:
    told = [(one, by) for one, by in zip(own, expected, strict=True) if one.df > 0]
    df = math.fsum(one.df for one, _ in told)
    return math.sqrt(max(math.fsum(one.df * (one.sd / by.sd) ** 2 for one, by in told) / df, 1.0)) if df else 1.0

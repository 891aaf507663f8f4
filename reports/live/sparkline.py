"""A series as one character per value."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

BARS: Final = "▁▂▃▄▅▆▇█"
GAP: Final = "·"


def sparkline(series: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64], width: int) -> str:
    """The newest `width` values between the least and the most that were seen in that time; a dot where nothing came.

    A bar stands for the mean of its second, or for its highest value where that is the highest of all, so that a peak
    is seen. A series that stays as it is lies in the middle.

    >>> import numpy as np
    >>> sparkline(np.array([1.0, np.nan, 2.0]), np.array([1.0, np.nan, 2.0]), np.array([1.0, np.nan, 9.0]), 3)
    '▁·█'
    """
    series, low, high = (of[-width:] if width > 0 else of[:0] for of in (series, low, high))
    known = np.isfinite(series)
    if not known.any():
        return GAP * len(series)
    least, most = float(np.min(low[known])), float(np.max(high[known]))
    shown = np.where(high == most, high, series)
    span = most - least
    if not span > abs(most) * 1e-9:
        return "".join(BARS[3] if there else GAP for there in known.tolist())
    with np.errstate(invalid="ignore"):
        steps = np.clip((shown - least) / span * len(BARS), 0, len(BARS) - 1)
    return "".join(
        BARS[int(step)] if there else GAP for step, there in zip(steps.tolist(), known.tolist(), strict=True)
    )

"""The control chart of a canary: whether the device is what it was, before the program is suspected."""

import math
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.history.changes import change_points, segment_of_now
from edgewatt.profiler.history.series import Series
from edgewatt.profiler.statistics import t_quantile

State = Literal["in_control", "out", "drifting", "too_few"]
# The usual three sigmas (Shewhart), as a probability, so that few sittings widen them.
_TAIL: Final = 0.00135
_FEWEST: Final = 6
# So many in a row on one side of the middle (Western Electric Handbook 1956, rule 4).
_RUN: Final = 8


@dataclass(frozen=True, slots=True)
class Chart:
    """The last sitting of a canary beside those before it: limits and the value in SI, and what that means."""

    series: Series
    state: State
    value: float
    middle: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def sentence(self) -> str:
        """What to think of a verdict on this device."""
        what = f"canary of {self.series.key['device_id']}, {self.series.key['quantity']}"
        if self.state == "too_few" or self.middle is None:
            return f"{what}: {len(self.series.logs)} sittings are too few to say whether the device is what it was"
        by = f"{100 * (self.value / self.middle - 1):+.2g} % from its middle"
        if self.state == "out":
            return f"{what}: out of control, {by}: the device, the meter or the room changed, whatever the program did"
        if self.state == "drifting":
            return f"{what}: {_RUN} sittings in a row on one side, now {by}: the device drifts"
        return f"{what}: in control, {by}"


def chart_of(series: Series) -> Chart:
    """The chart of a canary's last sitting, against those since its last change but one sitting."""
    now, before = series.logs[-1], _before(series.logs)
    value = math.exp(now)
    if len(before) < _FEWEST:
        return Chart(series, "too_few", value)
    middle, spread = float(before.mean()), float(before.std(ddof=1))
    width = t_quantile(1 - _TAIL, len(before) - 1) * spread * math.sqrt(1 + 1 / len(before))
    sides = np.sign(series.logs[-_RUN:] - middle)
    state: State = "in_control"
    if abs(now - middle) > width:
        state = "out"
    elif len(sides) == _RUN and abs(sides.sum()) == _RUN:
        state = "drifting"
    low, high = (math.exp(middle + side * width) for side in (-1, 1))
    return Chart(series, state, value, math.exp(middle), low, high)


def _before(logs: NDArray[np.float64]) -> NDArray[np.float64]:
    earlier = logs[:-1]
    return segment_of_now(earlier, change_points(earlier))

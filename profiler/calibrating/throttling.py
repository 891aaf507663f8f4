"""How the speed of a load falls while it goes on, from the frequency of what executes it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.calibrating.values import Value, within

Array = NDArray[np.float64]

# A frequency that is so much below that of the start has fallen; a governor's finest step is larger (assumed).
FALLEN: Final = 0.98
_START: Final = 5
_LASTS: Final = 3
_BLOCKS: Final = 8
POINTS: Final = 30


@dataclass(frozen=True, slots=True)
class Throttled:
    """`onset_s` since the load began and `trip_c` there (None: it never fell), and what speed is left at the end.

    `curve` has time since the load began, speed relative to the start and temperature (None: not known).
    """

    onset_s: float | None
    trip_c: float | None
    sustained: Value
    curve: tuple[tuple[float, float, float | None], ...]


def throttled(t_s: Array, hz: Array, warm_t_s: Array, warm_c: Array) -> Throttled | None:
    """What frequencies `hz` [n] at `t_s` since the load began, in its windows only, show; None: too few.

    Temperatures are looked up at those times.
    """
    if len(t_s) < _START + _BLOCKS:
        return None
    start = float(np.median(hz[:_START]))
    speed = hz / start
    low = speed < FALLEN
    lasting = [k for k in range(len(low) - _LASTS + 1) if low[k : k + _LASTS].all()]
    onset_s = float(t_s[lasting[0]]) if lasting else None
    late = speed[t_s >= t_s[0] + 0.75 * (t_s[-1] - t_s[0])]
    blocks = np.asarray([float(block.mean()) for block in np.array_split(late, _BLOCKS) if len(block)])
    u = float(blocks.std(ddof=1)) / math.sqrt(len(blocks)) if len(blocks) > 1 else math.nan
    edges = np.linspace(t_s[0], t_s[-1], POINTS + 1)
    places = np.clip(np.searchsorted(edges, t_s, "right") - 1, 0, POINTS - 1)
    curve = tuple(
        (
            float(t_s[places == k].mean()),
            float(speed[places == k].mean()),
            temperature_at(float(t_s[places == k].mean()), warm_t_s, warm_c),
        )
        for k in np.unique(places)
    )
    trip_c = None if onset_s is None else temperature_at(onset_s, warm_t_s, warm_c)
    return Throttled(onset_s, trip_c, within(float(late.mean()), u, max(len(blocks) - 1, 1)), curve)


def temperature_at(t_s: float, warm_t_s: Sequence[float] | Array, warm_c: Array) -> float | None:
    """The temperature between two readings, None without any."""
    return float(np.interp(t_s, warm_t_s, warm_c)) if len(warm_c) else None

"""The loads that a sensor is asked with: pulses of random lengths, from far shorter than its period to far longer."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.synchronising.train import LONGEST_S, SHORTEST_S

# (busy, pause) in seconds.
Pulses = list[tuple[float, float]]

# A first look: whatever the period, up to a few seconds, readings change often while it lasts.
FIRST_S: Final = 12.0
# Within a second stage pulses last so many periods of the sensor: its lag and window show, and its plateaus too.
_PERIODS: Final = (0.3, 4.0)
# A third of the pulses are a burst of short ones: the mean of a sensor that averages lies between off and on there.
_BURST: Final = 3


def first(seed: int) -> Pulses:
    """Pulses and pauses of 0.1 to 1.5 s, about FIRST_S in all."""
    return _drawn(np.random.default_rng(seed), SHORTEST_S, 1.5, FIRST_S)


def scaled(seed: int, period_s: float, seconds: float) -> Pulses:
    """Pulses and pauses for a sensor of this period, about `seconds` in all; some are bursts of short ones."""
    rng = np.random.default_rng(seed)
    low_s, high_s = (max(of * period_s, SHORTEST_S) for of in _PERIODS)
    high_s = min(max(high_s, 1.0), seconds / 5)
    pulses: Pulses = []
    done_s, turn = 0.0, 0
    while done_s < seconds:
        turn += 1
        if turn % _BURST == 0:
            share = (0.3, 0.5, 0.7)[turn // _BURST % 3]
            of = [(0.4 * share, 0.4 * (1 - share))] * round(min(2.5 * period_s, high_s) / LONGEST_S + 2)
        else:
            of = [tuple(_lengths(rng, min(low_s, high_s / 2), high_s).tolist())]
        pulses += [(max(busy, SHORTEST_S), max(pause, SHORTEST_S)) for busy, pause in of]
        done_s = sum(busy + pause for busy, pause in pulses)
    return pulses


def _drawn(rng: np.random.Generator, low_s: float, high_s: float, seconds: float) -> Pulses:
    pulses: Pulses = []
    while sum(busy + pause for busy, pause in pulses) < seconds:
        busy_s, pause_s = _lengths(rng, low_s, high_s).tolist()
        pulses.append((busy_s, pause_s))
    return pulses


def _lengths(rng: np.random.Generator, low_s: float, high_s: float) -> NDArray[np.float64]:
    """Two lengths whose logarithm is uniform."""
    return np.asarray(low_s * (high_s / low_s) ** rng.random(2))

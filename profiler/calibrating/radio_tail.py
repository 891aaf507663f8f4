"""How long a radio stays awake after a transfer, and what that takes: a step down in the idle window behind it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.calibrating.observations import Observation
from edgewatt.profiler.calibrating.seen_power import source_spans_ns
from edgewatt.profiler.calibrating.stretches import IDLE
from edgewatt.profiler.channel import EnergySource
from edgewatt.profiler.energy.sources import energy_of_source
from edgewatt.profiler.storage.trace import Trace

_TRANSFERS: Final = ("send", "receive")
BINS: Final = 60
# Standard errors by which a tail has to stand out, and pieces that it has to last.
_STANDS_OUT: Final = 5.0
_LEAST: Final = 2


@dataclass(frozen=True, slots=True)
class Tail:
    """The mean tail behind the transfers of an interface in a bin of signal strength."""

    interface: str | None
    low_dbm: float
    seconds: float
    watts: float


def tails_of(
    trace: Trace,
    source: EnergySource,
    seen: Sequence[Observation],
    key: Mapping[str, tuple[str | None, float]],
) -> list[Tail]:
    """The tails that a source shows, by `key`: interface and bin of the transfers by the name of their window."""
    spans: dict[tuple[str | None, float], list[tuple[int, int]]] = {}
    for before, after in pairwise(seen):
        name = before.stretch.window.name
        if before.kind in _TRANSFERS and after.kind == IDLE and name in key:
            # The idle window was cut for its tail; it begins, for this, where the transfer ends.
            end = source_spans_ns(trace, source, [before.stretch, after.stretch])
            spans.setdefault(key[name], []).append((int(end[0, 1]), int(end[1, 1])))
    found = []
    for (interface, low_dbm), of in spans.items():
        length_ns = min(t1 - t0 for t0, t1 in of)
        if length_ns < BINS:
            continue
        edges = np.asarray([t0 for t0, _ in of])[:, None] + length_ns * np.arange(BINS + 1) // BINS
        measured = energy_of_source(trace, source, edges[:, :-1].ravel(), edges[:, 1:].ravel(), min_coverage=0.5)
        power_w = (measured.energy_j / (measured.duration_s * measured.coverage)).reshape(len(of), BINS)
        # A sensor that sees less than every piece repeats itself, which looks as if it were sure.
        if np.isfinite(power_w).all() and measured.interval_s <= length_ns / BINS / 1e9:
            tail = stepped_down(power_w, length_ns / BINS / 1e9, sum(measured.widths_s))
            if tail is not None:
                found.append(Tail(interface, low_dbm, *tail))
    return found


def stepped_down(power_w: NDArray[np.float64], piece_s: float, smeared_s: float) -> tuple[float, float] | None:
    """Length and height of a step down in powers [windows, pieces] after a transfer; None where none stands out.

    What the sensor smears of the transfer itself is left out. The second half of the pieces is idle.
    """
    late = power_w.shape[1] // 2
    idle = power_w[:, late:].mean(axis=1, keepdims=True)
    above = (power_w - idle).mean(axis=0)
    noise = float(above[late:].std(ddof=1))
    first = math.ceil(smeared_s / piece_s)
    if late - first <= 2 * _LEAST:
        return None
    curve = above[first:late]
    lengths = range(_LEAST, len(curve))
    costs = [float(np.sum((curve[:k] - curve[:k].mean()) ** 2) + np.sum(curve[k:] ** 2)) for k in lengths]
    k = lengths[int(np.argmin(costs))]
    height = float(curve[:k].mean())
    if height < _STANDS_OUT * max(noise, 1e-12) / math.sqrt(k):
        return None
    # Where in the next piece it ends, by what that one holds of it.
    part = min(max(float(curve[k]) / height, 0.0), 1.0) if k < len(curve) else 0.0
    return (first + k + part) * piece_s, height

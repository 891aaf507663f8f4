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
from edgewatt.profiler.calibrating.values import NORMAL, Value, mean_of
from edgewatt.profiler.channel import EnergySource
from edgewatt.profiler.energy.sources import energy_of_source
from edgewatt.profiler.storage.trace import Trace

Array = NDArray[np.float64]

_TRANSFERS: Final = ("send", "receive")
# An idle window is looked at in pieces of about so many seconds, and of so many at least and at most.
_PIECE_S: Final = 0.05
LEAST_PIECES: Final = 60
_MOST_PIECES: Final = 400
# Standard errors by which a tail has to stand out, pieces that it has to last, and the share of its height that pieces
# may lie off a step.
_STANDS_OUT: Final = 5.0
_LEAST: Final = 2
_OFF_A_STEP: Final = 0.15
_BEHIND: Final = 6
_COARSE, _FINE = 0.25, 0.01


@dataclass(frozen=True, slots=True)
class Tail:
    """The mean tail behind the transfers of an interface in a bin of signal strength; `why` it has no length."""

    interface: str | None
    low_dbm: float
    seconds: Value | None
    watts: Value | None
    why: str = ""


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
    gains = (power.gain_rel for one in seen if (power := one.power_of(source.name)) is not None)
    gain_rel = next(gains, None)
    found = []
    for (interface, low_dbm), of in spans.items():
        length_ns = min(t1 - t0 for t0, t1 in of)
        pieces = min(max(round(length_ns / 1e9 / _PIECE_S), LEAST_PIECES), _MOST_PIECES)
        if length_ns < pieces:
            continue
        edges = np.asarray([t0 for t0, _ in of])[:, None] + length_ns * np.arange(pieces + 1) // pieces
        measured = energy_of_source(trace, source, edges[:, :-1].ravel(), edges[:, 1:].ravel(), min_coverage=0.5)
        power_w = (measured.energy_j / (measured.duration_s * measured.coverage)).reshape(len(of), pieces)
        piece_s = length_ns / pieces / 1e9
        # A sensor that sees less than every piece repeats itself, which looks as if it were sure.
        if np.isfinite(power_w).all() and measured.interval_s <= piece_s:
            tail = stepped_down(power_w, piece_s, measured.widths_s, gain_rel)
            if isinstance(tail, str):
                found.append(Tail(interface, low_dbm, None, None, tail))
            elif tail is not None:
                found.append(Tail(interface, low_dbm, *tail))
    return found


def stepped_down(
    power_w: Array, piece_s: float, widths_s: Sequence[float], gain_rel: float | None = None
) -> tuple[Value, Value] | str | None:
    """Length and height of a step down in powers [windows, pieces] after a transfer; None where none stands out.

    In words why length and height cannot be told, where something does. Windows are independent looks. What the sensor
    smears of the transfer itself is left out, and is in the interval of the length. The second half of the pieces is
    idle.
    """
    late = power_w.shape[1] // 2
    smeared_s = math.fsum(widths_s)
    above = power_w - power_w[:, late:].mean(axis=1, keepdims=True)
    noise = max(float(above[:, late:].std(ddof=1)), 1e-12)
    first = math.ceil(smeared_s / piece_s)
    if late - first <= 2 * _LEAST:
        return None
    if float(above[:, first : first + _LEAST].mean()) < _STANDS_OUT * noise / math.sqrt(_LEAST * len(above)):
        return None
    steps = [_step(curve[:late], first) for curve in above]
    lengths, heights = np.asarray(steps).T
    length, height = float(lengths.mean()), float(heights.mean())
    if lengths.min() < first + 1:
        return f"what follows a transfer is over within {(first + 1) * piece_s:.3f} s: length and power are one"
    inside = slice(first, math.ceil(length) + _LEAST)
    shape = np.clip(lengths[:, None] - np.arange(late), 0, 1) * heights[:, None]
    off = float(np.sqrt(np.mean((above[:, :late] - shape)[:, inside] ** 2)))
    if off > max(_OFF_A_STEP * height, _STANDS_OUT * noise):
        return f"what follows a transfer does not fall in one step (off by {off:.3g} W of {height:.3g} W)"
    u_w = noise / math.sqrt(max(length - first, 1.0))
    seconds = mean_of(lengths * piece_s, [noise / height * piece_s])
    watts = mean_of(heights, [u_w], gain_rel=gain_rel)
    if seconds is None or watts is None or seconds.high is None:
        return None
    # rectangles: where in what the sensor smears the transfer ended
    half = math.hypot(seconds.high - seconds.value, NORMAL * math.hypot(*widths_s) / math.sqrt(12))
    return Value(seconds.value, max(seconds.value - half, 0.0), seconds.value + half), watts


def _step(curve: Array, first: int) -> tuple[float, float]:
    """The length in pieces and the height of the step that leaves least, from the `first` piece on.

    The height is that of the pieces that are wholly within it over those right behind it, as a device that was warmed
    falls on for seconds; medians, as a phone wakes now and then.
    """
    at = np.arange(first, len(curve))
    best = float(first + _LEAST)
    for grid in (
        np.arange(first + _COARSE, len(curve) - 1, _COARSE),
        np.arange(-_COARSE, _COARSE + _FINE, _FINE),
    ):
        lengths = grid if grid[0] > 0 else np.maximum(best + grid, first + _FINE)
        shapes = np.clip(lengths[:, None] - at, 0, 1)
        told = (shapes @ curve[first:]) ** 2 / np.sum(shapes**2, axis=1)
        best = float(lengths[int(np.argmax(told))])
    within, behind = curve[first : math.floor(best)], curve[math.ceil(best) :][: max(_BEHIND, math.floor(best) - first)]
    if not len(within) or not len(behind):
        return best, float(curve[first])
    return best, float(np.median(within) - np.median(behind))

"""The uncertainty of one configuration as one energy source saw it (measurement.md, Energy of a window)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from edgewatt.profiler.energy.edges import clock_loss_s, clock_loss_spread_s
from edgewatt.profiler.energy.idle import IdlePower
from edgewatt.profiler.energy.terms import (
    CLOCK,
    EDGES,
    GAIN,
    GAPS,
    IDLE,
    IDLE_DRIFT,
    REPEATS,
    SAMPLING,
    ZERO,
    Term,
    half_width_j,
)

__all__ = [
    "WIDEST",
    "Budget",
    "Estimate",
    "Instrument",
    "RepeatEnergy",
    "Term",
    "budget_of",
    "half_width_j",
    "net_j",
    "unshifted",
]

# A value whose interval is wider than this share of it, to either side, is not given (measurement.md).
WIDEST: Final = 0.5

# Of a window that may lie beside the load for longer than that nothing is known, and its interval says so.
_MOST_LOST: Final = 0.5


@dataclass(frozen=True, slots=True)
class Estimate:
    """Joules per iteration, the terms of its repeatability, and those that accuracy adds (None: gain unknown)."""

    value_j: float
    terms: tuple[Term, ...]
    of_accuracy: tuple[Term, ...] | None = None

    @property
    def repeatability_j(self) -> tuple[float, float]:
        """Where the same instrument would find the mean again, at 95 %."""
        half_j = half_width_j(self.terms)
        return self.value_j - half_j, self.value_j + half_j

    @property
    def accuracy_j(self) -> tuple[float, float] | None:
        """Where the true value lies, at 95 %; None where nobody stated the instrument's gain."""
        if self.of_accuracy is None:
            return None
        half_j = half_width_j((*self.terms, *self.of_accuracy))
        return self.value_j - half_j, self.value_j + half_j

    @property
    def is_too_wide(self) -> bool:
        """True if the repeatability interval reaches further than half of the value."""
        return not half_width_j(self.terms) <= WIDEST * abs(self.value_j)


@dataclass(frozen=True, slots=True)
class RepeatEnergy:
    """What one repeat used: `energy_j` in a window of `duration_s` around `at_ns`, for `iterations`.

    What its edges lost is put back already; `u_edge_j` and `u_sampling_j` are what remains (the latter 0 for a sensor
    that misses nothing), `coverage` is the share of the window with samples.
    """

    energy_j: float
    duration_s: float
    at_ns: int
    iterations: int
    u_edge_j: float
    u_sampling_j: float = 0.0
    updates: int = 0
    coverage: float = 1.0

    @property
    def power_w(self) -> float:
        """Mean power of the window."""
        return self.energy_j / self.duration_s

    @property
    def alone(self) -> tuple[Term, ...]:
        """The terms that stand in for the spread of repeats where there is one repeat."""
        return (
            Term(EDGES, self.u_edge_j / self.iterations, "B"),
            Term(SAMPLING, self.u_sampling_j / self.iterations, "A", max(self.updates - 1, 1)),
        )


@dataclass(frozen=True, slots=True)
class Instrument:
    """How a source looks at the load.

    `widths_s` smear a step (see WindowEnergies); the clocks in between are wrong by up to `bounds_s` each.
    `gain_rel` is the standard uncertainty of the gain, None: unknown; `offset_w` that of the zero point.
    """

    widths_s: tuple[float, ...] = ()
    bounds_s: tuple[float, ...] = ()
    gain_rel: float | None = None
    offset_w: float = 0.0


@dataclass(frozen=True, slots=True)
class Budget:
    """Gross and net energy per iteration; net is None without an idle power."""

    gross: Estimate
    net: Estimate | None


def unshifted(repeat: RepeatEnergy, idle: IdlePower | None, instrument: Instrument) -> RepeatEnergy:
    """The repeat with the energy put back that a shift of the clocks, either way, loses on average.

    A shifted window holds idle where it should hold load. Without an idle power the loss is not known, and nothing
    is put back.
    """
    if idle is None:
        return repeat
    lost_s = clock_loss_s(instrument.widths_s, instrument.bounds_s)
    step_w = repeat.power_w - idle.at(repeat.at_ns)
    seen = 1 - min(lost_s / repeat.duration_s, _MOST_LOST)  # the share of the step that the mean power shows
    return replace(repeat, energy_j=repeat.energy_j + step_w / seen * lost_s)


def net_j(repeat: RepeatEnergy, idle: IdlePower) -> float:
    """Joules per iteration above idle."""
    return (repeat.energy_j - idle.at(repeat.at_ns) * repeat.duration_s) / repeat.iterations


def budget_of(repeats: Sequence[RepeatEnergy], idle: IdlePower | None, instrument: Instrument) -> Budget:
    """The mean of repeats that went through `unshifted`, with every term of measurement.md.

    Raises ValueError without a repeat.
    """
    if not repeats:
        raise ValueError("a budget needs at least one repeat")
    gross_j = [repeat.energy_j / repeat.iterations for repeat in repeats]
    common = (*_clock(repeats, idle, instrument), *_gaps(repeats))
    gross = Estimate(
        float(np.mean(gross_j)),
        (*_spread(gross_j, repeats), *common),
        _accuracy(float(np.mean(gross_j)), instrument, offset_w=instrument.offset_w, repeats=repeats),
    )
    if idle is None:
        return Budget(gross, None)
    above_j = [net_j(repeat, idle) for repeat in repeats]
    net = Estimate(
        float(np.mean(above_j)),
        (*_spread(above_j, repeats), *common, *_idle(repeats, idle)),
        _accuracy(float(np.mean(above_j)), instrument, offset_w=0.0, repeats=repeats),
    )
    return Budget(gross, net)


def _spread(values_j: Sequence[float], repeats: Sequence[RepeatEnergy]) -> tuple[Term, ...]:
    """s^2 / n: edges and phases that vary are inside; with one repeat they are all there is."""
    n = len(values_j)
    if n == 1:
        return repeats[0].alone
    return (Term(REPEATS, float(np.std(values_j, ddof=1)) / math.sqrt(n), "A", n - 1),)


def _clock(repeats: Sequence[RepeatEnergy], idle: IdlePower | None, instrument: Instrument) -> tuple[Term, ...]:
    """(P - P_idle) / N times the spread of the loss around what `unshifted` put back, common to all repeats.

    Without an idle power nothing was put back, and P alone bounds the step: the root of the loss's mean square.
    """
    widths_s, bounds_s = tuple(instrument.widths_s), tuple(instrument.bounds_s)
    spread_s = clock_loss_spread_s(widths_s, bounds_s)
    u_s = spread_s if idle is not None else math.hypot(spread_s, clock_loss_s(widths_s, bounds_s))
    steps = [(r.power_w - (0.0 if idle is None else idle.at(r.at_ns))) / r.iterations for r in repeats]
    return (Term(CLOCK, abs(float(np.mean(steps))) * u_s, "B"),) if u_s else ()


def _gaps(repeats: Sequence[RepeatEnergy]) -> tuple[Term, ...]:
    """What a little stretch without samples may have held: as much as the rest of the window, a rectangle."""
    missing_j = float(np.mean([(1 - r.coverage) * abs(r.energy_j) / r.iterations for r in repeats]))
    return (Term(GAPS, missing_j / math.sqrt(3), "B"),) if missing_j else ()


def _idle(repeats: Sequence[RepeatEnergy], idle: IdlePower) -> tuple[Term, ...]:
    """(T/N)^2 (s_idle^2 / n_idle + d^2 / 12), common to all repeats.

    s_idle^2 / n_idle is that of the mean of K idles of as many blocks. Repeats that lie nearer to one of them rest on
    it more: the weights w that `IdlePower.at` gave them make it K sum(w^2) times as much, and 1 in the middle.
    """
    per_w = [repeat.duration_s / repeat.iterations for repeat in repeats]
    of_each = np.eye(len(idle.at_ns))
    at_ns = [repeat.at_ns for repeat in repeats]
    weights = np.array([np.average(np.interp(at_ns, idle.at_ns, one), weights=per_w) for one in of_each])
    mean_w = float(np.mean(per_w))
    u_w = idle.u_w * math.sqrt(len(weights) * float(weights @ weights))
    drift_w = abs(idle.drift_w or 0.0) / math.sqrt(12)
    return Term(IDLE, mean_w * u_w, "A", idle.df), Term(IDLE_DRIFT, mean_w * drift_w, "B")


def _accuracy(
    value_j: float, instrument: Instrument, *, offset_w: float, repeats: Sequence[RepeatEnergy]
) -> tuple[Term, ...] | None:
    """(gain x value)^2 and, of gross energy, (offset x T / N)^2; subtracting idle cancels the zero point."""
    if instrument.gain_rel is None:
        return None
    per_w = float(np.mean([repeat.duration_s / repeat.iterations for repeat in repeats]))
    gain = Term(GAIN, instrument.gain_rel * abs(value_j), "B")
    return (gain, Term(ZERO, offset_w * per_w, "B")) if offset_w else (gain,)

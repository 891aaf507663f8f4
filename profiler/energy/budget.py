"""The uncertainty of one configuration as one energy source saw it (measurement.md, Energy of a window)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from edgewatt.profiler.energy.edges import clock_loss_s
from edgewatt.profiler.energy.idle import IdlePower
from edgewatt.profiler.statistics import LEVEL, t_quantile, welch_satterthwaite

# A value whose interval is wider than this share of it, to either side, is not given (measurement.md).
WIDEST: Final = 0.5

_UPPER: Final = (1 + LEVEL) / 2
_NORMAL: Final = t_quantile(_UPPER, math.inf)


@dataclass(frozen=True, slots=True)
class Term:
    """One standard uncertainty, in joules per iteration.

    Type A was estimated from values that vary, with `df` degrees of freedom; type B is known of the instrument.
    """

    name: str
    u_j: float
    kind: Literal["A", "B"]
    df: float = math.inf


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
            Term("edges", self.u_edge_j / self.iterations, "B"),
            Term("sampling", self.u_sampling_j / self.iterations, "A", max(self.updates - 1, 1)),
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
    lost_j = (repeat.power_w - idle.at(repeat.at_ns)) * clock_loss_s(instrument.widths_s, instrument.bounds_s)
    return replace(repeat, energy_j=repeat.energy_j + lost_j)


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


def half_width_j(terms: Sequence[Term]) -> float:
    """Half of the 95 % interval: sqrt((t u_A)^2 + (1.96 u_B)^2), t of Welch-Satterthwaite over the terms of type A.

    What is known of the instrument (type B) is not widened by how few the repeats were.
    """
    estimated = [(term.u_j, term.df) for term in terms if term.kind == "A"]
    estimated_j = math.hypot(*(u_j for u_j, _ in estimated))
    known_j = math.hypot(*(term.u_j for term in terms if term.kind == "B"))
    t = t_quantile(_UPPER, welch_satterthwaite(estimated))
    return math.hypot(t * estimated_j, _NORMAL * known_j)


def _spread(values_j: Sequence[float], repeats: Sequence[RepeatEnergy]) -> tuple[Term, ...]:
    """s^2 / n: edges and phases that vary are inside; with one repeat they are all there is."""
    n = len(values_j)
    if n == 1:
        return repeats[0].alone
    return (Term("repeats", float(np.std(values_j, ddof=1)) / math.sqrt(n), "A", n - 1),)


def _clock(repeats: Sequence[RepeatEnergy], idle: IdlePower | None, instrument: Instrument) -> tuple[Term, ...]:
    """(P - P_idle) u_offset / N, common to all repeats; without an idle power P alone bounds the step."""
    u_offset_s = math.hypot(*instrument.bounds_s) / math.sqrt(3)
    steps = [(r.power_w - (0.0 if idle is None else idle.at(r.at_ns))) / r.iterations for r in repeats]
    return (Term("clock offset", abs(float(np.mean(steps))) * u_offset_s, "B"),) if u_offset_s else ()


def _gaps(repeats: Sequence[RepeatEnergy]) -> tuple[Term, ...]:
    """What a little stretch without samples may have held: as much as the rest of the window, a rectangle."""
    missing_j = float(np.mean([(1 - r.coverage) * abs(r.energy_j) / r.iterations for r in repeats]))
    return (Term("gaps", missing_j / math.sqrt(3), "B"),) if missing_j else ()


def _idle(repeats: Sequence[RepeatEnergy], idle: IdlePower) -> tuple[Term, ...]:
    """(T/N)^2 (s_idle^2 / n_idle + d^2 / 12), common to all repeats."""
    per_w = float(np.mean([repeat.duration_s / repeat.iterations for repeat in repeats]))
    noise = Term("idle", per_w * idle.u_w, "A", idle.df)
    return noise, Term("idle drift", per_w * abs(idle.drift_w or 0.0) / math.sqrt(12), "B")


def _accuracy(
    value_j: float, instrument: Instrument, *, offset_w: float, repeats: Sequence[RepeatEnergy]
) -> tuple[Term, ...] | None:
    """(gain x value)^2 and, of gross energy, (offset x T / N)^2; subtracting idle cancels the zero point."""
    if instrument.gain_rel is None:
        return None
    per_w = float(np.mean([repeat.duration_s / repeat.iterations for repeat in repeats]))
    gain = Term("gain", instrument.gain_rel * abs(value_j), "B")
    return (gain, Term("zero point", offset_w * per_w, "B")) if offset_w else (gain,)

"""Base, idle, on and busy power of the clusters of processors, by regression over loads."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.calibrating.least_squares import Fit, f_tail, solve
from edgewatt.profiler.calibrating.observations import Observation
from edgewatt.profiler.calibrating.power_design import (
    LEAKAGE_GROWS_PER_K,
    LEAKAGE_GROWS_U,
    UNREAD,
    Design,
    design_of,
    hertz,
    usual,
    warmed_k,
)
from edgewatt.profiler.calibrating.residency import Residency
from edgewatt.profiler.calibrating.seen_power import SeenPower
from edgewatt.profiler.calibrating.stretches import IDLE, MEASURE
from edgewatt.profiler.calibrating.values import Value, known, within

# A window of cores that are busy for a part of the time, nobody knows whether at once, does not tell its on_w.
MOST_UNSURE: Final = 0.1
# A window with less of a core than this has of a term what a phone does by itself; assumed.
MOST_WAKES: Final = 0.2
# Steps of the suite whose windows are those of the power model; "": a run that somebody recorded by hand.
STEPS: Final = frozenset({"cpu", ""})
# An F test below: the idle of a cluster at another step takes another power, and the model says so.
_SURE: Final = 0.01
# Residual degrees of freedom that have to be left before leakage takes one.
_SPARE: Final = 6


@dataclass(frozen=True, slots=True, eq=False)
class PowerFit:
    """A power model of one energy source: what it was fitted from, and what its instrument may be wrong by."""

    source: str
    boundary: str
    design: Design
    fit: Fit
    used: tuple[Observation, ...]
    x: NDArray[np.float64]
    gain_rel: float | None
    offset_w: float

    @property
    def temperature_c(self) -> float | None:
        """The temperature that its powers are for."""
        warm = [one.temperature_c for one in self.used if one.temperature_c is not None]
        return self.design.reference_c if self.design.reference_c is not None else known(_mean(warm))

    def value(self, row: NDArray[np.float64], *, zero: bool = False) -> Value | None:
        """A combination of its coefficients with its interval; None where the design does not tell it."""
        if not self.fit.tells(row):
            return None
        value, u, df = self.fit.of(row)
        return within(value, u, df, gain_rel=self.gain_rel, zero=self.offset_w if zero else 0.0)

    def of_term(self, place: int | None) -> Value | None:
        """One coefficient with its interval; None where it is not there or not told from others."""
        if place is None:
            return None
        row = np.zeros(len(self.design.terms))
        row[place] = 1.0
        return self.value(row, zero=self.design.terms[place].kind == "base")

    def predict(self, ran: Residency, temperature_c: float | None) -> tuple[float, float, float] | str:
        """Power of a window by its residency, with standard uncertainty and df; or in words why it is not known."""
        row, why = self.design.row(ran, temperature_c)
        if why is None and not self.fit.tells(row):
            why = "its cores were not told apart"
        return self.fit.of(row) if why is None else why

    def residual_w(self, place: int) -> float | None:
        """The root mean square of what is left of the windows that have a term."""
        mine = self.has(place)
        return float(np.sqrt(np.mean(self.fit.residuals[mine] ** 2))) if mine.any() else None

    def windows(self, place: int) -> int:
        """How many windows have a term."""
        return int(np.sum(self.has(place)))

    def has(self, place: int) -> NDArray[np.bool_]:
        """Which windows have a term: of processors, by more than a wake."""
        least = 0.0 if self.design.terms[place].kind == "leakage" else MOST_WAKES
        return np.asarray(np.abs(self.x[:, place]) > least)


def loads_of_power(seen: Sequence[Observation]) -> list[Observation]:
    """The windows that a power model is fitted to: loads of processors and the idling between them.

    Of runs without such loads, measured repeats on processors.
    """
    mine = [one for one in seen if one.step in STEPS]
    loads = [one for one in mine if one.kind == "cpu"]
    if not loads:
        loads = [one for one in mine if one.kind == MEASURE and str(one.config.get("target_asked", "cpu")) == "cpu"]
    runs = {one.run for one in loads}
    return [one for one in mine if (one in loads or one.kind == IDLE) and one.run in runs]


def fit_power(seen: Sequence[Observation], source: str, clusters: Sequence[str]) -> tuple[PowerFit | None, list[str]]:
    """The power model of one source, and sentences on what it could not use or tell apart; None: too few windows.

    Of a source that sees no cluster (a rail of memory, of a GPU) it is base alone, from idling.
    """
    usable, notes = [], []
    for one in loads_of_power(seen):
        if one.kind != IDLE and not clusters:
            continue
        power, why = one.power_of(source), _unfit(one, source, clusters)
        if why:
            notes.append(f"{one.stretch.window.name} of run {one.run[:12]} is left out of power{why}")
        elif power is not None and math.isfinite(power.power_w):
            usable.append(one)
    usable, odd = usual(usable, clusters)
    notes += odd
    if not usable:
        return None, notes
    plain = design_of(usable, clusters, idle_steps=False, leakage=False)
    spare = len(usable) - len(plain.terms) >= _SPARE
    found = _fitted(usable, source, design_of(usable, clusters, idle_steps=False, leakage=True)) if spare else None
    found = found or _fitted(usable, source, plain)
    if found is None:
        return None, [*notes, f"power by {source}: {len(usable)} windows are too few for what was executed in them"]
    return found, [*notes, *_said(found)]


def _unfit(one: Observation, source: str, clusters: Sequence[str]) -> str:
    """Why a window's power is not that of what was asked, "" where it is."""
    if one.spoilt:
        return f": {'; '.join(one.spoilt)}"
    if one.power_of(source) is None:
        return f" by {source}: {one.refused[source]}" if source in one.refused else ""
    if not one.ran.is_read and one.kind == MEASURE:
        return f": {UNREAD}"
    if one.ran.on_unsure > MOST_UNSURE:
        return ": its cores are busy at times, nobody knows whether at once"
    if any(map(one.ran.is_mixed, clusters)):
        return ": it is busy at times, nobody knows at which of its frequencies"
    return ""


def with_idle_steps(found: PowerFit) -> PowerFit:
    """The same windows with a term for each step at which a cluster idled; itself where there are none."""
    leakage = found.design.reference_c is not None
    design = design_of(found.used, found.design.clusters, idle_steps=True, leakage=leakage)
    return found if design == found.design else _fitted(found.used, found.source, design) or found


def better(plain: PowerFit, idle: PowerFit) -> PowerFit:
    """The one with steps of idling if the windows need it, by an F test; else the plain one, which tells more."""
    more = len(idle.design.terms) - len(plain.design.terms)
    left = len(idle.used) - len(idle.design.terms)
    if more < 1 or left < 1:
        return plain
    squares = [float(np.sum(of.fit.residuals**2 / idle.fit.variances)) for of in (plain, idle)]
    f = (squares[0] - squares[1]) / more / max(squares[1] / left, 1e-300)
    return idle if f_tail(f, more, left) < _SURE else plain


def _fitted(used: Sequence[Observation], source: str, design: Design) -> PowerFit | None:
    seen = [_power(one, source) for one in used]
    x = np.asarray([design.row(one.ran, one.temperature_c)[0] for one in used])
    y, u = np.asarray([of.power_w for of in seen]), np.asarray([of.u_w for of in seen])
    leakage = design.place("leakage")
    asked = np.asarray([design.asked(one.ran, one.temperature_c) for one in used])
    told = np.round(np.delete(asked, [] if leakage is None else [leakage], axis=1), 2)
    groups = np.unique(told, axis=0, return_inverse=True)[1].ravel()
    try:
        fit = solve(x, y, u, groups)
        unsure = np.asarray([design.unsure(one.ran) for one in used])
        if leakage is not None:
            # By how much a share leakage grows is not well known: a window is the less sure the further off it is.
            bent_k = LEAKAGE_GROWS_U / 2 * x[:, leakage] ** 2
            unsure[:, leakage] = np.hypot([one.temperature_u_k for one in used], bent_k)
        if unsure.any():
            u = np.hypot(u, np.hypot.reduce(unsure * fit.values, axis=1))
            fit = solve(x, y, u, groups)
        if leakage is not None and design.reference_c is not None:
            fit = _grown(
                fit, x, (y, u, groups), leakage, [(one.temperature_c or 0.0) - design.reference_c for one in used]
            )
    except ValueError:
        return None
    gains = [of.gain_rel for of in seen if of.gain_rel is not None]
    gain = max(gains) if len(gains) == len(seen) else None
    offset_w = max(of.offset_w for of in seen)
    return PowerFit(source, seen[0].boundary, design, fit, tuple(used), x, gain, offset_w)


def _grown(
    fit: Fit,
    x: NDArray[np.float64],
    of: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.intp]],
    leakage: int,
    away_k: Sequence[float],
) -> Fit:
    """The fit with what its coefficients change by if leakage grows by another share: alike in all windows."""
    other = x.copy()
    other[:, leakage] = [warmed_k(of_one, LEAKAGE_GROWS_PER_K + LEAKAGE_GROWS_U) for of_one in away_k]
    moved = solve(other, *of).values - fit.values
    return replace(fit, covariance=fit.covariance + np.outer(moved, moved))


def _power(one: Observation, source: str) -> SeenPower:
    power = one.power_of(source)
    if power is None:
        raise ValueError(f"{one.stretch.window.name} has no power by {source}")
    return power


def _said(found: PowerFit) -> list[str]:
    """What the design does not tell apart, and what a straight model does not fit."""
    notes, terms, fit = [], found.design.terms, found.fit
    for term in terms:
        if term.kind == "sum":
            notes.append(
                f"power by {found.source}: {term.unit} at {hertz(term.hz)} had {term.cores:g} cores busy and no other "
                f"number, so that on_w + {term.cores:g} x busy_w stays a sum"
            )
        if term.kind in ("busy", "sum") and term.hz is None:
            notes.append(f"power by {found.source}: nobody recorded the frequency of {term.unit}")
    mixed = {tuple(fit.mixed_with(k)) for k in range(len(terms))} - {()}
    notes += [
        f"power by {found.source}: the windows do not tell apart "
        + ", ".join(f"{terms[k].unit} {terms[k]}".strip() for k in group)
        for group in sorted(mixed)
    ]
    if found.gain_rel is None:
        notes.append(f"power by {found.source}: nobody states its gain; intervals are of repeatability")
    if fit.misfit_p is not None and fit.misfit_df < math.inf:
        notes.append(
            f"power by {found.source}: power is not linear in cores (lack of fit, p {fit.misfit_p:.1g}); the intervals "
            "are widened by it"
        )
    if found.design.reference_c is None:
        notes.append(f"power by {found.source}: leakage was not told from the rest; powers are for {_warm(found)}")
    return notes


def _warm(found: PowerFit) -> str:
    return "an unknown temperature" if found.temperature_c is None else f"{found.temperature_c:.1f} degrees C"


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if len(values) else math.nan

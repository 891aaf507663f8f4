"""Which coefficients a power model has, and what each window says of them.

The model is that of docs/decisions/0011: base + sum over clusters (on_w(f) if any core is busy + cores busy x
busy_w(f)) + leakage x (T - T_ref), bent as leakage is, and idle_w(f) of a cluster that idles at another step than its
lowest. A phone's own wakes run at whatever step its cores are pinned to: base holds those of an idle phone at its
lowest steps, and a window has what it has more or less of them.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.calibrating.observations import Observation
from edgewatt.profiler.calibrating.residency import WHOLE_TIME, Residency

Kind = Literal["base", "on", "busy", "sum", "idle", "leakage"]

# Windows whose cores differ by less do not tell what the first core adds from what each adds.
LEAST_SPREAD: Final = 0.25
# A step that all windows together had for less than so many windows is not fitted, and windows that had it for more
# than the share after it are left out.
RARE_N: Final = 0.5
RARE_SHARE: Final = 0.02
# Kelvin between the coolest and the warmest window from which on leakage is looked for.
LEAST_KELVIN: Final = 1.0
# Leakage doubles every 20 to 25 K or so (remembered, of textbooks); further off than any device gets, it is as there.
LEAKAGE_GROWS_PER_K: Final = 0.03
LEAKAGE_GROWS_U: Final = 0.005
_MOST_KELVIN: Final = 100.0
_SAME_STEP: Final = 1e-6
# Of a window that is shorter than what a reading of load is the mean of, or of a device that shows no load.
UNREAD: Final = "nobody looked at how busy its processors were"


@dataclass(frozen=True, slots=True)
class Term:
    """One coefficient: of a `unit` at a step (None: nobody recorded it). `cores`: of a sum on_w + cores x busy_w."""

    kind: Kind
    unit: str = ""
    hz: float | None = None
    cores: float = 0.0

    def __str__(self) -> str:
        """Its name in the table of fits."""
        step = "" if self.hz is None else f"@{self.hz:.0f}"
        return f"on+{self.cores:g}busy{step}" if self.kind == "sum" else f"{self.kind}{step}"


@dataclass(frozen=True, slots=True)
class Wakes:
    """What a cluster does at its lowest step while nothing is asked: cores busy, and the share of time with any."""

    hz: float
    busy: float
    on: float


@dataclass(frozen=True, slots=True)
class Design:
    """The terms of a model for these clusters, with the temperature that leakage is counted from (None: no leakage)."""

    terms: tuple[Term, ...]
    clusters: tuple[str, ...]
    reference_c: float | None = None
    wakes: Mapping[str, Wakes] = field(default_factory=dict)

    def place(self, kind: Kind, unit: str = "", hz: float | None = None) -> int | None:
        """Where a term stands, None if there is none."""
        for k, term in enumerate(self.terms):
            if term.kind == kind and term.unit == unit and _same(term.hz, hz):
                return k
        return None

    def row(self, ran: Residency, temperature_c: float | None) -> tuple[NDArray[np.float64], str | None]:
        """What a window has of each term, and what of it the model does not know (None: nothing).

        Between two steps of the model it is interpolated linearly; outside it is not known.
        """
        row = np.zeros(len(self.terms))
        why = [] if ran.is_read else [UNREAD]
        if (base := self.place("base")) is not None:
            row[base] = 1.0
        if (leakage := self.place("leakage")) is not None and self.reference_c is not None:
            if temperature_c is None:
                why.append("its temperature is not known")
            else:
                row[leakage] = warmed_k(temperature_c - self.reference_c)
        for cluster in self.clusters:
            busy, on = ran.busy.get(cluster, 0.0), ran.on.get(cluster, 0.0)
            for hz, share in steps_of(ran, cluster):
                if busy > 0 and not self._add_busy(row, (cluster, hz), share * on, share * busy):
                    why.append(f"{cluster} at {hertz(hz)} was not measured")
                self._add(row, "idle", (cluster, hz), share * (1 - on))
            self._add_wakes(row, cluster, ran)
        return row, "; ".join(dict.fromkeys(why)) or None

    def _add_wakes(self, row: NDArray[np.float64], cluster: str, ran: Residency) -> None:
        """What a window has of wakes, less what base has of them; at a step that is not in the model, nothing."""
        usual = self.wakes.get(cluster)
        if usual is None or cluster not in ran.beside:
            return
        # The idle of a cluster at a step is with the wakes that it has there.
        if not ran.busy.get(cluster) and any(
            self.place("idle", cluster, hz) is not None for hz, _ in steps_of(ran, cluster)
        ):
            return
        for hz, share in steps_of(ran, cluster):
            self._add_both(row, (cluster, hz), share * ran.beside_on.get(cluster, 0.0), share * ran.beside[cluster])
        self._add_both(row, (cluster, usual.hz), -usual.on, -usual.busy)

    def _add_both(self, row: NDArray[np.float64], at: tuple[str, float | None], on: float, busy: float) -> None:
        more = np.zeros(len(row))
        if self._add(more, "on", at, on) and self._add(more, "busy", at, busy):
            row += more

    def unsure(self, ran: Residency) -> NDArray[np.float64]:
        """The standard uncertainty of what a window has of each term: of its wakes, how many and whether together."""
        row = np.zeros(len(self.terms))
        for cluster in self.clusters:
            for hz, share in steps_of(ran, cluster):
                # a rectangle between the least and the most
                self._add(row, "on", (cluster, hz), share * ran.beside_unsure.get(cluster, 0.0) / math.sqrt(12))
                self._add(row, "busy", (cluster, hz), share * ran.beside_u.get(cluster, 0.0))
        return row

    def asked(self, ran: Residency, temperature_c: float | None) -> NDArray[np.float64]:
        """The row of a window without its wakes, which are never the same twice."""
        return self.row(replace(ran, beside={}), temperature_c)[0]

    def _add_busy(self, row: NDArray[np.float64], at: tuple[str, float | None], on: float, busy: float) -> bool:
        for k, term in enumerate(self.terms):
            if term.kind == "sum" and term.unit == at[0] and _same(term.hz, at[1]):
                row[k] += on
                return abs(busy / max(on, 1e-9) - term.cores) <= LEAST_SPREAD
        return self._add(row, "on", at, on) and self._add(row, "busy", at, busy)

    def _add(self, row: NDArray[np.float64], kind: Kind, at: tuple[str, float | None], amount: float) -> bool:
        exact = self.place(kind, *at)
        if exact is not None:
            row[exact] += amount
            return True
        steps = [(t.hz, k) for k, t in enumerate(self.terms) if t.kind == kind and t.unit == at[0] and t.hz is not None]
        below = max((step for step in steps if at[1] is not None and step[0] < at[1]), default=None)
        above = min((step for step in steps if at[1] is not None and step[0] > at[1]), default=None)
        if below is None or above is None or at[1] is None:
            return False
        share = (at[1] - below[0]) / (above[0] - below[0])
        row[below[1]] += amount * (1 - share)
        row[above[1]] += amount * share
        return True


def warmed_k(away_k: float, per_k: float = LEAKAGE_GROWS_PER_K) -> float:
    """Kelvin at which leakage that grew straight would be what it is so far from its reference: it grows by a share."""
    return math.expm1(per_k * min(max(away_k, -_MOST_KELVIN), _MOST_KELVIN)) / per_k


def hertz(hz: float | None) -> str:
    """A step for people."""
    return "a frequency that nobody recorded" if hz is None else f"{hz / 1e6:g} MHz"


def steps_of(ran: Residency, cluster: str) -> list[tuple[float | None, float]]:
    """The steps of a cluster with their share of the time; one that is not known where none was recorded."""
    shares = ran.shares.get(cluster) or {}
    return [(hz, share) for hz, share in shares.items()] or [(None, 1.0)]


def usual(seen: Sequence[Observation], clusters: Sequence[str]) -> tuple[list[Observation], list[str]]:
    """The windows that can be fitted together, and a sentence on each that is left out.

    Those whose steps others had as well; and whose warmth is known, if that of most is.
    """
    weight: dict[tuple[str, float | None], float] = {}
    for one in seen:
        for cluster in clusters:
            for hz, share in steps_of(one.ran, cluster) if one.ran.busy.get(cluster) else ():
                weight[cluster, hz] = weight.get((cluster, hz), 0.0) + share
    # Of a cluster whose steps were recorded, a window without is of any of them.
    told = {cluster for cluster, hz in weight if hz is not None}
    rare = {key for key, windows in weight.items() if windows < RARE_N or (key[1] is None and key[0] in told)}
    kept, notes = [], []
    mostly_warm = sum(one.temperature_c is not None for one in seen) > len(seen) / 2
    for one in seen:
        odd = ["an unknown temperature"] if mostly_warm and one.temperature_c is None else []
        odd += [
            f"{cluster} at {hertz(hz)}"
            for cluster in clusters
            if one.ran.busy.get(cluster)
            for hz, share in steps_of(one.ran, cluster)
            if (cluster, hz) in rare and share > RARE_SHARE
        ]
        if odd:
            notes.append(f"{one.stretch.window.name} is left out: {', '.join(odd)}, which other windows do not have")
        else:
            kept.append(one)
    return kept, notes


def design_of(seen: Sequence[Observation], clusters: Sequence[str], *, idle_steps: bool, leakage: bool) -> Design:
    """The terms that these windows may tell apart."""
    terms = [Term("base")]
    for cluster in clusters:
        cores = _cores(seen, cluster)
        for hz, numbers in sorted(cores.items(), key=lambda item: item[0] or 0.0):
            if max(numbers) - min(numbers) < LEAST_SPREAD:
                terms.append(Term("sum", cluster, hz, round(float(np.mean(numbers)), 3)))
            else:
                terms += [Term("on", cluster, hz), Term("busy", cluster, hz)]
        if idle_steps:
            terms += [Term("idle", cluster, hz) for hz in _idle_steps(seen, cluster)]
    wakes = _wakes(seen, clusters)
    warm = [one.temperature_c for one in seen]
    known = [at for at in warm if at is not None]
    if leakage and len(known) == len(warm) and max(known, default=0) - min(known, default=0) >= LEAST_KELVIN:
        return Design((*terms, Term("leakage")), tuple(clusters), round(float(np.mean(known)), 2), wakes)
    return Design(tuple(terms), tuple(clusters), None, wakes)


def _wakes(seen: Iterable[Observation], clusters: Sequence[str]) -> dict[str, Wakes]:
    """What the clusters do in windows that ask nothing of any and hold them at their lowest steps."""
    quiet = [one for one in seen if not any(one.ran.busy.get(cluster) for cluster in clusters)]
    found = {}
    for cluster in clusters:
        steps = [hz for one in quiet for hz, _ in steps_of(one.ran, cluster) if hz is not None]
        low = min(steps, default=0.0)
        mine = [one.ran for one in quiet if (one.ran.shares.get(cluster) or {}).get(low, 0.0) >= WHOLE_TIME]
        if any(cluster in ran.beside for ran in mine):
            busy = float(np.mean([ran.beside.get(cluster, 0.0) for ran in mine]))
            found[cluster] = Wakes(low, busy, float(np.mean([ran.beside_on.get(cluster, 0.0) for ran in mine])))
    return found


def _cores(seen: Iterable[Observation], cluster: str) -> Mapping[float | None, list[float]]:
    """By step, how many cores were busy at a time in the windows that had it."""
    found: dict[float | None, list[float]] = {}
    for one in seen:
        busy, on = one.ran.busy.get(cluster, 0.0), one.ran.on.get(cluster, 0.0)
        for hz, share in steps_of(one.ran, cluster) if busy > 0 else ():
            if share > RARE_SHARE:
                found.setdefault(hz, []).append(busy / max(on, 1e-9))
    return found


def _idle_steps(seen: Iterable[Observation], cluster: str) -> list[float]:
    """The steps at which the cluster idled, above the lowest."""
    weight: dict[float, float] = {}
    for one in seen:
        if not one.ran.busy.get(cluster):
            for hz, share in steps_of(one.ran, cluster):
                if hz is not None:
                    weight[hz] = weight.get(hz, 0.0) + share
    steps = sorted(hz for hz, windows in weight.items() if windows >= 1)
    return steps[1:]


def _same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=_SAME_STEP)

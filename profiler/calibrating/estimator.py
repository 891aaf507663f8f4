"""AutoScale's energy estimator against what was measured: power tables x time in state, for networks it has not seen.

E = sum over clusters and frequencies of (busy_w t_busy + on_w t_on) + base x t (facts/scheduling-and-carbon.md, 1.4),
plus what networks take above that (unseen.py): on processors, and of an accelerator its busy_w x its busy time. Both
are fitted without the network that is estimated. The paper's error: 7.3 % (remembered). Ours is measured by
`python -m tests.estimator_figures` (docs/validation/energy-estimator.md).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.calibrating.accelerators import gpu_busy, networks_on, step_of, unit_of
from edgewatt.profiler.calibrating.observations import Observation, digests
from edgewatt.profiler.calibrating.power import PowerFit
from edgewatt.profiler.calibrating.unseen import Above, Way, above_of, ways_of
from edgewatt.profiler.calibrating.values import Found, Value, mean_of, together, within
from edgewatt.profiler.calibrating.work import CO_LOADS, Work, works


@dataclass(frozen=True, slots=True)
class Estimated:
    """Joules of an iteration: by the tables, with their interval, and as measured."""

    work: Work
    estimate: Value
    measured_j: float

    @property
    def error_rel(self) -> float:
        """The error of the estimate, as a share of what was measured."""
        return abs(self.estimate.value - self.measured_j) / abs(self.measured_j)


def estimates(found: PowerFit, seen: Sequence[Observation]) -> tuple[list[Estimated], list[str]]:
    """The estimate of everything that was executed without a co-runner, and why some has none."""
    done, notes = [], []
    used = {id(one) for one in found.used}
    others = _Others(found, seen)
    for work in works(seen, training=False):
        what = dict(work.what)
        if any(what[key] for key in CO_LOADS) or any(id(one) in used for one in work.seen):
            continue
        name = f"{what['model']} on {what['target']}"
        taken = others.than(what["model"], what["target"], step_of(work.seen[0], what["target"]))
        parts = [part for one in work.seen if (part := _estimate(found, one, others, taken)) is not None]
        known = [part for part in parts if not isinstance(part, str)]
        if not known:
            why = next((part for part in parts if isinstance(part, str)), "nobody measured it")
            notes.append(f"energy of {name} by {found.source} is not estimated: {why}")
            continue
        if taken is None:
            notes.append(
                f"energy of {name} by {found.source} is estimated from loops alone, which take no memory: no other "
                "network was measured on processors"
            )
        joules = [part.joules for part in known]
        u, df = max(part.u for part in known), min(part.df for part in known)
        estimate = within(float(np.mean(joules)), u, df, gain_rel=found.gain_rel)
        done.append(Estimated(work, estimate, float(np.mean([part.measured_j for part in known]))))
    return done, list(dict.fromkeys(notes))


@dataclass(frozen=True, slots=True)
class _Part:
    """Joules of an iteration of one repeat, their uncertainty and df; and as measured."""

    joules: float
    u: float
    df: float
    measured_j: float


@dataclass
class _Others:
    """What other networks take above the tables, by unit; each way of theirs is looked at once."""

    found: PowerFit
    seen: Sequence[Observation]
    _ways: dict[tuple[str, float | None], list[Way]] = field(default_factory=dict)

    def than(self, model: object, unit: str, hz: float | None) -> Above | str | None:
        """That of all other networks on a unit; of an accelerator, at its step, or why that is not known."""
        if unit == "cpu":
            hz = None
        if (unit, hz) not in self._ways:
            there = [one for one in networks_on(self.seen, unit) if unit == "cpu" or step_of(one, unit) == hz]
            self._ways[unit, hz] = ways_of(self.found, there, lambda one: self.amounts(one, unit))
        above = above_of([way for way in self._ways[unit, hz] if way.model != model])
        if above is not None or unit == "cpu":
            return above
        if any(one.config.get("model") != model for one in networks_on(self.seen, unit)):
            return f"{unit} at its frequency was told by no other network"
        return f"no other network was measured on {unit}"

    def amounts(self, one: Observation, unit: str) -> NDArray[np.float64]:
        """Of a network on processors: that it is one, and the cores that it keeps busy; else its share of the unit."""
        if unit != "cpu":
            return np.asarray([gpu_busy(unit)(one)])
        return np.asarray([1.0, *(one.ran.busy.get(name, 0.0) for name in self.found.design.clusters)])


def _estimate(found: PowerFit, one: Observation, others: _Others, taken: Above | str | None) -> _Part | str | None:
    """One repeat by the tables and what other networks took; or why not, None where nobody measured it."""
    power, iterations = one.power_of(found.source), one.stretch.repeat.iterations
    if power is None or not iterations:
        return None
    predicted = found.predict(one.ran, one.temperature_c)
    if isinstance(predicted, str):
        return predicted
    if isinstance(taken, str):
        return taken
    more = (0.0, 0.0, math.inf) if taken is None else taken.of(others.amounts(one, unit_of(one)))
    watts, (u, df) = predicted[0] + more[0], together([predicted[1:], more[1:]])
    each_s = one.stretch.duration_s / iterations
    return _Part(watts * each_s, u * each_s, df, power.power_w * each_s)


def estimate_rows(found: PowerFit, seen: Sequence[Observation]) -> Found:
    """The mean absolute error of the estimates of each unit's networks, as rows of `fits`."""
    rows = Found()
    done, rows.notes = estimates(found, seen)
    for unit in dict.fromkeys(dict(of.work.what)["target"] for of in done):
        mine = [of for of in done if dict(of.work.what)["target"] == unit]
        errors = [of.error_rel for of in mine]
        value = mean_of(errors) or Value(math.nan)
        energies = [of.measured_j for of in mine]
        rows.add(
            "fits",
            {
                "fit": "energy_estimate",
                "of": unit,
                "energy_source": found.source,
                "term": "mape",
                "unit": "ratio",
                "value": value.value,
                "low": None if value.low is None else max(value.low, 0.0),
                "high": value.high,
                "over": "energy_j",
                "valid_low": min(energies),
                "valid_high": max(energies),
                "residual": float(np.sqrt(np.mean([(of.estimate.value - of.measured_j) ** 2 for of in mine]))),
                "residual_unit": "j",
                "df_n": float(len(mine) - 1),
                "observations_n": len(mine),
                "source": digests([one for of in mine for one in of.work.seen]),
            },
        )
    return rows

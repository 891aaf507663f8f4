"""AutoScale's energy estimator against what was measured: power tables x time in state, for networks it has not seen.

E = sum over clusters and frequencies of (busy_w t_busy + on_w t_on) + base x t (facts/scheduling-and-carbon.md, 1.4),
plus an accelerator's busy_w x its busy time, fitted without the network that is estimated. The paper's error: 7.3 %
(remembered).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgewatt.profiler.calibrating.accelerators import Added, added_by, gpu_busy, networks_on, unit_of
from edgewatt.profiler.calibrating.observations import Observation, digests
from edgewatt.profiler.calibrating.power import PowerFit
from edgewatt.profiler.calibrating.values import Found, Value, mean_of, together, within
from edgewatt.profiler.calibrating.work import Work, works


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
    for work in works(seen, training=False):
        what = dict(work.what)
        if any(what[key] for key in ("co_cpu_ratio", "co_memory_ratio")) or any(id(one) in used for one in work.seen):
            continue
        name = f"{what['model']} on {what['target']}"
        added = None if what["target"] == "cpu" else _without(found, seen, what["target"], what["model"])
        if isinstance(added, str):
            notes.append(f"energy of {name} by {found.source} is not estimated: {added}")
            continue
        parts = [part for one in work.seen if (part := _estimate(found, one, added)) is not None]
        known = [part for part in parts if not isinstance(part, str)]
        if not known:
            why = next((part for part in parts if isinstance(part, str)), "nobody measured it")
            notes.append(f"energy of {name} by {found.source} is not estimated: {why}")
            continue
        joules = [part[0] for part in known]
        u, df = max(part[1] for part in known), min(part[2] for part in known)
        estimate = within(float(np.mean(joules)), u, df, gain_rel=found.gain_rel)
        done.append(Estimated(work, estimate, float(np.mean([part[3] for part in known]))))
    return done, notes


def _without(found: PowerFit, seen: Sequence[Observation], unit: str, model: object) -> list[Added] | str:
    others = [one for one in networks_on(seen, unit) if one.config.get("model") != model]
    if not others:
        return f"no other network was measured on {unit}"
    return added_by(found, others, unit, gpu_busy(unit)) or f"{unit} was not told from the processor"


def _estimate(
    found: PowerFit, one: Observation, added: list[Added] | None
) -> tuple[float, float, float, float] | str | None:
    """Joules of an iteration of one repeat, their uncertainty and df, and the joules that were measured."""
    power = one.power_of(found.source)
    iterations = one.stretch.repeat.iterations
    if power is None or not iterations:
        return None
    predicted = found.predict(one.ran, one.temperature_c)
    if isinstance(predicted, str):
        return predicted
    watts, terms = predicted[0], [(predicted[1], predicted[2])]
    if added is not None:
        unit = unit_of(one)
        step = next((hz for hz, share in one.ran.shares.get(unit, {}).items() if share >= 0.95), None)
        of_unit = next((of for of in added if of.hz == step), None)
        if of_unit is None:
            return f"{unit} at its frequency was measured with no other network"
        busy = gpu_busy(unit)(one)
        value, u, df = of_unit.fit.of(np.ones(1))
        watts += value * busy
        terms.append((u * busy, df))
    u, df = together(terms)
    each_s = one.stretch.duration_s / iterations
    return watts * each_s, u * each_s, df, power.power_w * each_s


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

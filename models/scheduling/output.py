"""A study as tables and charts."""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pyarrow as pa

from edgewatt.models.scheduling.bandit_table import bandit_rows
from edgewatt.models.scheduling.baselines import FIXED, ORACLE
from edgewatt.models.scheduling.contest_headlines import contest_figures, contest_rows
from edgewatt.models.scheduling.headlines import ratio
from edgewatt.models.scheduling.policy import table_rows
from edgewatt.models.scheduling.predictors import KINDS
from edgewatt.models.scheduling.states import bins_of
from edgewatt.models.scheduling.study import Study
from edgewatt.models.scheduling.trial import AUTOSCALE
from edgewatt.profiler.figure import Figure, Line

_METHODS: Final = (AUTOSCALE, *FIXED, *KINDS, ORACLE)


def tables(study: Study) -> dict[str, pa.Table]:
    """`headlines`; `cases`: means of a method on a network in a scenario, by seed; `terms`; `policy`; SI.

    `contest`: the same of the agents of a contest; `contest_policy`: what the first seed's of ours learnt.
    """
    return {
        name: pa.Table.from_pylist(rows)
        for name, rows in (
            ("headlines", [of.as_json() for of in study.headlines]),
            ("cases", list(_cases(study))),
            ("terms", [
                {"baseline": baseline, "constant": name, "oracle_low": low, "oracle_high": high}
                for baseline, of in study.terms.items()
                for name, low, high in of
            ]),
            ("policy", [
                {"device_id": part.asked.device_id, "streaming": part.asked.streaming, **row}
                for part in study.parts
                for row in table_rows(part.policy)
            ]),
            ("contest", [] if study.contest is None else list(contest_rows(study.contest))),
            ("contest_policy", [] if study.contest is None else [
                {"device_id": study.parts[0].asked.device_id, **row}
                for row in bandit_rows(study.contest.ours, bins_of(study.parts[0].asked.constants))
            ]),
        )
        if rows
    }  # fmt: skip


def _cases(study: Study) -> Iterator[dict[str, Any]]:
    for part in study.parts:
        for seed, trial in enumerate(part.trials):
            for method in (of for of in _METHODS if of in trial.energy_j):
                for k, scenario in enumerate(study.scenarios):
                    for m, w in enumerate(part.world.workloads):
                        yield {
                            "device_id": part.asked.device_id, "streaming": part.asked.streaming, "seed": seed,
                            "scenario": scenario, "model": w.name, "method": method, "qos_s": w.qos_s,
                            "energy_j": float(trial.energy_j[method][k, m]),
                            "all_energy_j": float(trial.all_energy_j[method][k, m]),
                            "latency_s": float(trial.latency_s[method][k, m]),
                            "late_ratio": float(trial.late[method][k, m]),
                            "basis": "; ".join(sorted(trial.words[method])),
                        }  # fmt: skip


def figures(study: Study) -> list[Figure]:
    """Efficiency by scenario; where the agent executes; what single constants do."""
    part = study.parts[0]
    notes = {"device": part.asked.device_id, "basis": part.policy.basis, "seeds": len(part.trials)}
    there = [name for name in FIXED if name not in part.trials[0].absent]
    efficiency = [
        Line(method, study.scenarios, [
            float(np.mean([ratio(t, baseline, method, [k]) for t in part.trials])) for k in range(len(study.scenarios))
        ])
        for baseline in there[:1]
        for method in (AUTOSCALE, *there[1:], ORACLE)
    ]  # fmt: skip
    names = sorted({name for t in part.trials for row in t.targets[AUTOSCALE] for name in row})
    shares = [
        Line(name, study.scenarios, [
            float(np.mean([t.targets[AUTOSCALE][k].get(name, 0.0) for t in part.trials]))
            for k in range(len(study.scenarios))
        ])
        for name in names
    ]  # fmt: skip
    found = [Figure("Where AutoScale executes", "bars", "scenario", "share of inferences", shares, "simulated", notes)]
    if efficiency:
        title, label = f"Energy efficiency over {there[0]}", "joules of the baseline over joules (ratio)"
        found.insert(0, Figure(title, "bars", "scenario", label, efficiency, "simulated", notes))
    for baseline, of in study.terms.items():
        largest = of[:12]
        line = Line("oracle", [t[0] for t in largest], [float(np.sqrt(t[1] * t[2])) for t in largest],
                    [min(t[1:]) for t in largest], [max(t[1:]) for t in largest])  # fmt: skip
        title = f"Energy efficiency of the oracle over {baseline}, one constant at a time"
        found.append(Figure(title, "points", "constant", "ratio", [line], "simulated", notes))
    held = study.contest
    return found if held is None else [*found, *contest_figures(held, {**notes, "seeds": len(held.trials)})]

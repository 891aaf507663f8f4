"""A study as tables and charts."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from edgewatt.models.federated.heteroswitch.headlines import Trials
from edgewatt.models.federated.heteroswitch.methods import FEDAVG, HETEROSWITCH
from edgewatt.models.federated.heteroswitch.study import Study
from edgewatt.models.federated.heteroswitch.trial import Trial
from edgewatt.profiler.figure import Figure, Line


def tables(study: Study) -> dict[str, pa.Table]:
    """By name.

    `headlines`; `devices`: percent of each device type by method, with all types (`left_out` blank) or without one,
    with all cameras alike in a `stage`, or on a `draw` of the constants; `spread`: mean, worst and variance of those;
    `rounds`: what each participant did, of the seeds; `curves`.
    """
    trials = list(_all(study))
    return {
        name: pa.Table.from_pylist(rows)
        for name, rows in (
            ("headlines", [of.as_json() for of in study.headlines]),
            ("devices", [{**key, **row} for key, trial in trials for row in _of_types(trial)]),
            ("spread", [{**key, **_spread(trial)} for key, trial in trials]),
            ("rounds", [
                {"method": trial.method, "seed": trial.seed, **row}
                for of in study.found.main for trial in of.values() for row in trial.log
            ]),
            ("curves", [
                {**key, "method": trial.method, "round": number, "mean_percent": mean}
                for key, trial in trials for number, mean in trial.curve
            ]),
        )
        if rows
    }  # fmt: skip


def _all(study: Study) -> Iterator[tuple[dict[str, Any], Trial]]:
    """Every trial, and what it was tried on."""
    found = study.found
    grouped: list[tuple[str, int | None, Trials]] = [("", None, of) for of in found.main]
    grouped += [(stage, None, of) for stage, of in found.staged]
    grouped += [("", draw, of) for draw, of in enumerate(found.varied)]
    for stage, draw, of in grouped:
        for trial in of.values():
            yield {"stage_alike": stage, "draw": draw}, trial
    for trial in found.apart:
        yield {"stage_alike": "", "draw": None}, trial


def _of_types(trial: Trial) -> Iterator[dict[str, Any]]:
    for name, percent in zip(trial.types, trial.of_types, strict=True):
        yield {
            "method": trial.method, "seed": trial.seed, "left_out": trial.left_out, "device_type": name,
            "percent": float(percent),
        }  # fmt: skip


def _spread(trial: Trial) -> dict[str, Any]:
    return {
        "method": trial.method, "seed": trial.seed, "left_out": trial.left_out, "mean_percent": trial.mean,
        "worst_percent": trial.worst, "variance_points2": trial.variance, "refused_n": trial.refused,
    }  # fmt: skip


def figures(study: Study) -> list[Figure]:
    """By device type, the variance by method, how it was learnt, what a left-out type gets, and what stages do."""
    found = study.found
    what = f"{found.measure} (%)"
    notes = {"basis": study.headlines[0].basis, "seeds": len(found.main)}
    types = list(found.main[0][FEDAVG.name].types)
    pair = (FEDAVG.name, HETEROSWITCH.name)
    names = [method.name for method in found.methods]
    by_type = [Line(n, types, _mean([t[n].of_types for t in found.main])) for n in names]
    variance = [Line("variance", names, [float(np.mean([t[n].variance for t in found.main])) for n in names])]
    learnt = [
        Line(n, [k for k, _ in found.main[0][n].curve], _mean([[y for _, y in t[n].curve] for t in found.main]))
        for n in names
    ]
    charts = [
        Figure("Each device type", "bars", "device type", what, by_type, "simulated", notes),
        Figure("Variance over device types", "bars", "method", "variance (points^2)", variance, "simulated", notes),
        Figure("Mean over device types", "line", "round", what, learnt, "simulated", notes),
    ]
    if found.apart:
        apart = [
            Line(n, types, [_left_out(found.apart, n, name) for name in types])
            for n in dict.fromkeys(t.method for t in found.apart)
        ]
        charts.append(Figure("A type that took no part", "bars", "device type", what, apart, "simulated", notes))
    stages = list(dict.fromkeys(stage for stage, _ in found.staged))
    if stages:
        lines = [
            Line(
                n, stages, [float(np.mean([t[n].variance for s, t in found.staged if s == stage])) for stage in stages]
            )
            for n in pair
        ]
        title = "Variance with all cameras alike in a stage"
        charts.append(Figure(title, "bars", "stage", "variance (points^2)", lines, "simulated", notes))
    return charts


def _mean(rows: Any) -> list[float]:
    return [float(value) for value in np.mean(rows, 0)]


def _left_out(apart: list[Trial], method: str, name: str) -> float:
    return float(np.mean([t.of_left_out for t in apart if t.method == method and t.left_out == name]))

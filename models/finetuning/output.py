"""A study as tables and charts."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from edgewatt.models.finetuning.headlines import basis_of
from edgewatt.models.finetuning.study import Study
from edgewatt.models.finetuning.trial import Trial
from edgewatt.models.headline import Headline
from edgewatt.profiler.figure import Figure, Line

_MB: Final = 1e6
_CHARTED: Final[Sequence[tuple[str, str, Callable[[Trial], float]]]] = (
    ("Memory of a step, mean over a training", "memory (MB)", lambda one: one.memory_b / _MB),
    ("FLOPs of a training", "FLOPs (G)", lambda one: one.flop / 1e9),
    ("Score on texts not seen", "score (%)", lambda one: one.score),
)


def tables(study: Study, headlines: list[Headline]) -> dict[str, pa.Table]:
    """By name, in SI.

    `headlines`; `trials`: a row for each training; `steps`: one for each step of them; `varied`: trainings with SAFE by
    draw of all unconfirmed constants; `shapes`: a step of one text of the paper's models by frozen prefix.
    """
    every = {
        "headlines": [of.as_json() for of in headlines],
        "trials": [_trial(study, one) for one in study.trials],
        "steps": [
            {"method": one.method, "task": one.task, "seed": one.seed, **row}
            for one in study.trials
            for row in one.steps.rows()
        ],
        "varied": [
            {"draw": k, "paper_batch": of.batch, **_trial(study, of.trial)} for k, of in enumerate(study.varied)
        ],
        "shapes": list(_shapes(study)),
    }
    return {name: pa.Table.from_pylist(rows) for name, rows in every.items() if rows}


def _trial(study: Study, one: Trial) -> dict[str, Any]:
    device = study.asked.device
    seconds = None if device is None else one.flop / device.flop_per_s
    return {
        "method": one.method, "task": one.task, "seed": one.seed, "score_percent": one.score, "loss": one.loss,
        "sharpness": one.sharpness, "memory_mean_b": one.memory_b, "memory_peak_b": one.peak_b,
        "saved_mean_b": float(np.mean(one.steps.columns["saved_b"])), "cached_b": one.spent.cache_b,
        "resident_peak_b": float(np.max(one.steps.columns["memory_peak_b"])), "flop": one.flop,
        "processor_s": one.seconds, "wall_s": float(np.sum(one.steps.columns["step_s"])), "own_s": one.own_s,
        "own_flop": one.spent.flop, "skipped_flop": one.spent.skipped_flop, "frozen": list(one.frozen),
        "frozen_prefix_n": int(one.steps.prefix[-1]), "device_s": seconds,
        "device_j": None if device is None or device.power_w is None else device.power_w * (seconds or 0.0),
        "basis": basis_of(study),
    }  # fmt: skip


def _shapes(study: Study) -> Iterator[dict[str, Any]]:
    for of in study.shapes:
        for k, prefix in enumerate(of.prefixes):
            yield {
                "model": of.name, "layers_n": of.layers_n, "frozen_prefix_n": prefix,
                "forward_flop": of.forward_flop[k], "backward_flop": of.backward_flop[k], "saved_b": of.saved_b[k],
                "trainable_n": int(of.trained_n[k]), "processor_s": of.step_s[k], "weights_n": of.weights_n,
                "full_flop": of.full.flop, "full_saved_b": of.full.saved_b,
            }  # fmt: skip


def figures(study: Study) -> list[Figure]:
    """Memory, FLOPs and score by method; how the frozen prefix grows; a step of the paper's models by prefix."""
    notes = {"basis": basis_of(study), "seeds": study.asked.seeds, "scenario": study.asked.scenario}
    methods = [of for of in study.asked.methods if study.of(of)]
    found = []
    for title, label, of in _CHARTED:
        lines = [
            Line(task.name, tried, [float(np.mean([of(one) for one in study.of(m, task=task.name)])) for m in tried])
            for task in study.asked.tasks
            if (tried := [m for m in methods if study.of(m, task=task.name)])
        ]
        found.append(Figure(title, "bars", "method", label, lines, "simulated", notes))
    steps = list(range(study.setting.steps_n))
    lines = [
        Line(method, steps, [float(of) for of in np.mean([one.steps.prefix for one in study.of(method)], axis=0)])
        for method in methods
    ]
    found.append(Figure("Layers frozen from the input on", "line", "step", "layers", lines, "simulated", notes))
    if study.shapes:
        lines = [
            Line(of.name, [100 * p / of.layers_n for p in of.prefixes], [float(b) / _MB for b in of.saved_b])
            for of in study.shapes
        ]
        found.append(Figure(
            "Kept for the backward pass of one text", "line", "frozen prefix (% of layers)", "kept (MB)", lines,
            "simulated", notes,
        ))  # fmt: skip
    return found

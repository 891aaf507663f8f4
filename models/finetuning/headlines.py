"""The numbers of a study beside the paper's: what SAFE saves, what ours saves over it, and what else came out."""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from edgewatt.models.finetuning.headlines_shapes import ours_on_shapes, projected_headlines, shape_headlines
from edgewatt.models.finetuning.study import ADAPTERS, OURS, SAFE, Study
from edgewatt.models.finetuning.trial import Trial
from edgewatt.models.headline import Headline
from edgewatt.profiler.statistics import interval_of_mean

_Of = Callable[[Trial], float]
COSTS: Final[Sequence[tuple[str, _Of]]] = (
    ("memory, mean over the steps", lambda one: one.memory_b),
    ("kept for the backward pass, mean", lambda one: float(np.mean(one.steps.columns["saved_b"] + one.steps.cached_b))),
    ("FLOPs", lambda one: one.flop),
    ("processor time", lambda one: one.seconds),
)
_FEW_STEPS: Final = 0.02


def headlines_of(study: Study) -> list[Headline]:
    """The paper's three averages first. What needs a method that was not tried is left out."""
    found: list[Headline] = []
    tried = set(study.asked.methods)
    if {SAFE, ADAPTERS} <= tried:
        found += projected_headlines(study)
        found += [_saved(study, SAFE, ADAPTERS, name, of) for name, of in COSTS]
        found.append(_peak(study))
        found.append(_scores(study, SAFE, ADAPTERS))
        found += [_importance(study), _sharper(study)]
    if {OURS, SAFE} <= tried:
        found += [_saved(study, OURS, SAFE, name, of) for name, of in COSTS]
        found.append(_scores(study, OURS, SAFE))
        found += ours_on_shapes(study)
    found += shape_headlines(study)
    return [*found, *_of_device(study), *(_method(study, method) for method in study.asked.methods)]


def paired(study: Study, first: str, second: str, of: Callable[[Trial, Trial], float]) -> list[float]:
    """By seed, the mean over tasks of a number of two trainings that differ in their method alone."""
    found = []
    for seed in study.seeds_of(first):
        pairs = [(one, other) for one in study.of(first, seed) for other in study.of(second, seed, one.task)]
        if pairs:
            found.append(float(np.mean([of(one, other) for one, other in pairs])))
    return found


def basis_of(study: Study) -> str:
    """Of what was trained here, in words."""
    encoder = study.asked.encoder
    return f"simulated on this machine's torch, {encoder.name}{'' if encoder.is_pretrained else ' (random weights)'}"


def _saved(study: Study, first: str, second: str, name: str, of: _Of) -> Headline:
    values = paired(study, first, second, lambda one, other: 100 * (1 - of(one) / of(other)))
    ours, theirs = (float(np.mean([of(one) for one in study.of(method)])) for method in (first, second))
    unit = {"FLOPs": "FLOP", "processor time": "s"}.get(name, "B")
    gap = f"{ours:.4g} against {theirs:.4g} {unit}; by seed the mean over {_tasks(study)}"
    varied = (
        [_own_saving(study, one.trial, name) for one in study.varied] if (first, second) == (SAFE, ADAPTERS) else []
    )
    return Headline(
        name=f"{name}: {first} below {second}", unit="%", better="higher", basis=basis_of(study), gap=gap,
        values=values, varied=varied,
    )  # fmt: skip


def _own_saving(study: Study, one: Trial, name: str) -> float:
    """Against the first of its own steps, in which everything trains: adapters alone are nothing but such steps.

    Of time a few steps tell too little: against adapters on the same task by the first seed.
    """
    steps = one.steps
    if name == "FLOPs":
        return 100 * (1 - one.flop / (len(steps.flop) * float(steps.flop[0])))
    if name == "processor time":
        return 100 * (1 - one.seconds / study.of(ADAPTERS, 0, one.task)[0].seconds)
    of = steps.memory_b if name.startswith("memory") else steps.columns["saved_b"] + steps.cached_b
    return 100 * (1 - float(np.mean(of)) / float(of[0]))


def _peak(study: Study) -> Headline:
    return Headline(
        name="memory, worst step: safe below adapters", unit="%", better="higher", basis=basis_of(study),
        gap="what is frozen on the way frees nothing of the steps before: a device has to have room for these",
        values=paired(study, SAFE, ADAPTERS, lambda one, other: 100 * (1 - one.peak_b / other.peak_b)),
    )  # fmt: skip


def _scores(study: Study, first: str, second: str) -> Headline:
    values = paired(study, first, second, lambda one, other: one.score - other.score)
    by_task = "; ".join(
        f"{task.name} ({task.metric}) {_mean(study, first, task.name):.1f} and {_mean(study, second, task.name):.1f}"
        for task in study.asked.tasks
    )
    interval = interval_of_mean(values)
    if interval is None or interval.low is None or interval.high is None:
        verdict = "of one seed nothing can be told"
    elif interval.low <= 0 <= interval.high:
        verdict = "seeds do not tell them apart"
    else:
        verdict = f"{first} is {'better' if interval.low > 0 else 'worse'}"
    return Headline(
        name=f"score: {first} above {second}", unit="points", better="higher", basis=basis_of(study),
        gap=f"{verdict}; {by_task}", values=values,
    )  # fmt: skip


def _importance(study: Study) -> Headline:
    def share(one: Trial, other: Trial) -> float:
        return 100 * max(one.own_s - other.own_s, 0.0) / one.seconds

    setting = study.setting
    safe = study.of(SAFE)
    by_flop = float(np.mean([one.spent.flop / one.flop for one in safe]))
    needed = setting.steps_n * (by_flop / (1 - by_flop)) * (1 - _FEW_STEPS) / _FEW_STEPS
    return Headline(
        name="importance: share of a training's processor time", unit="%", better="lower", basis=basis_of(study),
        gap=(
            f"of its FLOPs {100 * by_flop:.3g} % ({setting.steps_n} steps of {setting.batch} texts, each look at "
            f"{setting.probe_n}); looks are as many in a longer training: under 2 % from {needed:.0f} steps on"
        ),
        values=paired(study, SAFE, ADAPTERS, share),
    )  # fmt: skip


def _sharper(study: Study) -> Headline:
    return Headline(
        name="sharpness: safe below adapters", unit="loss", better="higher", basis=basis_of(study),
        gap=(
            f"rise of the loss {study.setting.rho:g} up its gradient: {_mean_of(study, SAFE, 'sharpness'):.3g} and "
            f"{_mean_of(study, ADAPTERS, 'sharpness'):.3g}; above 0 is what the paper's regularisation would give"
        ),
        values=paired(study, SAFE, ADAPTERS, lambda one, other: other.sharpness - one.sharpness),
    )  # fmt: skip


def _of_device(study: Study) -> list[Headline]:
    """Seconds and joules of one training on the calibration's device, whose seconds are so many per FLOP."""
    device = study.asked.device
    if device is None:
        return []
    basis = f"simulated on {device.basis} rows and assumed constants"
    found = []
    for method in study.asked.contenders:
        seconds = [
            float(np.mean([one.flop for one in study.of(method, seed)])) / device.flop_per_s
            for seed in study.seeds_of(method)
        ]
        if not seconds:
            continue
        name = f"one training with {method} on {device.name}"
        found.append(Headline(
            name=f"{name}: time", unit="s", better="lower", basis=basis, gap=device.note, values=seconds,
        ))  # fmt: skip
        if device.power_w is not None:
            joules = [device.power_w * of for of in seconds]
            found.append(Headline(
                name=f"{name}: energy", unit="J", better="lower", basis=basis, gap=device.note, values=joules,
            ))  # fmt: skip
    return found


def _method(study: Study, method: str) -> Headline:
    """How well a method does, and in words at what cost."""
    every = study.of(method)
    seeds = study.seeds_of(method)
    last = [one.steps.columns["trainable_n"][-1] for one in every]
    gap = (
        f"mean memory {np.mean([one.memory_b for one in every]) / 1e6:.4g} MB, "
        f"{np.mean([one.flop for one in every]) / 1e12:.3g} TFLOP, {np.mean([one.seconds for one in every]):.3g} s; "
        f"in the end {np.mean(last):,.0f} parameters train, {np.mean([len(one.frozen) for one in every]):.2g} layers "
        f"frozen; on {', '.join(dict.fromkeys(one.task for one in every))}"
    )
    return Headline(
        name=f"score of {method}", unit="%", better="higher", basis=basis_of(study), gap=gap,
        values=[float(np.mean([one.score for one in study.of(method, seed)])) for seed in seeds],
    )  # fmt: skip


def _tasks(study: Study) -> str:
    return ", ".join(task.name for task in study.asked.tasks)


def _mean(study: Study, method: str, task: str) -> float:
    return float(np.mean([one.score for one in study.of(method, task=task)]))


def _mean_of(study: Study, method: str, column: str) -> float:
    return float(np.mean([getattr(one, column) for one in study.of(method)]))

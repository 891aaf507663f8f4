"""SAFE's freezing, as the trained encoder had it, laid on steps of the paper's models."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from edgewatt.models.finetuning.shapes import Metered
from edgewatt.models.finetuning.study import OURS, SAFE, Study, constants_here
from edgewatt.models.finetuning.trial import Trial
from edgewatt.models.headline import Headline

MEMORY, FLOP, TIME = "memory", "FLOPs", "processor time"
_PUBLISHED: Final[Mapping[str, str]] = {MEMORY: "memory_saved", FLOP: "flop_saved", TIME: "time_saved"}
# What the summaries of the paper say that adapters save of full fine-tuning's memory (facts A1: second-hand).
_ADAPTERS_SAVE: Final = 22.19


def projected_headlines(study: Study) -> list[Headline]:
    """The paper's three averages: the means over its three models of what a run with SAFE saves of one without."""
    return [_headline(study, what) for what in (MEMORY, FLOP, TIME)]


def ours_on_shapes(study: Study) -> list[Headline]:
    """Ours below SAFE on the same steps, without the features that ours keeps: what they take and what they save."""
    if not study.shapes:
        return []

    def below(what: str, one: Trial, other: Trial, of: Metered) -> float:
        ours, safe = (1 - saving(trial, of, what, study.batch, study.setting.probe_n) / 100 for trial in (one, other))
        return 100 * (1 - ours / safe)

    found = []
    for what in (MEMORY, FLOP, TIME):
        values = [
            float(np.mean([
                below(what, one, other, of)
                for one in study.of(OURS, seed) for other in study.of(SAFE, seed, one.task) for of in study.shapes
            ]))
            for seed in study.seeds_of(OURS)
        ]  # fmt: skip
        shares = [
            np.mean([one.steps.prefix / one.steps.columns["layers_n"] for one in study.of(method)])
            for method in (OURS, SAFE)
        ]
        found.append(Headline(
            name=f"{what}: ours below safe, mean of the paper's models", unit="%", better="higher", basis=_basis(),
            values=values, gap=(
                "without the features that ours keeps; over a run {:.0f} % of the layers were a frozen prefix with "
                "ours, {:.0f} % with safe".format(*(100 * of for of in shares))
            ),
        ))  # fmt: skip
    return found


def shape_headlines(study: Study) -> list[Headline]:
    """By model: what adapters save of full fine-tuning, and freezing the lower half of the layers of adapters."""
    found = []
    for of in study.shapes:
        saved = 100 * (1 - float(of.memory_b(np.zeros(1), study.batch)[0]) / of.full_memory_b(study.batch))
        found.append(Headline(
            name=f"{of.name}, a step's memory: adapters below full", unit="%", better="higher", basis=_basis(),
            values=[saved], gap=(
                f"a summary of the paper has {_ADAPTERS_SAVE} % (second-hand); weights, gradients, AdamW's moments and "
                f"what {study.batch:g} texts keep"
            ),
        ))  # fmt: skip
        kept = of.kept_b(np.array([0.0, 0.5]))
        found.append(Headline(
            name=f"{of.name}, kept for the backward pass: lower half frozen below none", unit="%", better="higher",
            basis=_basis(), values=[100 * (1 - float(kept[1] / kept[0]))], gap=f"{kept[0] / 1e6:.4g} MB of one text",
        ))  # fmt: skip
    return found


def saving(trial: Trial, of: Metered, what: str, batch: float, probe_n: int) -> float:
    """Percent that a model saves over a run whose layers freeze when those of `trial` did, at the same share of them.

    Looks at importance are as many as in `trial`, on as many texts, among the steps of the paper (study.toml).
    """
    steps_n = constants_here()[1]["paper_step.steps_n"]
    share = trial.steps.prefix / trial.steps.columns["layers_n"]
    none = np.zeros(1)
    if what == MEMORY:
        return 100 * (1 - float(np.mean(of.memory_b(share, batch)) / of.memory_b(none, batch)[0]))
    looks = trial.spent.flop / (trial.steps.columns["forward_flop"][0] / trial.texts_n * probe_n)
    own = looks * probe_n * of.forward_flop[0] / (steps_n * batch * of.flop(none)[0])
    cost = of.flop if what == FLOP else of.seconds
    return 100 * (1 - float(np.mean(cost(share)) / cost(none)[0]) - float(own))


def _headline(study: Study, what: str) -> Headline:
    paper = constants_here()[0].by_name[f"published.{_PUBLISHED[what]}"]
    values = (
        [_mean(study, study.of(SAFE, seed), what, study.batch) for seed in study.seeds_of(SAFE)] if study.shapes else []
    )
    varied = [_mean(study, [one.trial], what, one.batch) for one in study.varied] if study.shapes else []
    return Headline(
        name=f"{what}: safe below adapters, mean of the paper's models", unit="%", better="higher",
        basis=_basis(), values=values, varied=varied, published=paper.value, headline=True,
        gap="; ".join(_gap(study, what, paper.value, values, varied)),
    )  # fmt: skip


def _basis() -> str:
    return "simulated on this machine's torch, random weights, and assumed constants"


def _mean(study: Study, trials: Sequence[Trial], what: str, batch: float) -> float:
    probe_n = study.setting.probe_n
    return float(np.mean([saving(one, of, what, batch, probe_n) for one in trials for of in study.shapes]))


def _gap(study: Study, what: str, paper: float, values: Sequence[float], varied: Sequence[float]) -> list[str]:
    if not values:
        return ["steps of the paper's models were not metered"]
    ours = float(np.mean(values))
    words = [f"{abs(ours - paper):.0f} points {'above' if ours > paper else 'below'} the paper's (confirmed)"]
    if varied:
        inside = min([*values, *varied]) <= paper <= max([*values, *varied])
        words.append(f"the paper's lies {'within' if inside else 'outside'} our range")
    runs = study.of(SAFE)
    frozen = np.mean([one.steps.prefix / one.steps.columns["layers_n"] for one in runs])
    end = np.mean([one.steps.prefix[-1] / one.steps.columns["layers_n"][-1] for one in runs])
    words.append(
        f"over a run {100 * frozen:.0f} % of the layers were a frozen prefix, {100 * end:.0f} % in the end: that is "
        f"the threshold's doing, which is assumed, and {study.asked.encoder.name}'s on {len(study.asked.tasks)} tasks"
    )
    words.append(
        f"the paper's would take {100 * _share_for(study, what, paper):.0f} % of the layers frozen from the input on "
        "over the whole run"
    )
    words.append("by model " + ", ".join(f"{of.name} {_of_shape(study, of, what):.1f} %" for of in study.shapes))
    if what == MEMORY:
        words += [
            f"of a model: {', '.join(_kept(of, study.batch) for of in study.shapes)} is kept for the backward pass"
        ]
    if what == TIME:
        words.append(
            "on a processor time follows FLOPs; on a GPU a step of few texts waits for launches and for data, so that "
            "it saves less: which GPU the paper has is not known"
        )
    return words


def _of_shape(study: Study, of: Metered, what: str) -> float:
    return float(np.mean([saving(one, of, what, study.batch, study.setting.probe_n) for one in study.of(SAFE)]))


def _share_for(study: Study, what: str, paper: float) -> float:
    """The share of the layers that, as a prefix frozen from the first step on, saves what the paper has."""
    shares, none = np.linspace(0, 1, 101), np.zeros(1)
    saved = []
    for of in study.shapes:
        if what == MEMORY:
            saved.append(1 - of.memory_b(shares, study.batch) / of.memory_b(none, study.batch))
        else:
            cost = of.flop if what == FLOP else of.seconds
            saved.append(1 - cost(shares) / cost(none))
    return float(np.interp(paper / 100, np.maximum.accumulate(np.mean(saved, axis=0)), shares))


def _kept(of: Metered, batch: float) -> str:
    none = np.zeros(1)
    share = batch * float(of.saved_b[0]) / float(of.memory_b(none, batch)[0])
    return f"{of.name} {100 * share:.0f} %"

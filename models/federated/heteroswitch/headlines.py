"""The numbers of a study beside the paper's one, and in words why they differ."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import numpy as np

from edgewatt.models.federated.heteroswitch.hook import FIRST, SECOND
from edgewatt.models.federated.heteroswitch.methods import FEDAVG, HETEROSWITCH, METHODS, Method
from edgewatt.models.federated.heteroswitch.switching import ALWAYS
from edgewatt.models.federated.heteroswitch.trial import Trial
from edgewatt.models.headline import Headline
from edgewatt.models.scheduling.constants import Constants

Trials = Mapping[str, Trial]
OURS: Final = HETEROSWITCH.name
# Below it types are served alike, and a ratio of variances says nothing (squared points).
_LEAST: Final = 1e-9
NOTHING: Final = "FedAvg serves all types alike, nothing to lower"


@dataclass(frozen=True, slots=True, eq=False)
class Tried:
    """Trials by method: `main` by seed, `staged` with the stage in which all cameras are alike, `varied` by draw.

    `apart`: without one device type each. `measure`: what is counted of a type, accuracy or averaged precision.
    """

    constants: Constants
    measure: str
    main: list[Trials] = field(default_factory=list)
    apart: list[Trial] = field(default_factory=list)
    staged: list[tuple[str, Trials]] = field(default_factory=list)
    varied: list[Trials] = field(default_factory=list)

    @property
    def methods(self) -> list[Method]:
        """Those that were tried by all seeds."""
        return [method for method in METHODS if method.name in self.main[0]]


def reduction(trials: Trials, method: str) -> float | None:
    """By how many percent of FedAvg's a method lowers the variance over device types; None where there is none."""
    return pooled([trials], method)


def pooled(all_trials: Sequence[Trials], method: str) -> float | None:
    """The same of the variances of all trials together: one with a small variance does not count more."""
    own, base = (sum(trials[name].variance for trials in all_trials) for name in (method, FEDAVG.name))
    return 100 * (1 - own / base) if base > _LEAST else None


def _said(percent: float | None) -> str:
    return NOTHING if percent is None else f"{percent:+.1f} %"


def headlines_of(found: Tried, basis: str) -> list[Headline]:
    """The paper's own first, then worst and mean, each against FedAvg; then what a type that took no part gets."""
    rows = [_paper(found, basis), *_against(found, basis, OURS)]
    for method in found.methods:
        if method not in (FEDAVG, HETEROSWITCH):
            gap = f"of all seeds' variances together: {_said(pooled(found.main, method.name))}"
            name = f"variance over device types below FedAvg, {method.name}"
            rows.append(_row(found, basis, (name, "%"), partial(reduction, method=method.name), gap))
            rows += _against(found, basis, method.name)
    return [*rows, *_left_out(found, basis)]


def _against(found: Tried, basis: str, name: str) -> list[Headline]:
    """The worst and the mean over types, above FedAvg's."""
    rows = []
    for what, words in (("worst", "worst device type"), ("mean", "mean over device types")):
        own, base = (np.mean([getattr(t[n], what) for t in found.main]) for n in (name, FEDAVG.name))
        gap = f"{found.measure} {own:.1f} %, FedAvg {base:.1f} %; the paper's tables could not be read"
        value = partial(_above, name=name, what=what)
        rows.append(_row(found, basis, (f"{words} above FedAvg, {name}", "points"), value, gap))
    return rows


def _above(trials: Trials, name: str, what: str) -> float:
    return float(getattr(trials[name], what) - getattr(trials[FEDAVG.name], what))


def _row(
    found: Tried, basis: str, named: tuple[str, str], value: Callable[[Trials], float | None], gap: str
) -> Headline:
    """Draws are of FedAvg and HeteroSwitch alone: other methods have no range."""
    varied = _numbers(value, found.varied) if named[0].endswith(OURS) else []
    return Headline(
        name=named[0], unit=named[1], better="higher", basis=basis, gap=gap,
        values=_numbers(value, found.main), varied=varied,
    )  # fmt: skip


def _numbers(value: Callable[[Trials], float | None], trials: Sequence[Trials]) -> list[float]:
    return [of for each in trials if (of := value(each)) is not None]


def _paper(found: Tried, basis: str) -> Headline:
    paper = found.constants.by_name["published.variance_reduction"].value
    values, varied = (_numbers(partial(reduction, method=OURS), trials) for trials in (found.main, found.varied))
    return Headline(
        name="variance over device types below FedAvg", unit="%", better="higher", basis=basis, values=values,
        varied=varied, published=paper, headline=True, gap="; ".join(_gap(found, paper, values, varied)),
    )  # fmt: skip


def _gap(found: Tried, paper: float, values: Sequence[float], varied: Sequence[float]) -> list[str]:
    if not values:
        return [NOTHING]
    ours = float(np.mean(values))
    words = [f"{abs(ours - paper):.1f} points {'above' if ours > paper else 'below'} the paper's {paper:g} (confirmed)"]
    if varied:
        inside = min([*values, *varied]) <= paper <= max([*values, *varied])
        words.append(f"the paper's lies {'within' if inside else 'outside'} our range")
    base, own = (float(np.mean([t[n].variance for t in found.main])) for n in (FEDAVG.name, OURS))
    words += [
        f"of all seeds' variances together {_said(pooled(found.main, OURS))}: {base:.2f} to {own:.2f} squared points",
        f"the paper's is of averaged precision on FLAIR; ours of {found.measure}, with a smaller network",
        "relative or in points, and against which baseline, the abstract does not say",
    ]
    mean, worst = (float(np.mean([_above(t, OURS, what) for t in found.main])) for what in ("mean", "worst"))
    words.append(f"with it the mean over types changes by {mean:+.1f} points and the worst type by {worst:+.1f}")
    if worst < 0 < ours:
        words.append("types become alike by all becoming worse: that is no gain")
    first, second = (100 * float(np.mean([t[OURS].share_of(s) for t in found.main])) for s in (FIRST, SECOND))
    halves = [
        f"{m.name} {_said(pooled(found.main, m.name))}" for m in found.methods if ALWAYS in (m.diversify, m.average)
    ]
    words.append("; ".join([f"the switches are on in {first:.0f} and {second:.0f} % of updates", *halves]))
    stages = []
    for stage in dict.fromkeys(stage for stage, _ in found.staged):
        alike = [trials for of, trials in found.staged if of == stage]
        left = float(np.mean([t[FEDAVG.name].variance for t in alike]))
        stages.append(f"{stage} {left:.2f} ({_said(pooled(alike, OURS))})")
    if stages:
        words.append(f"FedAvg's variance with all cameras alike in {', '.join(stages)}; in brackets what is saved then")
    refused = sum(trial.refused for trials in found.main for trial in trials.values())
    return [*words, f"{refused} updates were not taken, as training diverged"] if refused else words


def _left_out(found: Tried, basis: str) -> list[Headline]:
    """What a device type gets that took no part, above FedAvg's: the mean over types, by seed."""
    rows = []
    seeds = sorted({trial.seed for trial in found.apart})
    for name in dict.fromkeys(trial.method for trial in found.apart):
        of = {seed: [t.of_left_out for t in found.apart if t.seed == seed and t.method == name] for seed in seeds}
        base = {
            seed: [t.of_left_out for t in found.apart if t.seed == seed and t.method == FEDAVG.name] for seed in seeds
        }
        if name != FEDAVG.name:
            levels = " %, FedAvg ".join(f"{np.mean(list(each.values())):.1f}" for each in (of, base))
            rows.append(Headline(
                name=f"device type that took no part above FedAvg, {name}", unit="points", better="higher", basis=basis,
                gap=f"{found.measure} {levels} %, each type left out once; the paper's tables could not be read",
                values=[float(np.mean(of[seed]) - np.mean(base[seed])) for seed in seeds],
            ))  # fmt: skip
    return rows

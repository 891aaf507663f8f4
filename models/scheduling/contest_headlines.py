"""The numbers of a contest, and its charts."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Literal

import numpy as np

from edgewatt.models.headline import Headline
from edgewatt.models.scheduling.baselines import CPU_FP32, ONLY_CLOUD, ORACLE
from edgewatt.models.scheduling.constants import Constants
from edgewatt.models.scheduling.contest import TRANSFERRED, TUNED, UNTAUGHT, Contest
from edgewatt.models.scheduling.headlines import basis_of, ratio
from edgewatt.models.scheduling.trial import AUTOSCALE, Trial
from edgewatt.models.scheduling.tuning import OURS, above_oracle
from edgewatt.profiler.figure import Figure, Line
from edgewatt.profiler.statistics import interval_of_mean

_SAID: Final = {
    OURS: "our agent",
    AUTOSCALE: "AutoScale",
    TUNED: "AutoScale with its tries of tuning",
    UNTAUGHT: "our agent before its first inference",
    TRANSFERRED: "transferred",
}
_RANGE: Final = "every seed is a world of its own, so that seeds are the range"


def contest_headlines(of: Contest, constants: Constants) -> list[Headline]:
    """Joules above the oracle's, missed deadlines, inferences to converge: ours, then AutoScale's."""
    found = [_trialled(of, method, above_oracle, "energy above the oracle", "%") for method in (OURS, AUTOSCALE)]
    found += [_trialled(of, method, _late(method), "QoS violations", "%") for method in (OURS, AUTOSCALE)]
    for name, baseline in (("CPU FP32", CPU_FP32), ("cloud", ONLY_CLOUD)):
        if baseline not in of.trials[0].absent:
            value = _over(baseline)
            found.append(_trialled(of, OURS, value, f"energy efficiency over {name}", "x"))
    paper = constants.under("published")["runs_to_converge"]
    for method in (OURS, AUTOSCALE, TRANSFERRED):
        if method in of.converged:
            published = paper.value if method == AUTOSCALE else None
            found.append(_runs(of, method, published, f"the paper's {paper.value:g} is {paper.tag}"))
    return found


def _trialled(of: Contest, method: str, value: Callable[[Trial, str], float], what: str, unit: str) -> Headline:
    values = [value(trial, method) for trial in of.trials]
    others = [other for other in (OURS, AUTOSCALE, TUNED, UNTAUGHT) if other != method]
    better: Literal["higher", "lower"] = "higher" if unit == "x" else "lower"
    beside = "; ".join(f"{_SAID[other]} {_mean([value(t, other) for t in of.trials])}" for other in others)
    won = sum(_is_better(value(t, OURS), value(t, AUTOSCALE), better) for t in of.trials)
    words = [beside, f"our agent is the better one in {won} of {len(values)} worlds"]
    if unit == "%" and "QoS" in what:
        words.insert(0, f"the oracle misses {np.mean([100 * t.late[ORACLE].mean() for t in of.trials]):.1f} %")
    return Headline(
        name=f"{what}, {_where(of)}, {_SAID[method]}", unit=unit, better=better,
        basis=basis_of(of.trials, (method,)), gap="; ".join([*words, _RANGE]), values=values, varied=values,
    )  # fmt: skip


def _is_better(ours: float, theirs: float, better: str) -> bool:
    return ours > theirs if better == "higher" else ours < theirs


def _runs(of: Contest, method: str, published: float | None, paper: str) -> Headline:
    found = of.converged[method]
    values = found.runs().tolist()
    words = [
        "from where on nine of ten choices are within 10 % of the oracle's joules and in time",
        f"agents with one network in one scenario each: {100 * found.never:.0f} % have not by {len(found.good)}",
        paper if published else "",
    ]
    if method == AUTOSCALE:
        words.append(f"with its tries of tuning {_mean(of.converged[TUNED].runs().tolist())}")
    if method == TRANSFERRED:
        less = 100 * (1 - found.runs().mean() / of.converged[AUTOSCALE].runs().mean())
        words.append(
            f"it begins with what was learnt on {of.other}, which tells nothing of {of.lacking_n} choices: "
            f"{less:.0f} % fewer inferences, the paper's about 21 % is remembered"
        )
    return Headline(
        name=f"inferences to converge, {_where(of)}, {_SAID[method]}", unit="inferences", better="lower",
        basis=basis_of(of.trials, (OURS if method == OURS else AUTOSCALE,)), published=published,
        gap="; ".join(word for word in words if word), values=values, varied=values,
    )  # fmt: skip


def _where(of: Contest) -> str:
    return "test scenarios" if of.is_of_all_test_scenarios else ", ".join(of.scenarios)


def _late(_: str) -> Callable[[Trial, str], float]:
    return lambda trial, method: 100 * float(trial.late[method].mean())


def _over(baseline: str) -> Callable[[Trial, str], float]:
    return lambda trial, method: ratio(trial, baseline, method)


def _ends(values: Sequence[float]) -> tuple[float, float, float]:
    """The mean and the ends of its interval, which are the mean where there is none."""
    mean, interval = float(np.mean(values)), interval_of_mean(values)
    if interval is None or interval.low is None or interval.high is None:
        return mean, mean, mean
    return mean, interval.low, interval.high


def _mean(values: Sequence[float]) -> str:
    interval = interval_of_mean(values)
    mean = f"{np.mean(values):.3g}"
    if interval is None or interval.low is None:
        return mean
    return f"{mean} ({interval.low:.3g} to {interval.high:.3g})"


def contest_rows(of: Contest) -> Iterator[dict[str, Any]]:
    """Means of an agent with a network in a scenario, by seed."""
    names = [w.name for w in of.ours.prior.world.workloads]
    for seed, trial in enumerate(of.trials):
        for method in (OURS, UNTAUGHT, AUTOSCALE, TUNED, ORACLE):
            for k, scenario in enumerate(of.scenarios):
                for m, name in enumerate(names):
                    yield {
                        "seed": seed, "scenario": scenario, "model": name, "method": method,
                        "energy_j": float(trial.energy_j[method][k, m]),
                        "latency_s": float(trial.latency_s[method][k, m]),
                        "late_ratio": float(trial.late[method][k, m]),
                    }  # fmt: skip


def contest_figures(of: Contest, notes: dict[str, object]) -> list[Figure]:
    """Runs to converge: the share of agents that choose well, by what they have seen; and joules by agent."""
    every = range(0, len(next(iter(of.converged.values())).good), 5)
    learnt = [
        Line(_SAID[method], [float(t) for t in every], [float(found.share[t]) for t in every])
        for method, found in of.converged.items()
    ]
    above = []
    for method in (OURS, UNTAUGHT, AUTOSCALE, TUNED):
        joules = [[ratio(t, method, ORACLE, [k]) for t in of.trials] for k in range(len(of.scenarios))]
        ends = [_ends([100 * (value - 1) for value in values]) for values in joules]
        middle, low, high = ([end[k] for end in ends] for k in range(3))
        above.append(Line(_SAID[method], list(of.scenarios), middle, low, high))
    share, joules_above = "agents whose choice is near the oracle's (share)", "joules above the oracle's (%)"
    return [
        Figure("Runs to converge", "line", "inferences", share, learnt, "simulated", notes),
        Figure("Energy above the oracle", "bars", "scenario", joules_above, above, "simulated", notes),
    ]

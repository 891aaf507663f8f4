"""AutoScale on one calibration: agents learn, are tried beside the baselines, and every headline gets its range."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from edgewatt.models.headline import Headline
from edgewatt.models.scheduling.autoscale import Lessons, learn, learning_of, lessons_of
from edgewatt.models.scheduling.baselines import ORACLE
from edgewatt.models.scheduling.building import Asked, build
from edgewatt.models.scheduling.constants import Draw
from edgewatt.models.scheduling.contest import SEEDS, Contest, contest
from edgewatt.models.scheduling.contest_headlines import contest_headlines
from edgewatt.models.scheduling.executing import Chooses
from edgewatt.models.scheduling.headlines import Term, Tried, basis_of, headlines_of, ratio
from edgewatt.models.scheduling.policy import Policy, policy_of
from edgewatt.models.scheduling.predictors import predictor
from edgewatt.models.scheduling.states import bins_of
from edgewatt.models.scheduling.trial import AUTOSCALE, Trial, joined_trials, tried
from edgewatt.models.scheduling.world import World, stacked

# Draws of constants have seeds of their own.
_DRAWS_FROM: Final = 1000
# How long the contest takes for each of its seeds, and all constants one at a time, relative to one agent of a part.
_CONTEST: Final = 8.0
_TERMS: Final = 20.0
# What is done next, and the share of all that is done before it.
Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Size:
    """How much is simulated: agents, draws of all unconfirmed constants, inferences to learn and to try per case.

    `terms`: whether each unconfirmed constant is varied by itself too. `predictors`: of KINDS, which need scikit-learn.
    `contest_seeds`: agents of each kind in the contest of ours with AutoScale's, 0: none.
    """

    seeds: int
    draws: int
    learn_n: int
    try_n: int = 40
    terms: bool = True
    predictors: tuple[str, ...] = ()
    contest_seeds: int = SEEDS


@dataclass(frozen=True, slots=True)
class Part:
    """One phone with one kind of deadline: its world as stated, the trial of each seed, the first seed's policy."""

    asked: Asked
    world: World
    trials: tuple[Trial, ...]
    policy: Policy


@dataclass(frozen=True, slots=True)
class Study:
    """What came out. `terms`: by baseline, what single constants do to the first part, the largest first.

    `contest`: of ours with AutoScale's, on the first part.
    """

    headlines: tuple[Headline, ...]
    scenarios: tuple[str, ...]
    parts: tuple[Part, ...]
    terms: Mapping[str, list[Term]]
    contest: Contest | None = None


def study(
    parts: Sequence[Asked], scenarios: Sequence[str], size: Size, progress: Progress = lambda _what, _done: None
) -> Study:
    """Learn and try on each part; the same for the same arguments. Raises UsageError as `build` does."""
    draws = [Draw(seed=k) for k in range(size.seeds)]
    draws += [Draw(seed=_DRAWS_FROM + k, vary=True) for k in range(size.draws)]
    agents, rest = len(parts) * len(draws), (_TERMS if size.terms else 0) + _CONTEST * size.contest_seeds
    found = []
    for k, asked in enumerate(parts):
        done = k * len(draws) / (agents + rest)
        found.append(_part(asked, scenarios, size, draws, partial(_say, progress, done, k, len(parts))))
    terms: dict[str, list[Term]] = {}
    if size.terms:
        progress("one constant at a time", agents / (agents + rest))
        terms = _terms(parts[0], scenarios)
    every = [joined_trials(of) for of in zip(*(trials for _, trials in found), strict=True)]
    rows = list(scenarios) * len(found)
    tried_rows = Tried(parts[0].constants, rows, every[: size.seeds], every[size.seeds :], terms, parts[0].device_id)
    headlines = headlines_of(tried_rows)
    held = None
    if size.contest_seeds:
        say = partial(_say, progress, 1 - _CONTEST * size.contest_seeds / (agents + rest), 0, 1)
        held = _contest(parts[0], scenarios, size, say)
        headlines += contest_headlines(held, parts[0].constants)
    return Study(tuple(headlines), tuple(scenarios), tuple(part for part, _ in found), terms, held)


def _say(progress: Progress, done: float, k: int, parts_n: int, text: str) -> None:
    progress(f"{text} ({k + 1} of {parts_n})" if parts_n > 1 else text, done)


def _contest(asked: Asked, scenarios: Sequence[str], size: Size, say: Callable[[str], None]) -> Contest:
    """On the test scenarios of those that were asked for; on all of them, if none is one."""
    test = [name for name in scenarios if name in asked.constants.scenarios["test"]]
    return contest(
        asked, test or scenarios, seeds=size.contest_seeds, learn_n=size.learn_n, try_n=size.try_n, progress=say
    )


def _part(
    asked: Asked, scenarios: Sequence[str], size: Size, draws: Sequence[Draw], say: Callable[[str], None]
) -> tuple[Part, list[Trial]]:
    """The part, and the trials of every draw."""
    constants, bins = asked.constants, bins_of(asked.constants)
    world = build(asked)
    worlds = [build(asked, draw) for draw in draws]
    seeds = [*range(size.seeds), *([0] * size.draws)]
    lessons = lessons_of(world, bins, constants, scenarios, seeds, size.learn_n)
    name = f"{asked.device_id}{', streamed' if asked.streaming else ''}"
    say(f"{name}: {len(draws)} agents learn from {len(lessons.network):,} inferences each")
    tables = learn(stacked(worlds), bins, lessons, learning_of(constants, draws), seed=0)
    say(f"{name}: tried beside the baselines")
    trials = [
        tried(of, table, constants, scenarios, size.try_n, seed, _predictors(of, lessons, k, size))
        for k, (of, table, seed) in enumerate(zip(worlds, tables, seeds, strict=True))
    ]
    mine = tuple(trials[: size.seeds])
    return Part(asked, world, mine, policy_of(tables[0], world, bins, basis_of(mine, (AUTOSCALE,)))), trials


def _predictors(world: World, lessons: Lessons, k: int, size: Size) -> dict[str, Chooses]:
    """Those that were asked for, of environment `k`; none where constants are varied."""
    mine = Lessons(lessons.network[:, k : k + 1], lessons.state[:, k : k + 1], lessons.around[:, k : k + 1])
    return {kind: predictor(kind, world, mine, k) for kind in size.predictors if k < size.seeds}


def _terms(asked: Asked, scenarios: Sequence[str]) -> dict[str, list[Term]]:
    """The oracle's ratio over each baseline with one unconfirmed constant at its lowest and its highest."""
    constants, by = asked.constants, asked.constants.variation_ratio
    stated = Draw()
    build(asked, stated)
    found: dict[str, list[Term]] = {}
    for name in sorted(stated.asked):
        ends = [
            tried(build(asked, Draw(factors={name: factor})), None, constants, scenarios, 2, 0)
            for factor in (1 - by, 1 + by)
        ]
        for baseline in sorted(set.intersection(*(set(end.energy_j) for end in ends)) - {ORACLE}):
            low, high = (ratio(end, baseline, ORACLE) for end in ends)
            found.setdefault(baseline, []).append((name, low, high))
    return {baseline: sorted(of, key=lambda term: -abs(np.log(term[2] / term[1]))) for baseline, of in found.items()}

"""AutoFL or FedGPO on one calibration: every method in every case with every seed, and a few draws of the constants."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Final

from edgewatt.models.federated.policies.fixed import Setting, best_fixed
from edgewatt.models.federated.study.cases import TEST, USUAL, Case, tuned_of
from edgewatt.models.federated.study.contest import contest_headlines
from edgewatt.models.federated.study.fedgpo_headlines import BASELINE, fedgpo_headlines
from edgewatt.models.federated.study.given import Given
from edgewatt.models.federated.study.headlines import OURS, Tried, autofl_headlines
from edgewatt.models.federated.study.many import Progress, many
from edgewatt.models.federated.study.methods import SHARED
from edgewatt.models.federated.study.results import RANDOM, results_of
from edgewatt.models.federated.study.trial import Asked
from edgewatt.models.headline import Headline
from edgewatt.models.shelf import Shelf

# Trials that search or tune have seeds of their own.
SEARCH_SEED: Final = 9000
AUTOFL, FEDGPO = "autofl", "fedgpo"
# The agent that a system is named after.
AGENT: Final = {AUTOFL: AUTOFL, FEDGPO: FEDGPO}
# The papers' agents, which ours is compared with.
PUBLISHED: Final = (AUTOFL, SHARED, FEDGPO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much. `draws`: joint draws of all unconfirmed constants; `searched`: settings of Fixed (Best)."""

    seeds: int
    rounds: int
    draws: int
    methods: Sequence[str]
    searched: Sequence[Setting] = ()
    processes: int = 2


@dataclass(frozen=True, slots=True)
class Study:
    """What came out. `fixed`: the best fixed setting, for FedGPO, of all that were `searched`, with their costs."""

    system: str
    headlines: tuple[Headline, ...]
    size: Size
    of: Tried
    fixed: Setting | None = None
    searched: tuple[tuple[Setting, float], ...] = ()


def study(
    asked: tuple[str, str, Sequence[Case]],
    given: Given,
    size: Size,
    shelf: Shelf | None = None,
    progress: Progress = lambda _what, _done: None,
) -> Study:
    """`asked`: system, scenario and its cases. The same for the same arguments and any number of processes.

    In the scenario `test` each seed has a world of its own, all unconfirmed constants drawn, as the policies are not
    told, and agents have the settings that nine tries chose on the tuning cases. Raises UsageError as what it calls.
    """
    system, scenario, cases = asked
    is_test = scenario == TEST
    searching = size.searched if BASELINE in size.methods else ()
    first = 0.3 if searching else 0.0
    searched = _searched(given, searching, size, shelf, lambda what, done: progress(what, first * done))
    best = _best(searched)
    wanted = [
        _chosen(_asked(method, case, seed, size, best, seed))
        if is_test
        else _asked(method, case, seed, size, best, None)
        for case, seed, method in product(cases, range(size.seeds), size.methods)
    ]
    varied = {RANDOM, AGENT[system], *([BASELINE] if system == FEDGPO else [])}
    draws = () if is_test else range(size.draws)
    wanted += [_asked(method, cases[0], 0, size, best, draw) for draw, method in product(draws, sorted(varied))]
    trials = many(given, wanted, shelf, size.processes, lambda what, done: progress(what, first + (1 - first) * done))
    of = Tried(
        found=results_of({_stated(of) if is_test else of: trial for of, trial in trials.items()}),
        cases=cases,
        methods=size.methods,
        seeds=range(size.seeds),
        draws=tuple(draws),
        basis=basis_of(next(iter(trials.values())).basis),
        notes={"scenario": scenario, "fixed": _said(best, len(searched))},
    )
    rows = (fedgpo_headlines if system == FEDGPO else autofl_headlines)(of)
    if OURS in size.methods:
        rows += contest_headlines(of, [name for name in PUBLISHED if name in size.methods])
    return Study(system, tuple(rows), size, of, best, tuple(searched))


def basis_of(weakest: str) -> str:
    """In words, for the cell beside a number, from the weakest basis of a fleet."""
    if weakest == "simulated":
        return "simulated on simulated rows and assumed constants"
    if weakest == "measured":
        return "simulated on measured rows and assumed constants"
    return "simulated on published/assumed constants"


def _asked(method: str, case: Case, seed: int, size: Size, best: Setting | None, draw: int | None) -> Asked:
    tuned = _tuned(best) if method == BASELINE and best is not None else ()
    return Asked(method, case, seed, size.rounds, draw, tuned)


def _chosen(asked: Asked) -> Asked:
    return replace(asked, tuned=tuned_of(asked.method) or asked.tuned)


def _tuned(setting: Setting) -> tuple[tuple[str, float], ...]:
    return tuple((name, float(getattr(setting, name))) for name in ("batch", "epochs", "participants"))


def _stated(asked: Asked) -> Asked:
    """As if its world were the stated one: where each seed has a world of its own, the seed names it."""
    return replace(asked, draw=None)


def _searched(
    given: Given, settings: Sequence[Setting], size: Size, shelf: Shelf | None, progress: Progress
) -> list[tuple[Setting, float]]:
    """Each setting, and the joules of the fleet until the target, in a run without variance; infinite if never."""
    if not settings:
        return []
    case = Case(USUAL, "ideal")
    asked = {of: Asked(BASELINE, case, SEARCH_SEED, size.rounds, tuned=_tuned(of)) for of in settings}
    reference = Asked(RANDOM, case, SEARCH_SEED, size.rounds)
    trials = many(given, [reference, *asked.values()], shelf, size.processes, progress)
    costs = []
    for setting, of in asked.items():
        found = results_of({reference: trials[reference], of: trials[of]})
        reached = found.reached(BASELINE, case, SEARCH_SEED)
        costs.append((setting, reached.global_j if reached.is_reached else math.inf))
    return costs


def _best(tried: Sequence[tuple[Setting, float]]) -> Setting | None:
    """The cheapest that reached the target; None where nothing was searched. Raises UsageError where none did."""
    if not tried:
        return None
    known = dict(tried)
    return best_fixed(known.__getitem__, known)[0]


def _said(best: Setting | None, tried_n: int) -> str:
    if best is None:
        return "nothing was searched"
    return (
        f"B {best.batch}, E {best.epochs}, K {best.participants} of {tried_n}, by joules of the fleet without variance"
    )

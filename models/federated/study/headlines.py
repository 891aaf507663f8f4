"""AutoFL's numbers: over FedAvg-Random, by case, by tier, and beside what else there is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from edgewatt.models.federated.round import HIGH, LOW, MID, TIERS
from edgewatt.models.federated.study.cases import AUTOFL, USUAL, Case, study_constants
from edgewatt.models.federated.study.explaining import beside, learnt, not_reached, terms
from edgewatt.models.federated.study.results import RANDOM, Results, What
from edgewatt.models.headline import Headline
from edgewatt.models.scheduling.constants import constants_of

METHOD: Final = "autofl"
OURS: Final = "ours"
O_FL: Final = "o-fl"
WHATS: Final[Mapping[What, str]] = {"seconds": "convergence", "local_j": "local PPW", "global_j": "global PPW"}
# The tier that a scenario moves AutoFL's participants to, and what the paper calls the scenario.
SHIFTS: Final = (
    ("interference", HIGH, "interference"),
    ("unstable_network", LOW, "network"),
    ("non_iid", MID, "data"),
)
_IDEAL: Final = "ideal"
_PLACE_OF_AUTOFL: Final = 4  # in the lists of autofl.toml's [published.overview]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What was tried. `draws`: numbers of joint draws of all unconfirmed constants, of the first case and seed."""

    found: Results
    cases: Sequence[Case]
    methods: Sequence[str]
    seeds: Sequence[int]
    draws: Sequence[int]
    basis: str
    notes: Mapping[str, Any] = field(default_factory=dict)


def autofl_headlines(of: Tried) -> list[Headline]:
    """The three of the abstract first, in the case without variance where it was tried."""
    ideal = Case(USUAL, _IDEAL)
    rows = [_first(of, what) for what in WHATS] if of.cases[0] == ideal else []
    rows += [_by_case(of, what, case) for case in of.cases if case != ideal for what in ("seconds", "global_j")]
    others = [name for name in of.methods if name not in (RANDOM, METHOD)]
    rows += [mean_row(of, what, name, RANDOM) for name in others for what in ("seconds", "global_j")]
    rows += [_accuracy(of), _settled(of), *_shifts(of)]
    return rows


def row(of: Tried, name: str, values: Sequence[float], gap: str, **more: Any) -> Headline:
    """One number per seed, a ratio of which higher is better unless told otherwise."""
    given: dict[str, Any] = {"unit": "ratio", "better": "higher", "basis": of.basis} | more
    return Headline(name=name, values=values, gap=gap, **given)


def mean_row(of: Tried, what: What, method: str, against: str) -> Headline:
    """Of one method over another, the geometric mean over cases."""
    values = [
        float(np.exp(np.mean([np.log(of.found.gain(what, method, against, case, seed)) for case in of.cases])))
        for seed in of.seeds
    ]
    each = ", ".join(f"{case} {_mean(of, what, method, against, case):.2f}" for case in of.cases)
    words = [f"geometric mean over cases: {each}", not_reached(of.found, (method, against), of.cases, of.seeds)]
    return row(of, f"{WHATS[what]} of {method} over {against}", values, "; ".join(word for word in words if word))


def _mean(of: Tried, what: What, method: str, against: str, case: Case) -> float:
    return float(np.mean([of.found.gain(what, method, against, case, seed) for seed in of.seeds]))


def _first(of: Tried, what: What) -> Headline:
    key = {"seconds": "convergence", "local_j": "local_ppw", "global_j": "global_ppw"}[what]
    paper, case = constants_of(AUTOFL).by_name[f"published.{key}"], of.cases[0]
    varied = [of.found.gain(what, METHOD, RANDOM, case, of.seeds[0], draw) for draw in of.draws]
    ours = _mean(of, what, METHOD, RANDOM, case)
    words = [
        *beside(ours, paper.value, varied, paper.tag),
        terms(of.found, what, METHOD, RANDOM, case, of.seeds),
        learnt(of.found, what, METHOD, RANDOM, case, of.seeds),
    ]
    if O_FL in of.methods:
        words.append(f"the oracle of participants and targets: {_mean(of, what, O_FL, RANDOM, case):.2f}")
    words += [
        "the paper's mean is over three networks, ours of the CNN on digits",
        not_reached(of.found, (METHOD,), [case], of.seeds),
    ]
    return row(
        of, f"{WHATS[what]} over {RANDOM}, {case}", [of.found.gain(what, METHOD, RANDOM, case, s) for s in of.seeds],
        "; ".join(word for word in words if word), varied=varied, published=paper.value, headline=True,
    )  # fmt: skip


def _by_case(of: Tried, what: What, case: Case) -> Headline:
    published = _published(what, case)
    ours = _mean(of, what, METHOD, RANDOM, case)
    words = [] if published is None else beside(ours, published, (), "second-hand, by eye off a figure")
    words += [terms(of.found, what, METHOD, RANDOM, case, of.seeds), not_reached(of.found, (METHOD,), [case], of.seeds)]
    return row(
        of, f"{WHATS[what]} over {RANDOM}, {case}", [of.found.gain(what, METHOD, RANDOM, case, s) for s in of.seeds],
        "; ".join(word for word in words if word), published=published,
    )  # fmt: skip


def _published(what: What, case: Case) -> float | None:
    """What the paper's figure of the CNN shows for such a case; by setting without variance, by scenario in its own."""
    known = constants_of(AUTOFL).under("published.autofl")
    of_scenario = "network" if case.scenario == "unstable_network" else case.scenario
    name = case.setting if case.scenario == _IDEAL else of_scenario if case.setting == USUAL else ""
    return float(known[name].value[0 if what == "seconds" else 1]) if name in known else None


def _accuracy(of: Tried) -> Headline:
    paper = constants_of(AUTOFL)["published.overview.cnn_mnist.accuracy"]
    values = [
        float(np.mean([of.found.final(METHOD, c, s) - of.found.final(RANDOM, c, s) for c in of.cases]))
        for s in of.seeds
    ]
    each = ", ".join(
        f"{case} {np.mean([of.found.final(METHOD, case, s) for s in of.seeds]):.1f} "
        f"({np.mean([of.found.final(RANDOM, case, s) for s in of.seeds]):.1f})"
        for case in of.cases
    )
    return row(
        of, f"accuracy above {RANDOM}, mean of cases", values, f"percent of AutoFL (of {RANDOM}): {each}",
        unit="points", published=paper[_PLACE_OF_AUTOFL] - paper[0],
    )  # fmt: skip


def _settled(of: Tried) -> Headline:
    low, high = constants_of(AUTOFL)["published.rounds_to_settle"]
    case, constants = of.cases[0], study_constants()
    found = [of.found.settled(METHOD, case, seed) for seed in of.seeds]
    values = [float(rounds) for rounds in found if rounds is not None]
    window, ratio = (constants[f"convergence.reward_{name}"] for name in ("window_n", "ratio"))
    gap = (
        f"the paper says about {low} to {high}; ours: from then on the mean reward of {window:g} rounds stays within "
        f"{ratio:.0%} of its span from where it ends, after {len(of.found.trial(METHOD, case, of.seeds[0]).round_s)} "
        f"rounds; {case}"
    )
    return row(
        of, "rounds until the reward has settled", values, gap, unit="rounds", better="lower",
        published=(low + high) / 2,
    )  # fmt: skip


def _shifts(of: Tried) -> list[Headline]:
    """Percent points that a scenario moves participants to a tier, beside the paper's, and whether that holds."""
    paper = constants_of(AUTOFL).under("published.selection.autofl")
    base = next((case for case in of.cases if case.scenario == _IDEAL), None)
    found = []
    for scenario, tier, name in SHIFTS:
        case = next(
            (c for c in of.cases if base and c.setting == base.setting and c.scenario.startswith(scenario)), None
        )
        if case is None or base is None:
            continue
        values = [
            float(of.found.shares(METHOD, case, [s])[tier] - of.found.shares(METHOD, base, [s])[tier]) for s in of.seeds
        ]
        published = paper[name].value[tier] - paper["no_variance"].value[tier]
        holds = "holds" if np.mean(values) > 0 else "does not hold"
        shown = (
            f"{who} {' / '.join(f'{x:.1f}' for x in of.found.shares(METHOD, each, of.seeds))}"
            for who, each in (("ours without", base), ("with", case))
        )
        said = "; ".join(shown)
        papers = (
            " / ".join(f"{x:g}" for x in paper["no_variance"].value),
            " / ".join(f"{x:g}" for x in paper[name].value),
        )
        gap = f"the direction {holds}; high / mid / low percent: {said}; the paper's {papers[0]} and {papers[1]}"
        found.append(row(
            of, f"participants moved to the {TIERS[tier]} tier by {case.scenario}", values, gap, unit="points",
            published=round(published, 1),
        ))  # fmt: skip
    return found

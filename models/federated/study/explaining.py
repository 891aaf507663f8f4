"""Why a number is not the paper's: the terms that it is made of, in words."""

from collections.abc import Sequence

import numpy as np

from edgewatt.models.federated.study.cases import Case
from edgewatt.models.federated.study.results import Results, What

_JOULES = {"local_j": "joules of participants", "global_j": "joules of the fleet"}


def beside(ours: float, paper: float, varied: Sequence[float], tag: str) -> list[str]:
    """How far a ratio is from the paper's, and whether our range holds it."""
    side = "above" if ours > paper else "below"
    words = [f"{abs(ours - paper):.2g} {side} the paper's {paper:g} ({tag})"]
    if varied:
        low, high = min(*varied, ours), max(*varied, ours)
        words.append(f"the paper's lies {'within' if low <= paper <= high else 'outside'} our range")
    return words


def terms(found: Results, what: What, method: str, against: str, case: Case, seeds: Sequence[int]) -> str:
    """A gain as the product of its two parts: fewer rounds, and less in each of them (means over seeds)."""
    rounds, each = [], []
    for seed in seeds:
        ours, theirs = (found.reached(name, case, seed) for name in (method, against))
        rounds.append(theirs.rounds / ours.rounds)
        each.append((getattr(theirs, what) / theirs.rounds) / (getattr(ours, what) / ours.rounds))
    name = _JOULES.get(what, "seconds")
    return f"{np.mean(rounds):.2f} times fewer rounds x {np.mean(each):.2f} times fewer {name} in each"


def learnt(found: Results, what: str, method: str, against: str, case: Case, seeds: Sequence[int]) -> str:
    """The gain of a mean round at the beginning and at the end: what exploring and learning cost."""
    columns = {"seconds": "round_s", "local_j": "local_j", "global_j": "global_j"}
    early, late = [], []
    for seed in seeds:
        ours, theirs = (getattr(found.trial(name, case, seed), columns[what]) for name in (method, against))
        third = max(len(ours) // 3, 1)
        early.append(theirs.mean() / ours[:third].mean())
        late.append(theirs.mean() / ours[-third:].mean())
    return (
        f"a mean round of its first third is {np.mean(early):.2f}, of its last third {np.mean(late):.2f} times better"
    )


def not_reached(found: Results, methods: Sequence[str], cases: Sequence[Case], seeds: Sequence[int]) -> str:
    """Which of these did not reach the target, in how many runs of all cases together; blank if all did."""
    short = {name: n for name in methods if (n := sum(found.unreached(name, case, seeds) for case in cases))}
    runs = f"{len(seeds) * len(cases)} {'seeds' if len(cases) == 1 else 'runs'}"
    said = ", ".join(f"{name} in {n} of {runs}" for name, n in short.items())
    return f"target not reached, so counted to the end of the run: {said}" if said else ""

"""FedGPO's numbers: over the best fixed setting, which stands for "the baseline settings" of its abstract."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from edgewatt.models.federated.round import HIGH, LOW
from edgewatt.models.federated.study.cases import FEDGPO, USUAL, Case
from edgewatt.models.federated.study.explaining import beside, learnt, not_reached, terms
from edgewatt.models.federated.study.headlines import Tried, mean_row, row
from edgewatt.models.federated.study.results import RANDOM, What
from edgewatt.models.headline import Headline
from edgewatt.models.scheduling.constants import constants_of

METHOD: Final = "fedgpo"
BASELINE: Final = "fixed-best"
_PUBLISHED: Final[dict[What, tuple[str, str]]] = {
    "seconds": ("convergence", "convergence"),
    "global_j": ("energy", "global PPW"),
}


def fedgpo_headlines(of: Tried) -> list[Headline]:
    """The two of the abstract first, in the case without variance where it was tried."""
    rows = [_first(of, what) for what in _PUBLISHED] if of.cases[0] == Case(USUAL, "ideal") else []
    whats: Sequence[What] = ("seconds", "local_j", "global_j")
    rows += [mean_row(of, what, METHOD, BASELINE) for what in whats]
    rows += [mean_row(of, what, METHOD, RANDOM) for what in whats]
    others = [name for name in of.methods if name not in (RANDOM, METHOD, BASELINE)]
    rows += [mean_row(of, what, name, BASELINE) for name in others for what in ("seconds", "global_j")]
    return [*rows, _work(of), _accuracy(of)]


def _first(of: Tried, what: What) -> Headline:
    key, name = _PUBLISHED[what]
    paper, case = constants_of(FEDGPO).by_name[f"published.{key}"], of.cases[0]
    values = [of.found.gain(what, METHOD, BASELINE, case, seed) for seed in of.seeds]
    varied = [of.found.gain(what, METHOD, BASELINE, case, of.seeds[0], draw) for draw in of.draws]
    words = [
        *beside(float(np.mean(values)), paper.value, varied, paper.tag),
        terms(of.found, what, METHOD, BASELINE, case, of.seeds),
        learnt(of.found, what, METHOD, BASELINE, case, of.seeds),
        f"the abstract says over the baseline settings; taken as the best that were searched, {of.notes['fixed']}",
        not_reached(of.found, (METHOD, BASELINE), [case], of.seeds),
    ]
    return row(
        of, f"{name} over {BASELINE}, {case}", values, "; ".join(word for word in words if word), varied=varied,
        published=paper.value, headline=True,
    )  # fmt: skip


def _work(of: Tried) -> Headline:
    """Whether slow devices get less work, as the paper intends: epochs of the low tier over those of the high."""
    values = []
    for seed in of.seeds:
        trials = [of.found.trial(METHOD, case, seed) for case in of.cases]
        values.append(float(np.mean([trial.epochs[LOW] / trial.epochs[HIGH] for trial in trials])))
    shown = "; ".join(
        f"{case} "
        + " / ".join(f"{x:.1f}" for x in np.mean([of.found.trial(METHOD, case, s).epochs for s in of.seeds], axis=0))
        for case in of.cases
    )
    holds = "does so" if np.mean(values) < 1 else "does not"
    gap = f"the intent (remembered) is less work for slow devices: it {holds}; mean epochs of high / mid / low: {shown}"
    return row(of, "epochs of the low tier over those of the high", values, gap, better="lower")


def _accuracy(of: Tried) -> Headline:
    values = [
        float(np.mean([of.found.final(METHOD, c, s) - of.found.final(BASELINE, c, s) for c in of.cases]))
        for s in of.seeds
    ]
    gap = "its abstract says that convergence is kept; percent of the highest moving mean, the mean over cases"
    return row(of, f"accuracy above {BASELINE}", values, gap, unit="points")

"""Our policy against AutoFL and FedGPO: the same fleets, data and seeds, paired."""

from collections.abc import Sequence

import numpy as np

from edgewatt.models.federated.study.explaining import not_reached
from edgewatt.models.federated.study.headlines import OURS, WHATS, Tried, row
from edgewatt.models.federated.study.results import What
from edgewatt.models.headline import Headline


def contest_headlines(of: Tried, others: Sequence[str]) -> list[Headline]:
    """How many times less ours takes to the target than each of the others, by seed; and its accuracy."""
    whats: Sequence[What] = ("global_j", "local_j", "seconds")
    return [found for other in others for found in (*(_pair(of, what, other) for what in whats), _accuracy(of, other))]


def _pair(of: Tried, what: What, other: str) -> Headline:
    """The geometric mean over cases in each seed, and over seeds."""
    pairs = np.array([[of.found.gain(what, OURS, other, case, seed) for case in of.cases] for seed in of.seeds])
    values = np.exp(np.log(pairs).mean(axis=1))
    each = ", ".join(f"{case} {np.exp(np.log(pairs[:, k]).mean()):.2f}" for k, case in enumerate(of.cases))
    words = [
        f"better in {int((pairs > 1).sum())} of {pairs.size} pairs of {len(of.seeds)} seeds and {len(of.cases)} cases",
        each,
        not_reached(of.found, (OURS, other), of.cases, of.seeds),
    ]
    gap = "; ".join(word for word in words if word)
    return row(of, f"{WHATS[what]} of ours over {other}, {_which(of)}", values.tolist(), gap, geometric=True)


def _accuracy(of: Tried, other: str) -> Headline:
    values = [
        float(np.mean([of.found.final(OURS, case, s) - of.found.final(other, case, s) for case in of.cases]))
        for s in of.seeds
    ]
    gap = "the highest moving mean of each run, the mean over cases"
    return row(of, f"accuracy of ours above {other}, {_which(of)}", values, gap, unit="points")


def _which(of: Tried) -> str:
    return "paired" if of.notes.get("scenario") != "test" else "paired, test cases"

"""How good a multi-label model is: the mean over classes of the average precision, as FLAIR's benchmark has it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def mean_average_precision(scores: NDArray[Any], flags: NDArray[Any]) -> float:
    """In 0 to 1, of scores and flags [n, classes]; classes that no sample has do not count. NaN if none has any.

    Average precision: the mean, over a class's samples, of the precision down to each in the order of falling scores;
    samples of equal score are taken together.
    """
    found = [_average_precision(scores[:, c], flags[:, c] > 0) for c in range(flags.shape[1]) if flags[:, c].any()]
    return float(np.mean(found)) if found else float("nan")


def _average_precision(scores: NDArray[Any], flags: NDArray[Any]) -> float:
    order = np.argsort(-scores, kind="stable")
    ordered, hits = scores[order], np.cumsum(flags[order])
    # The last of each run of equal scores.
    last = np.r_[np.flatnonzero(np.diff(ordered)), len(ordered) - 1]
    precision = hits[last] / (last + 1)
    return float((np.diff(np.r_[0, hits[last]]) * precision).sum() / hits[-1])

"""How the answers of a model are scored, as GLUE and SQuAD do it."""

from collections import Counter
from collections.abc import Sequence
from string import punctuation
from typing import Final

import numpy as np

from edgewatt.models.finetuning.texts import Answer, Metric

_ARTICLES: Final = frozenset({"a", "an", "the"})


def scored(metric: Metric, answers: Sequence[Answer], given: Sequence[Answer]) -> float:
    """How good the answers that a model `given` are, in percent (f1: of class 1). Spans have `span_f1`."""
    right, ours = np.asarray(answers, np.float64), np.asarray(given, np.float64)
    if metric == "accuracy":
        return 100 * float(np.mean(right == ours))
    if metric == "spearman":
        return 100 * _correlation(_ranks(right), _ranks(ours))
    hit = float(np.sum((right == 1) & (ours == 1)))
    if metric == "f1":
        return 100 * 2 * hit / max(float(np.sum(right == 1) + np.sum(ours == 1)), 1.0)
    return 100 * _correlation(right, ours)  # of two classes that is Matthews' coefficient


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's; 0 where one of the two is always the same."""
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt(np.sum(a * a) * np.sum(b * b)))
    return float(np.sum(a * b)) / size if size > 0 else 0.0


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks, those that are equal sharing their mean."""
    _, where, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[where], np.float64)


def span_f1(accepted: Sequence[str], given: str) -> float:
    """The F1 of words that a span shares with the best of the accepted ones, in percent.

    As SQuAD's own evaluation: lower case, without punctuation and articles; no answer is right if nothing was given.
    """
    ours = _words(given)
    return 100 * max((_shared(_words(one), ours) for one in accepted or [""]), default=0.0)


def _words(text: str) -> list[str]:
    letters = "".join(c for c in text.lower() if c not in punctuation)
    return [word for word in letters.split() if word not in _ARTICLES]


def _shared(right: list[str], ours: list[str]) -> float:
    if not right or not ours:
        return float(right == ours)
    common = sum((Counter(right) & Counter(ours)).values())
    return 2 * common / (len(right) + len(ours))

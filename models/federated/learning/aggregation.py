"""From updates to the next global model: small functions on arrays, each with the paper that it is from.

Sums are of float64, in the order of the updates, and come back in the type of the global weights. What is refused here
(`acceptable`) is never averaged.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.federated.round import Floats, Update, Weights
from edgewatt.profiler.storage.checked import shown


def acceptable(update: Update, like: Weights) -> str | None:
    """Why this update may not be averaged into weights like these; None: it may."""
    why = fits(update.weights, like)
    if why is not None:
        return why
    if update.samples_n < 1:
        return "it was trained on no samples"
    if update.steps_n < 1:
        return "it was trained for no steps"
    if not (np.isfinite(update.loss_before) and np.isfinite(update.loss)):
        return "its loss is not a finite number: training diverged"
    return None


def fits(weights: Mapping[str, Any], like: Weights) -> str | None:
    """Why these are no weights of that network; None: they are."""
    missing, odd = sorted(like.keys() - weights.keys()), sorted(map(str, weights.keys() - like.keys()))
    if missing or odd:
        return f"its weights have other names (missing {shown(missing)}, unexpected {shown(odd)})"
    for name, expected in like.items():
        got = weights[name]
        if not isinstance(got, np.ndarray) or got.dtype.kind != "f":
            return f"{name} is no array of floating-point numbers"
        if got.shape != expected.shape:
            return f"{name} has shape {shown(got.shape)}; expected {expected.shape}"
        if not np.isfinite(got).all():
            return f"{name} has values that are not finite numbers: training diverged"
    return None


def mean(arrays: Sequence[Weights], shares: Floats) -> dict[str, NDArray[Any]]:
    """The sum of share times array, (K,) shares; in the type of the first."""
    total = {name: np.zeros(of.shape) for name, of in arrays[0].items()}
    for share, weights in zip(shares, arrays, strict=True):
        for name, of in weights.items():
            total[name] += share * of.astype(np.float64)
    return {name: of.astype(arrays[0][name].dtype) for name, of in total.items()}


def shares_of(updates: Sequence[Update]) -> Floats:
    """Samples of each update over those of all, (K,)."""
    samples = np.array([update.samples_n for update in updates], np.float64)
    return np.asarray(samples / samples.sum())


def fedavg(updates: Sequence[Update]) -> Weights:
    """The mean weighted by samples (McMahan et al., arXiv 1602.05629). FedProx aggregates the same way."""
    return mean([update.weights for update in updates], shares_of(updates))


def fednova(weights: Weights, updates: Sequence[Update]) -> Weights:
    """Mean of the change per local step, times the mean number of steps (Wang et al., arXiv 2007.07481).

    For SGD without momentum, whose normaliser is the number of steps.
    """
    shares = shares_of(updates)
    steps = np.array([update.steps_n for update in updates], np.float64)
    return _moved(weights, updates, shares * float(shares @ steps) / steps)


def q_fedavg(weights: Weights, updates: Sequence[Update], q: float, rate: float) -> Weights:
    """Devices with a higher loss weigh more (Li et al., arXiv 1905.10497, algorithm 2), L being 1 / rate.

    `q` 0: the plain mean of devices. Where a loss is 0 it counts as 1e-10, as the authors' code does (remembered).
    """
    lipschitz = 1.0 / rate
    loss = np.array([update.loss_before for update in updates]) + 1e-10
    # In double precision and relative to the highest loss: what cancels in the quotient cannot overflow.
    scaled = (loss / loss.max()) ** q
    squares = np.array([_square(weights, update.weights) for update in updates]) * lipschitz**2
    below = float((q * scaled / loss * squares + lipschitz * scaled).sum())
    return _moved(weights, updates, scaled * lipschitz / below)


def scaffold(weights: Weights, updates: Sequence[Update], server_rate: float) -> Weights:
    """The plain mean of the changes, times the server's rate (Karimireddy et al., arXiv 1910.06378, equation 5)."""
    return _moved(weights, updates, np.full(len(updates), server_rate / len(updates)))


def _moved(weights: Weights, updates: Sequence[Update], factors: Floats) -> Weights:
    """The weights plus the sum of factor times change, (K,) factors."""
    base = {name: of.astype(np.float64) for name, of in weights.items()}
    moved = {name: of.copy() for name, of in base.items()}
    for factor, update in zip(factors, updates, strict=True):
        for name, of in update.weights.items():
            moved[name] += factor * (of.astype(np.float64) - base[name])
    return {name: of.astype(weights[name].dtype) for name, of in moved.items()}


def _square(weights: Weights, others: Weights) -> float:
    return float(sum(((weights[n].astype(np.float64) - others[n].astype(np.float64)) ** 2).sum() for n in weights))

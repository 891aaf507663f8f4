"""The method: two switches on loss, random white balance and gamma, and the mean of weights after every batch.

All of it is remembered, not read (facts 3.2). L is a mean loss; L_EMA is the server's, sent with the model.

  Switch1 = L_init < L_EMA               the global model fits this device unusually well: it is biased to it
  Switch2 = Switch1 and L_train < L_EMA
  x' = clip(gain x)^gamma                gain of a channel U(1 - d_wb, 1 + d_wb), gamma U(1 - d_g, 1 + d_g), per batch
  W_avg = (b W_avg + W) / (b + 1)        after batch b = 0, 1, ...
  L_EMA = a mean(L_train) + (1 - a) L_EMA

Before the first round there is no L_EMA: no switch is on then, and after it L_EMA is the mean (assumed).
"""

from typing import Any, Final, Literal, TypeVar

import numpy as np

from edgewatt.models.federated.round import Floats

# Arrays of NumPy or of torch: what is done to them is written alike.
A = TypeVar("A", bound=Any)

When = Literal["never", "switched", "always"]
NEVER: Final = "never"
SWITCHED: Final = "switched"
ALWAYS: Final = "always"


def is_on(loss: float, loss_ema: float | None) -> bool:
    """Whether a model fits better than usual; never for a loss that is no number, nor before there is a usual one."""
    return loss_ema is not None and loss < loss_ema


def next_ema(loss_ema: float | None, losses: Floats, ratio: float) -> float | None:
    """L_EMA after a round of these training losses, (K,); `ratio` is the share of the new. Unchanged without any."""
    finite = losses[np.isfinite(losses)]
    if not len(finite):
        return loss_ema
    mean = float(finite.mean())
    return mean if loss_ema is None else ratio * mean + (1 - ratio) * loss_ema


def drawn(rng: np.random.Generator, wb_spread: float, gamma_spread: float) -> tuple[Floats, float]:
    """Gains (3,) and gamma of one batch."""
    gains = rng.uniform(1 - wb_spread, 1 + wb_spread, 3)
    return gains, float(rng.uniform(1 - gamma_spread, 1 + gamma_spread))


def diversified(pictures: A, gains: A, gamma: float) -> A:
    """Pictures in 0 to 1 under another white balance and gamma; `gains` has a shape that spreads over them."""
    changed: A = (pictures * gains).clip(0, 1) ** gamma
    return changed


def dense_mean(mean: A, weights: A, batch: int) -> A:
    """The mean of weights after batches 0 to `batch`, from that after the batch before."""
    after: A = mean + (weights - mean) / (batch + 1)
    return after

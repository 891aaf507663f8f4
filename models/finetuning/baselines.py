"""Full fine-tuning, the head alone, a prefix frozen from the beginning, AdaLoRA, and freezing at random."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np

from edgewatt.models.finetuning.checks import check_model
from edgewatt.models.finetuning.freezing import freeze
from edgewatt.models.finetuning.layers import Tuned, head_of, layers_of
from edgewatt.models.finetuning.low_rank import schedule_adalora
from edgewatt.models.finetuning.method import Run
from edgewatt.models.finetuning.plain import Plain
from edgewatt.models.finetuning.safe import Safe
from edgewatt.models.finetuning.threshold import Threshold


def train_all(model: Any) -> Tuned:
    """All parameters train, embeddings too."""
    check_model(model)
    layers = layers_of(model)
    model.requires_grad_(True)
    return Tuned(model, layers, nullcontext)


def train_head(model: Any) -> Tuned:
    """Only the head trains: a probe of the last layer."""
    check_model(model)
    layers, head = layers_of(model), head_of(model)
    model.requires_grad_(False)
    for one in head:
        one.requires_grad_(True)
    return Tuned(model, layers, nullcontext)


class FixedPrefix(Plain):
    """What is in the lowest `share` of the layers never trains."""

    def __init__(self, name: str, add: Callable[[Any], Tuned], share: float) -> None:
        super().__init__(name, add)
        self._share = share

    def begin(self, run: Run) -> None:
        """Freeze them."""
        super().begin(run)
        for layer in self.layers[: round(self._share * len(self.layers))]:
            freeze(layer, run.optimizer)


class AdaLora(Plain):
    """Ranks are shared out as peft does it, from `first` of the steps on, until `last` of them before the end."""

    def __init__(self, name: str, add: Callable[[Any], Tuned], first: float, last: float) -> None:
        super().__init__(name, add)
        self._first, self._last = first, last

    def begin(self, run: Run) -> None:
        """Say how long it goes."""
        super().begin(run)
        first, last = round(self._first * run.steps_n), round(self._last * run.steps_n)
        schedule_adalora(run.model, steps_n=run.steps_n, first=first, last=last, every=max(run.steps_n // 100, 1))

    def after_step(self, step: int, loss: float) -> None:
        """Share ranks out."""
        super().after_step(step, loss)
        self.run.model.base_model.update_and_allocate(step)


class AtRandom(Safe):
    """As many layers as SAFE's threshold would freeze by now, drawn at random: the choice is all that differs.

    It pays for measuring importance too.
    """

    def __init__(self, name: str, add: Callable[[Any], Tuned], threshold: Threshold, seed: int) -> None:
        super().__init__(name, add, threshold)
        self._rng = np.random.default_rng(seed)

    def chosen(self, importance: Sequence[float], share: float) -> list[int]:
        """So many more of those that train."""
        frozen = self.frozen
        moving = [k for k in range(len(self.layers)) if k not in frozen]
        due_n = max(len(super().chosen(importance, share)) - len(frozen), 0)
        return sorted(int(k) for k in self._rng.permutation(moving)[:due_n])

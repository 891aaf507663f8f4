"""SAFE: adapters that move their layer's representation little are frozen, more of them as the training goes on.

Son, Son, Kim & Kim, NAACL 2025, as far as its abstract and summaries tell it: importance by CKA, a warm-up, a threshold
that rises with a cubic, no way back. Which two representations are compared, and every number, is assumed (safe.toml).
"""

from collections.abc import Callable, Sequence
from typing import Any

from edgewatt.models.finetuning.freezing import freeze, trains_outside
from edgewatt.models.finetuning.importance import Importance
from edgewatt.models.finetuning.layers import Tuned
from edgewatt.models.finetuning.method import Run, Spent
from edgewatt.models.finetuning.plain import Plain
from edgewatt.models.finetuning.threshold import Threshold


class Safe(Plain):
    """Freezes every layer whose importance is below the threshold, at each look at them."""

    def __init__(self, name: str, add: Callable[[Any], Tuned], threshold: Threshold) -> None:
        super().__init__(name, add)
        self._threshold = threshold
        self._importance: Importance | None = None
        self._looks: frozenset[int] = frozenset()

    @property
    def spent(self) -> Spent:
        """What measuring importance took."""
        return Spent() if self._importance is None else self._importance.spent

    def begin(self, run: Run) -> None:
        """Layers are looked at between warm-up and end."""
        super().begin(run)
        self._importance = Importance(self.tuned, run.probe)
        self._looks = self._threshold.looks(run.steps_n)

    def after_step(self, step: int, loss: float) -> None:
        """Freeze what is due."""
        super().after_step(step, loss)
        done = step + 1
        if done not in self._looks or self._importance is None or len(self.frozen) == len(self.layers):
            return
        for k in self.chosen(self._importance.of_layers(), done / self.run.steps_n):
            freeze(self.layers[k], self.run.optimizer)

    def chosen(self, importance: Sequence[float], share: float) -> list[int]:
        """The layers to freeze now; where there is no head, the most important one is left so that something trains."""
        limit = self._threshold.at(share)
        below = [k for k, of in enumerate(importance) if of < limit]
        if len(below) == len(importance) and not trains_outside(self.run.model, self.layers):
            below.remove(max(below, key=lambda k: importance[k]))
        return below

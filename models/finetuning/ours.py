"""Ours: the frozen prefix grows as long as it has moved little for what freezing it saves.

SAFE freezes each layer whose importance, 1 - CKA with and without adapters, is below a threshold. Three things of that
are changed. (1) Only layers frozen from the input on without a gap save anything: the backward pass goes through every
layer above the lowest that trains. So all that is decided is one number, how long the prefix is. Freezing it fixes one
thing, the representation that the layer above it receives, and its price is how far that has moved: the importance of
its last layer. (2) Importance is taken as a share of the largest of all layers: a threshold in units of CKA freezes
everything early in a slow training and nothing in a fast one, while shares say from the first look on which layers the
task needs. (3) That share is what is paid for bytes and FLOPs, and the meter says for how many: the prefix is the
longest whose share of importance is less than a price times the share of a step's cost that it saves; a price of 1
would be even. So it begins earlier than SAFE's. Once the prefix stands, what it gives for an example never changes:
features are kept by example, in no more bytes than the prefix freed, and later epochs begin above it.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from edgewatt.models.finetuning.freezing import freeze, prefix_of
from edgewatt.models.finetuning.importance import Importance
from edgewatt.models.finetuning.layers import Tuned
from edgewatt.models.finetuning.method import Run, Spent
from edgewatt.models.finetuning.ours_cache import Cache
from edgewatt.models.finetuning.ours_prefix import longer_prefix
from edgewatt.models.finetuning.ours_savings import Savings
from edgewatt.models.finetuning.plain import Plain
from edgewatt.models.finetuning.threshold import Threshold


@dataclass(frozen=True, slots=True)
class Prices:
    """`price`: share of the largest importance that is given for a share of the cost; `memory_weight` of it is bytes.

    `cache_ratio`: bytes of features over those that the prefix freed; 0: none are kept.
    """

    price: float
    memory_weight: float
    cache_ratio: float


class Ours(Plain):
    """Looks are those of a threshold whose `tau` is not used."""

    def __init__(self, name: str, add: Callable[[Any], Tuned], looks: Threshold, prices: Prices) -> None:
        super().__init__(name, add)
        self._schedule, self._prices = looks, prices
        self._looks: frozenset[int] = frozenset()
        self._savings: Savings | None = None
        self._importance: Importance | None = None
        self._cache: Cache | None = None
        self._counting_s = 0.0

    @property
    def spent(self) -> Spent:
        """Counting, measuring importance, and the cache."""
        if self._savings is None or self._importance is None:
            return Spent()
        looking, cache = self._importance.spent, self._cache
        return Spent(
            looking.seconds + self._counting_s,
            looking.flop + self._savings.counted_flop,
            0 if cache is None else cache.bytes,
            0 if cache is None else cache.skipped_flop,
        )

    def begin(self, run: Run) -> None:
        """Count what prefixes save."""
        super().begin(run)
        began_ns = time.perf_counter_ns()
        self._savings = Savings(run, self.layers)
        self._counting_s = (time.perf_counter_ns() - began_ns) / 1e9
        self._importance = Importance(self.tuned, run.probe)
        self._looks = self._schedule.looks(run.steps_n)

    def before_step(self, step: int, rows: Sequence[int]) -> None:
        """Tell the cache what comes."""
        super().before_step(step, rows)
        if self._cache is not None:
            self._cache.before_step(rows)

    def after_step(self, step: int, loss: float) -> None:
        """Grow the prefix at each look; after the last it stands."""
        super().after_step(step, loss)
        if self._cache is not None:
            self._cache.after_step()
        if step + 1 in self._looks:
            self._grow()
            if step + 1 == max(self._looks):
                self._keep_features()

    def end(self) -> None:
        """Let the features go."""
        if self._cache is not None:
            self._cache.close()

    def _grow(self) -> None:
        if self._savings is None or self._importance is None or len(self.frozen) == len(self.layers):
            return
        saved = self._savings.shares(self._prices.memory_weight)
        importance = self._importance.of_layers()
        for layer in self.layers[: longer_prefix(prefix_of(self.frozen), importance, saved, self._prices.price)]:
            freeze(layer, self.run.optimizer)

    def _keep_features(self) -> None:
        prefix_n = min(prefix_of(self.frozen), len(self.layers) - 1)
        if self._savings is None or not prefix_n or not self._prices.cache_ratio:
            return
        freed_b = self.run.batch_n * float(self._savings.saved_b[0] - self._savings.saved_b[prefix_n])
        self._cache = Cache(self.run.model, self.layers, prefix_n, self._prices.cache_ratio * freed_b)

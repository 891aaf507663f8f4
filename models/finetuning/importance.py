"""What each layer's representation of the probe set is, and how far adapters have moved it."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.finetuning.checks import torch_here
from edgewatt.models.finetuning.cka import cka
from edgewatt.models.finetuning.layers import Tuned, hidden_of
from edgewatt.models.finetuning.method import Batch, Spent

Features = NDArray[np.float32]


class Importance:
    """1 - CKA of each layer's output with and without adapters, on the same probe set each time.

    What the model gives without adapters never changes: it is computed once. A pass costs FLOPs, which are counted in
    the first (that makes it slow) and are the same in all that follow.
    """

    def __init__(self, tuned: Tuned, probe: Callable[[], Sequence[Batch]]) -> None:
        self._tuned, self._probe = tuned, probe
        self._before: list[Features] = []
        self._pass_flop: int | None = None
        self.spent = Spent()

    def of_layers(self) -> list[float]:
        """From input to output; 0: the adapters so far changed nothing."""
        began_ns = time.perf_counter_ns()
        if not self._before:
            with self._tuned.off():
                self._before = self._features()
        now = self._features()
        found = [max(1.0 - cka(without, with_it), 0.0) for without, with_it in zip(self._before, now, strict=True)]
        seconds = self.spent.seconds + (time.perf_counter_ns() - began_ns) / 1e9
        self.spent = Spent(seconds, self.spent.flop)
        return found

    def _features(self) -> list[Features]:
        """Of each layer (n, d)."""
        if self._pass_flop is not None:
            found = features_of(self._tuned, self._probe())
        else:
            torch_here()
            from torch.utils.flop_counter import FlopCounterMode  # noqa: PLC0415

            with FlopCounterMode(display=False) as flops:
                found = features_of(self._tuned, self._probe())
            self._pass_flop = flops.get_total_flops()
        self.spent = Spent(self.spent.seconds, self.spent.flop + (self._pass_flop or 0))
        return found


def features_of(tuned: Tuned, batches: Sequence[Batch]) -> list[Features]:
    """Each layer's output on all examples, (n, d), averaged over the tokens that are no padding; no dropout."""
    torch = torch_here()
    found: list[list[Features]] = [[] for _ in tuned.layers]
    mask: Any = None

    def keep(k: int) -> Callable[..., None]:
        def hook(_: Any, __: Any, output: Any) -> None:
            hidden = hidden_of(output).float()
            every = hidden.new_ones(hidden.shape[:2]) if mask is None else mask.to(hidden.dtype)
            mean = (hidden * every[..., None]).sum(dim=1) / every.sum(dim=1, keepdim=True).clamp(min=1)
            found[k].append(mean.cpu().numpy())

        return hook

    hooks = [layer.register_forward_hook(keep(k)) for k, layer in enumerate(tuned.layers)]
    try:
        with evaluating(tuned.model), torch.no_grad():
            for batch in batches:
                mask = batch.get("attention_mask")
                tuned.model(**batch)
    finally:
        for hook in hooks:
            hook.remove()
    return [np.concatenate(of) for of in found]


@contextmanager
def evaluating(model: Any) -> Iterator[None]:
    """All of a model in evaluation, and each module back to what it was."""
    modes = [(one, one.training) for one in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for one, mode in modes:
            one.training = mode

"""The seam of fine-tuning: what a method is told of a training, and what it may do before, during and after a step.

A trial does, in this order:

    model = method.prepare(model)                       # adapters go in; requires_grad says what trains
    optimizer = AdamW(one for one in model.parameters() if one.requires_grad)
    method.begin(Run(model, optimizer, ...))
    for step, (rows, batch) in enumerate(batches):
        method.before_step(step, rows)
        loss = model(**batch).loss
        loss.backward()
        optimizer.step()
        method.after_step(step, float(loss.detach()))   # gradients are still there: AdaLoRA reads them
        optimizer.zero_grad(set_to_none=True)
    method.end()

Everything random of a method comes from the seed that it was made with and from torch's own generator, which the trial
seeds before `prepare`: the same seeds give the same result.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

# Keyword arguments of the model as tensors on its device: `input_ids` (n, s), `attention_mask` (n, s), `labels`.
Batch = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StepCost:
    """One forward and backward pass as the meter counts it: FLOPs (a multiply-add is two) and bytes kept between."""

    forward_flop: int
    backward_flop: int
    saved_b: int

    @property
    def flop(self) -> int:
        """Of both passes."""
        return self.forward_flop + self.backward_flop


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A training that begins.

    `probe` gives the same batches at each call, on which importance is measured; none of them is of the test set.
    `steps_n`: steps of the optimizer in all. `count` passes one typical example forward and backward with what trains
    now, moves nothing, leaves no gradient behind, and says what the meter counted; a batch takes `batch_n` times that.
    """

    model: Any
    optimizer: Any
    probe: Callable[[], Sequence[Batch]]
    steps_n: int
    count: Callable[[], StepCost]
    batch_n: int = 1


@dataclass(frozen=True, slots=True)
class Spent:
    """What a method itself took so far, which a study has to charge it with.

    `seconds` and `flop` of measuring importance and of counting; `cache_b`: bytes of features that it holds now;
    `skipped_flop`: forward FLOPs that these saved. The meter counts once per shape and does not see the latter.
    """

    seconds: float = 0.0
    flop: int = 0
    cache_b: int = 0
    skipped_flop: int = 0


class Method(Protocol):
    """One way to fine-tune. All of it raises UsageError where a model, an optimizer or a loss is not what it needs."""

    @property
    def name(self) -> str:
        """As commands call it."""
        ...

    @property
    def layers(self) -> Sequence[Any]:
        """The layers of the prepared model from input to output: hand them to the meter as `layers`."""
        ...

    @property
    def frozen(self) -> tuple[int, ...]:
        """The layers in which nothing trains now, ascending: frozen on the way, or from the beginning."""
        ...

    @property
    def spent(self) -> Spent:
        """What the method took."""
        ...

    def prepare(self, model: Any) -> Any:
        """Add what trains to a pretrained model and freeze the rest. Gives the model to train, maybe wrapped."""
        ...

    def begin(self, run: Run) -> None:
        """Before the first step."""
        ...

    def before_step(self, step: int, rows: Sequence[int]) -> None:
        """Before the forward pass of step 0, 1, ...; `rows` are the batch's examples by their number in the data."""
        ...

    def after_step(self, step: int, loss: float) -> None:
        """After the optimizer's step, its gradients not yet cleared."""
        ...

    def end(self) -> None:
        """After the last step: let go of the cache and of every hook that is not part of the model."""
        ...

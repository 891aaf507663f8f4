"""What a step of BERT-base, RoBERTa-large and GPT-2 costs, by how many layers are frozen from the input on.

Weights are random and texts too: bytes and FLOPs do not depend on them. One text is metered, as nothing in a step is
shared between texts but the weights: what is kept for the backward pass and FLOPs are so many times as much of a batch.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.finetuning.checks import torch_here
from edgewatt.models.finetuning.encoders import plain, transformers_here
from edgewatt.models.finetuning.encoders_head import with_head
from edgewatt.models.finetuning.freezing import freeze
from edgewatt.models.finetuning.layers import Tuned
from edgewatt.models.finetuning.method import Batch, StepCost
from edgewatt.models.finetuning.texts import Task
from edgewatt.models.finetuning.trial_meters import Meters
from edgewatt.models.finetuning.trial_steps import VALUE_B, steps_of

Floats = NDArray[np.float64]
# Gradient and two moments of AdamW for each parameter that trains.
_OF_TRAINED: Final = 3
_TIMED_N: Final = 2
_TWO_CLASSES: Final = Task("shape", "class", "accuracy", ("a", "b"), (), (), "random texts")


@dataclass(frozen=True, slots=True)
class Shape:
    """A model by the names that transformers gives its configuration and class, and what differs from the default."""

    name: str
    config: str
    model: str
    differs: Mapping[str, Any]


# Of transformers' defaults, which are BERT-base and GPT-2; RoBERTa-large as its configuration file has it (remembered).
SHAPES: Final = (
    Shape("bert-base", "BertConfig", "BertModel", {}),
    Shape("roberta-large", "RobertaConfig", "RobertaModel", {
        "vocab_size": 50265, "hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16,
        "intermediate_size": 4096, "max_position_embeddings": 514, "type_vocab_size": 1,
    }),
    Shape("gpt2", "GPT2Config", "GPT2Model", {}),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Metered:
    """Of one text, by the length of the frozen prefix (those of `prefixes`, from none to all layers).

    `trained_n` parameters train; `step_s`: processor seconds of the fastest step. `full` is a step in
    which everything trains, `weights_n` all parameters.
    """

    name: str
    layers_n: int
    prefixes: tuple[int, ...]
    forward_flop: Floats
    backward_flop: Floats
    saved_b: Floats
    trained_n: Floats
    step_s: Floats
    weights_n: int
    full: StepCost

    def flop(self, share: Floats) -> Floats:
        """Of one text, where this share of all layers is a frozen prefix: on a line between those that were metered."""
        return self._at(share, self.forward_flop + self.backward_flop)

    def seconds(self, share: Floats) -> Floats:
        """Of one text."""
        return self._at(share, self.step_s)

    def kept_b(self, share: Floats) -> Floats:
        """For the backward pass of one text."""
        return self._at(share, self.saved_b)

    def memory_b(self, share: Floats, batch: float) -> Floats:
        """Of a step of so many texts: weights, what training a parameter takes, and what is kept."""
        trained = self._at(share, self.trained_n)
        return VALUE_B * (self.weights_n + _OF_TRAINED * trained) + batch * self.kept_b(share)

    def full_memory_b(self, batch: float) -> float:
        """Where everything trains."""
        return VALUE_B * (1 + _OF_TRAINED) * self.weights_n + batch * self.full.saved_b

    def _at(self, share: Floats, values: Floats) -> Floats:
        return np.asarray(np.interp(share * self.layers_n, self.prefixes, values), np.float64)


def metered(shape: Shape, length: int, add: Callable[[Any], Tuned], meters: Meters) -> Metered:
    """Meter a shape with the adapters that `add` puts in, with no layer frozen, half, all but the last, and all.

    The last one saves nothing but its own parameters: costs are on a line only until there.
    """
    torch = torch_here()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        base = _random(shape)
        model = with_head(base, _TWO_CLASSES).train()
        batch = _text(base.config.vocab_size, length)
        full = meters.count(model, batch)
        tuned = add(model)
        weights_n = sum(one.numel() for one in tuned.model.parameters())
        layers_n = len(tuned.layers)
        prefixes = tuple(sorted({0, layers_n // 2, layers_n - 1, layers_n}))
        found = [_steps(tuned, prefix, batch, meters) for prefix in prefixes]
    columns = {name: np.array([one[name] for one in found]) for name in found[0]}
    return Metered(shape.name, layers_n, prefixes, weights_n=weights_n, full=full, **columns)


def _random(shape: Shape) -> Any:
    transformers = transformers_here()
    config = getattr(transformers, shape.config)(**shape.differs)
    return plain(getattr(transformers, shape.model)(config))


def _text(vocabulary: int, length: int) -> Batch:
    torch = torch_here()
    ids = torch.randint(3, vocabulary, (1, length))
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": torch.zeros(1, dtype=torch.long)}


def _steps(tuned: Tuned, prefix: int, batch: Batch, meters: Meters) -> dict[str, float]:
    """Freeze the prefix for good, then make a step that is counted and some that are timed."""
    torch = torch_here()
    optimizer = torch.optim.AdamW([one for one in tuned.model.parameters() if one.requires_grad])
    for layer in tuned.layers[:prefix]:
        freeze(layer, optimizer)
    took_s = []
    with meters.training(tuned.model, optimizer, layers=tuned.layers) as cost:
        for _ in range(1 + _TIMED_N):
            began_s = time.process_time()
            tuned.model(**batch).loss.backward()
            optimizer.step()
            took_s.append(time.process_time() - began_s)
            optimizer.zero_grad(set_to_none=True)
    steps = steps_of(cost.rows(), took_s)
    names = {
        "forward_flop": "forward_flop",
        "backward_flop": "backward_flop",
        "saved_b": "saved_b",
        "trained_n": "trainable_n",
    }
    found = {ours: float(steps.columns[theirs][-1]) for ours, theirs in names.items()}
    return {**found, "step_s": float(np.min(steps.processor_s[~steps.is_counted]))}

"""Where the layers and the head of a Hugging Face encoder or decoder are."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final

from edgewatt.profiler.errors import UsageError

# Of the base model: BERT, RoBERTa, ELECTRA; DistilBERT; GPT-2; Llama and its kin; OPT; encoders with `layers`.
PLACES: Final = ("encoder.layer", "transformer.layer", "h", "layers", "decoder.layers", "encoder.layers")


@dataclass(frozen=True, slots=True, eq=False)
class Tuned:
    """A model made ready: its layers from input to output, and a context in which its adapters do nothing."""

    model: Any
    layers: Sequence[Any]
    off: Callable[[], AbstractContextManager[None]]


def layers_of(model: Any) -> list[Any]:
    """The layers of a Hugging Face encoder or decoder, from input to output.

    Raises UsageError where they are not where such models have them, for a model of two halves, and where two layers
    share weights: what freezes one would freeze the other.
    """
    kind = type(model).__name__
    if getattr(getattr(model, "config", None), "is_encoder_decoder", False):
        raise UsageError(f"{kind} is an encoder and a decoder; an encoder or a decoder alone is expected")
    base = _base(model)
    for place in PLACES:
        try:
            found = list(attrgetter(place)(base))
        except (AttributeError, TypeError):
            continue
        if found:
            _refuse_shared(kind, found)
            return found
    raise UsageError(
        f"{kind} has no layers where a Hugging Face encoder or decoder has them: looked for {', '.join(PLACES)} in "
        f"{type(base).__name__}; what it has: {', '.join(name for name, _ in base.named_children()) or 'nothing'}"
    )


def head_of(model: Any) -> list[Any]:
    """The parameters that come after the base model: a classifier, a span head. Empty for a bare model.

    A weight that the head shares with the embeddings (a tied output layer of a language model) belongs to the base.
    """
    base = {id(one) for one in _base(model).parameters()}
    return [one for one in model.parameters() if id(one) not in base]


def hidden_of(output: Any) -> Any:
    """The hidden states (n, s, d) that a layer gives, alone or first of a tuple."""
    return output[0] if isinstance(output, tuple) else output


def with_hidden(output: Any, hidden: Any) -> Any:
    """A layer's output with other hidden states."""
    return (hidden, *output[1:]) if isinstance(output, tuple) else hidden


def _refuse_shared(kind: str, layers: Sequence[Any]) -> None:
    first: dict[int, int] = {}
    for k, layer in enumerate(layers):
        for one in layer.parameters():
            if first.setdefault(id(one), k) != k:
                raise UsageError(
                    f"layers {first[id(one)]} and {k} of {kind} share weights: freezing one would freeze the other; "
                    "give a model whose layers have weights of their own"
                )


def _base(model: Any) -> Any:
    return getattr(model, "base_model", model)

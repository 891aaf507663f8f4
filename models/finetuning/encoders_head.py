"""A head on an encoder or a decoder: what a task asks of it, and the loss of its answers."""

from dataclasses import dataclass
from typing import Any

from edgewatt.models.finetuning.checks import torch_here
from edgewatt.models.finetuning.texts import Task


@dataclass(slots=True)
class Output:
    """The loss, where labels were given, and the logits: (n, classes), (n, 1), or (n, 2, s) of begin and end."""

    loss: Any
    logits: Any


def with_head(base: Any, task: Task) -> Any:
    """A model of `base`, a Hugging Face encoder or decoder of hidden states (n, s, d), with a linear head.

    Classes and scores are read from the mean of the hidden states that are no padding, begin and end of a span from
    each of them. It is called with `input_ids` and `attention_mask` (n, s), `token_type_ids` (n, s) where the base has
    some, `labels`: (n,) of classes or scores, or (n, 2) of tokens; `allowed` (n, s): where a span may begin and end.
    """
    torch = torch_here()
    functional = torch.nn.functional

    class Headed(torch.nn.Module):  # type: ignore[misc,name-defined,unused-ignore]
        """See with_head."""

        def __init__(self) -> None:
            super().__init__()
            self.config = base.config
            self.base_model = base
            self.head = torch.nn.Linear(_width(base), task.outputs_n)

        def forward(
            self, input_ids: Any, attention_mask: Any, labels: Any = None, allowed: Any = None, **more: Any
        ) -> Output:
            """Loss and logits."""
            hidden = self.base_model(input_ids=input_ids, attention_mask=attention_mask, **more)[0]
            if task.kind == "span":
                logits = self.head(hidden).transpose(1, 2)
                logits = logits.masked_fill(allowed.unsqueeze(1) == 0, torch.finfo(logits.dtype).min)
                if labels is None:
                    return Output(None, logits)
                return Output(functional.cross_entropy(logits.transpose(1, 2), labels), logits)
            weight = attention_mask.unsqueeze(-1).to(hidden.dtype)
            logits = self.head((hidden * weight).sum(1) / weight.sum(1).clamp(min=1))
            if labels is None:
                return Output(None, logits)
            if task.kind == "score":
                return Output(functional.mse_loss(logits.squeeze(-1), labels), logits)
            return Output(functional.cross_entropy(logits, labels), logits)

    return Headed()


def _width(base: Any) -> int:
    return int(getattr(base.config, "hidden_size", None) or base.config.n_embd)

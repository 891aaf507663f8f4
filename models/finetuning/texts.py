"""What is fine-tuned on: examples with their answers."""

from dataclasses import dataclass
from typing import Any, Final, Literal

# Where the answer of a span is in no character: the question has none (SQuAD 2.0).
NO_SPAN: Final = (-1, -1)
Answer = int | float | tuple[int, int]
Metric = Literal["accuracy", "f1", "matthews", "spearman", "span_f1"]


@dataclass(frozen=True, slots=True)
class Example:
    """A text or a pair of texts, and its answer.

    The answer is the index of a class; a score; or the characters of `second` from the first to one past the last.
    `accepted` are the texts that a span may read, for scoring.
    """

    first: str
    second: str
    answer: Answer
    accepted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Task:
    """Examples to train and to test on. `classes` is empty for scores and spans; `source` says where they are from."""

    name: str
    kind: Literal["class", "score", "span"]
    metric: Metric
    classes: tuple[str, ...]
    train: tuple[Example, ...]
    test: tuple[Example, ...]
    source: str

    @property
    def outputs_n(self) -> int:
        """What a head has to give: logits of classes, one score, or begin and end."""
        return {"class": len(self.classes), "score": 1, "span": 2}[self.kind]


def is_text(value: Any) -> bool:
    """Whether it is a text with something in it, which every tokenizer can take: half of a surrogate pair none can."""
    return isinstance(value, str) and bool(value.strip()) and not any("\ud800" <= c <= "\udfff" for c in value)

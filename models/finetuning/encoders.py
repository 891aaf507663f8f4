"""What is fine-tuned: a pretrained encoder from a folder or a package, or a shape with random weights."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np

from edgewatt.models.finetuning.checks import missing, torch_here
from edgewatt.models.finetuning.encoders_head import with_head
from edgewatt.models.finetuning.encoders_tokens import Tokenise, Tokens, hashed, of_folder
from edgewatt.models.finetuning.method import Batch
from edgewatt.models.finetuning.minilm import NAME, SOURCE, minilm_folder
from edgewatt.models.finetuning.texts import NO_SPAN, Example, Task
from edgewatt.profiler.errors import UsageError

RANDOM: Final = "random"
_VOCABULARY: Final = 30522


@dataclass(frozen=True, slots=True, eq=False)
class Encoder:
    """`build` gives a new base model each time, with the same weights; `source` says what these are."""

    name: str
    build: Callable[[], Any]
    tokenise: Tokenise
    is_pretrained: bool
    source: str

    def model(self, task: Task, seed: int) -> Any:
        """The base with a head for a task, whose weights are random by `seed`; dropout goes on from there."""
        torch_here().manual_seed(seed)
        return with_head(self.build(), task)


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """N examples as tensors (N, ...), each of the same length, so that a meter counts one shape only."""

    tensors: Batch
    tokens: Tokens

    def batch(self, rows: Sequence[int]) -> Batch:
        """Of these rows."""
        chosen = torch_here().as_tensor(list(rows))
        return {key: of[chosen] for key, of in self.tensors.items()}


def encoder_of(name: str) -> Encoder:
    """`minilm`, `random` or a folder of Hugging Face's form. Raises UsageError naming what is missing."""
    torch_here()
    transformers_here()
    if name == RANDOM:
        return random_encoder()
    if name == NAME:
        return _from_folder(NAME, minilm_folder(), SOURCE)
    folder = Path(name)
    if not (folder / "config.json").is_file():
        raise UsageError(
            f"--model {name}: expected minilm, random, or a folder with config.json, weights and tokenizer"
        )
    return _from_folder(folder.name, folder, f"weights of {folder}, mean of the last hidden states")


def random_encoder(*, layers: int = 6, width: int = 384, vocabulary: int = _VOCABULARY) -> Encoder:
    """MiniLM's shape, or a smaller one, with random weights that are always the same, and hashed words."""
    torch, transformers = torch_here(), transformers_here()
    config = transformers.BertConfig(
        vocab_size=vocabulary, hidden_size=width, num_hidden_layers=layers, intermediate_size=4 * width,
        num_attention_heads=max(width // 32, 1),
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = plain(transformers.BertModel(config))
    return Encoder(RANDOM, partial(deepcopy, made), hashed(vocabulary), False, "random weights, hashed words")


def plain(base: Any) -> Any:
    """A base model without its pooler, which no head here reads, and with attention written out.

    A fused attention keeps other bytes for the backward pass than the products that are counted.
    """
    if getattr(base, "pooler", None) is not None:
        base.pooler = None
    base.set_attn_implementation("eager")
    return base


def _from_folder(name: str, folder: Path, source: str) -> Encoder:
    transformers = transformers_here()
    try:
        with _quiet(transformers.logging):
            # Weights as safetensors only: a pickle could execute anything.
            made = transformers.AutoModel.from_pretrained(
                folder, local_files_only=True, use_safetensors=True, trust_remote_code=False, dtype=torch_here().float32
            )
    except Exception as error:  # noqa: BLE001  (of many kinds, from the depths of several libraries)
        raise UsageError(
            f"{folder}: no model of Hugging Face's that can be read ({type(error).__name__}: {error})"
        ) from None
    base = plain(made)
    return Encoder(name, partial(deepcopy, base), of_folder(folder), True, source)


@contextmanager
def _quiet(logging: Any) -> Iterator[None]:
    """No bar, and no word on weights that a head would have had."""
    said, drawn = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(said)
        if drawn:
            logging.enable_progress_bar()


def encoded(encoder: Encoder, task: Task, examples: Sequence[Example], length: int) -> Encoded:
    """Examples of a task for a model of this encoder, cut to `length` tokens."""
    torch = torch_here()
    tokens = encoder.tokenise([(one.first, one.second) for one in examples], length)
    tensors = {"input_ids": torch.as_tensor(tokens.ids), "attention_mask": torch.as_tensor(tokens.mask)}
    answers: Any
    if task.kind == "span":
        answers = torch.as_tensor(_spans(examples, tokens))
        tensors["allowed"] = torch.as_tensor(_allowed(tokens))
    else:
        answers = torch.tensor([one.answer for one in examples], dtype=torch.long if task.classes else torch.float32)
    if tokens.kinds.any() and getattr(encoder.build().config, "type_vocab_size", 0) > 1:
        tensors["token_type_ids"] = torch.as_tensor(tokens.kinds)
    return Encoded({**tensors, "labels": answers}, tokens)


def _allowed(tokens: Tokens) -> np.ndarray:
    """Where a span may begin and end: in the second text, or at the first token, which says that there is none."""
    allowed = tokens.starts >= 0
    allowed[:, 0] = True
    return allowed.astype(np.int64)


def _spans(examples: Sequence[Example], tokens: Tokens) -> np.ndarray:
    """The first and last token of each answer, (N, 2); the first token of all for none, or one that was cut off."""
    found = np.zeros((len(examples), 2), np.int64)
    for k, one in enumerate(examples):
        if one.answer == NO_SPAN or not isinstance(one.answer, tuple):
            continue
        start, end = one.answer
        inside = np.flatnonzero((tokens.ends[k] > start) & (tokens.starts[k] < end) & (tokens.starts[k] >= 0))
        if inside.size and tokens.ends[k][inside[-1]] >= end:
            found[k] = inside[0], inside[-1]
    return found


def refuse_without_packages(methods: Sequence[str]) -> None:
    """Raise UsageError before anything is trained where a package that one of the methods needs is not installed."""
    of_peft = [name for name in methods if "lora" in name]
    for package, what in (("torch", "simulate safe"), ("transformers", "simulate safe"), ("peft", ", ".join(of_peft))):
        if what and find_spec(package) is None:
            raise missing(what, package)


def transformers_here() -> Any:
    """The module transformers. Raises UsageError where it is not installed."""
    try:
        import transformers  # noqa: PLC0415
    except ImportError:
        raise missing("simulate safe", "transformers") from None
    return transformers

"""Encoders and decoders small enough for a test, with random weights, and batches for them."""

from collections.abc import Iterator, Sequence
from typing import Any

from edgewatt.models.finetuning.method import Method, Run, StepCost
from edgewatt.models.finetuning.methods import method_of
from edgewatt.models.scheduling.constants import constants_of

CONSTANTS = constants_of("../finetuning/safe")
LAYERS, WIDTH, EXAMPLES, LENGTH, BATCH = 4, 32, 24, 6, 8


def bert(layers: int = LAYERS, dropout: float = 0.1) -> Any:
    import torch  # noqa: PLC0415
    from transformers import BertConfig, BertForSequenceClassification  # noqa: PLC0415

    torch.manual_seed(0)
    return BertForSequenceClassification(
        BertConfig(
            vocab_size=50,
            hidden_size=WIDTH,
            num_hidden_layers=layers,
            num_attention_heads=2,
            intermediate_size=64,
            max_position_embeddings=16,
            hidden_dropout_prob=dropout,
            attention_probs_dropout_prob=dropout,
        )
    ).train()


def gpt2(*, language: bool = False) -> Any:
    import torch  # noqa: PLC0415
    from transformers import GPT2Config, GPT2ForSequenceClassification, GPT2LMHeadModel  # noqa: PLC0415

    torch.manual_seed(0)
    config = GPT2Config(vocab_size=50, n_positions=16, n_embd=WIDTH, n_layer=LAYERS, n_head=2, pad_token_id=0)
    return (GPT2LMHeadModel if language else GPT2ForSequenceClassification)(config).train()


def batch_of(rows: Sequence[int], *, language: bool = False) -> dict[str, Any]:
    """Example k: tokens of its own, k % 3 of padding at the end, and label k % 2."""
    import torch  # noqa: PLC0415

    tokens = [torch.randint(1, 50, (LENGTH,), generator=torch.Generator().manual_seed(row)) for row in rows]
    ids = torch.stack(tokens)
    mask = torch.ones_like(ids)
    for k, row in enumerate(rows):
        mask[k, LENGTH - row % 3 :] = 0
    ids = ids * mask
    labels = ids if language else torch.tensor([row % 2 for row in rows])
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


def method(name: str, seed: int = 0, **other: float) -> Method:
    """By name, with the constants of safe.toml but for some: `safe__tau=0.5`."""
    changed = {key.replace("__", "."): value for key, value in other.items()}
    return method_of(name, lambda key: changed[key] if key in changed else CONSTANTS[key], seed)


def counted(model: Any, batch: dict[str, Any]) -> StepCost:
    """One pass of a batch, as the meter's counting counts it."""
    from edgewatt.collectors.runtimes.training_cost.counting import Counting  # noqa: PLC0415

    counting = Counting(model.parameters)
    counting.begin()
    counting.forward_begins()
    loss = model(**batch).loss
    counting.forward_ends()
    loss.backward()
    found = counting.end()
    model.zero_grad(set_to_none=True)
    return StepCost(found.forward_flop, found.backward_flop, found.saved_b)


def begun(of: Method, model: Any, steps_n: int = 20, rate: float = 1e-2, **batches: bool) -> tuple[Any, Any]:
    """The prepared model and its optimizer, the method having begun."""
    import torch  # noqa: PLC0415

    model = of.prepare(model)
    optimizer = torch.optim.AdamW([one for one in model.parameters() if one.requires_grad], lr=rate, weight_decay=0.1)
    probe = [batch_of(range(100, 116), **batches)]
    of.begin(Run(model, optimizer, lambda: probe, steps_n, lambda: counted(model, batch_of(range(BATCH), **batches))))
    return model, optimizer


def steps(of: Method, model: Any, optimizer: Any, first: int, last: int, **batches: bool) -> Iterator[float]:
    """Train from step `first` to before `last`: the loss of each, gradients still there."""
    for step in range(first, last):
        rows = [(step * BATCH + k) % EXAMPLES for k in range(BATCH)]
        of.before_step(step, rows)
        loss = model(**batch_of(rows, **batches)).loss
        loss.backward()
        optimizer.step()
        of.after_step(step, float(loss.detach()))
        yield float(loss.detach())
        optimizer.zero_grad(set_to_none=True)

"""One fine-tuning with a method, step by step, metered; then its accuracy on texts it has not seen."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np

from edgewatt.models.finetuning.checks import torch_here
from edgewatt.models.finetuning.encoders import Encoded, Encoder, encoded
from edgewatt.models.finetuning.importance import evaluating
from edgewatt.models.finetuning.method import Batch, Method, Run, Spent
from edgewatt.models.finetuning.sharpness import sharpness
from edgewatt.models.finetuning.texts import Answer, Task
from edgewatt.models.finetuning.texts_scores import scored, span_f1
from edgewatt.models.finetuning.trial_meters import Meters
from edgewatt.models.finetuning.trial_steps import Steps, steps_of
from edgewatt.profiler.errors import UsageError

_EVALUATED_AT_ONCE: Final = 64
_SHARP_BATCHES: Final = 4


@dataclass(frozen=True, slots=True)
class Setting:
    """How long and with what: optimizer steps of `batch` texts of `length` tokens, the highest learning rate, decay.

    The rate rises over `rise` of the steps and falls linearly to 0. `probe_n` texts tell importance; `rho` is the
    distance of sharpness.
    """

    steps_n: int
    batch: int
    length: int
    learning_rate: float
    weight_decay: float
    rise: float
    probe_n: int
    rho: float


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """What came out of one training: its score (percent, by the task's metric), its cost and its end.

    `texts_n`: of a step; `own_s`: processor seconds between steps, in which the method looked at its layers and batches
    were made.
    """

    method: str
    task: str
    seed: int
    texts_n: int
    score: float
    loss: float
    sharpness: float
    frozen: tuple[int, ...]
    spent: Spent
    own_s: float
    steps: Steps
    reasons: tuple[str, ...]

    @property
    def flop(self) -> float:
        """Of all steps, and of what the method does beside them, less what its cache saves."""
        return float(np.sum(self.steps.flop)) + self.spent.flop - self.spent.skipped_flop

    @property
    def seconds(self) -> float:
        """Of processor time, for the same."""
        return float(np.sum(self.steps.seconds)) + self.own_s

    @property
    def memory_b(self) -> float:
        """The mean over the steps of what each needs at its worst."""
        return float(np.mean(self.steps.memory_b))

    @property
    def peak_b(self) -> float:
        """What the worst step needs."""
        return float(np.max(self.steps.memory_b))


@dataclass(frozen=True, slots=True, eq=False)
class Data:
    """A task's examples as tensors of one encoder: once for all trainings."""

    task: Task
    train: Encoded
    test: Encoded


def data_of(encoder: Encoder, task: Task, length: int) -> Data:
    """Both parts, cut to `length` tokens."""
    return Data(task, encoded(encoder, task, task.train, length), encoded(encoder, task, task.test, length))


def trial(encoder: Encoder, data: Data, method: Method, setting: Setting, seed: int, meters: Meters) -> Trial:
    """Train, measure and test. The same arguments give the same losses, scores and choices; seconds differ.

    Raises UsageError where there are too few examples, or as the method does.
    """
    torch = torch_here()
    task, training_n = data.task, len(data.task.train)
    if training_n < max(setting.batch, setting.probe_n):
        raise UsageError(
            f"task {task.name}: {training_n} texts to train on; expected {max(setting.batch, setting.probe_n)}, of a "
            "batch and of those that tell importance"
        )
    model = method.prepare(encoder.model(task, seed)).train()
    moving = [one for one in model.parameters() if one.requires_grad]
    optimizer = torch.optim.AdamW(moving, lr=setting.learning_rate, weight_decay=setting.weight_decay)
    rate = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, setting))
    rng = np.random.default_rng([seed, 1])
    probe = [data.train.batch(rng.permutation(training_n)[: setting.probe_n].tolist())]
    batches = _batches(training_n, setting, np.random.default_rng([seed, 2]))
    sample = data.train.batch(next(_batches(training_n, setting, np.random.default_rng([seed, 2])))[:1])
    own_s, took_s, cached_b, loss = 0.0, [], [], float("nan")
    began_s = time.process_time()
    count = partial(meters.count, model, sample)
    method.begin(Run(model, optimizer, lambda: probe, setting.steps_n, count, setting.batch))
    with meters.training(model, optimizer, layers=method.layers) as cost:
        for step in range(setting.steps_n):
            rows = next(batches)
            batch = data.train.batch(rows)
            method.before_step(step, rows)
            own_s += (ready_s := time.process_time()) - began_s
            output = model(**batch)
            output.loss.backward()
            optimizer.step()
            took_s.append((began_s := time.process_time()) - ready_s)
            loss = float(output.loss.detach())
            method.after_step(step, loss)
            cached_b.append(method.spent.cache_b)
            optimizer.zero_grad(set_to_none=True)
            rate.step()
    own_s += time.process_time() - began_s
    frozen, spent = method.frozen, method.spent
    method.end()
    for one in moving:  # sharpness is of the same weights for all methods, those that were frozen on the way too
        one.requires_grad_(True)
    few = [data.train.batch(next(batches)) for _ in range(_SHARP_BATCHES)]
    return Trial(
        method=method.name,
        task=task.name,
        seed=seed,
        texts_n=setting.batch,
        score=score_of(model, data),
        loss=loss,
        sharpness=sharpness(model, lambda of, batch: of(**batch).loss, few, setting.rho),
        frozen=frozen,
        spent=spent,
        own_s=own_s,
        steps=steps_of(cost.rows(), took_s, cached_b),
        reasons=tuple(cost.reasons),
    )


def _rate(step: int, setting: Setting) -> float:
    rise_n = max(setting.rise * setting.steps_n, 1)
    return min((step + 1) / rise_n, 1.0, max((setting.steps_n - step) / max(setting.steps_n - rise_n, 1), 0.0))


def _batches(count: int, setting: Setting, rng: np.random.Generator) -> Iterator[list[int]]:
    """Rows of batches without end, each text once in a pass; what is too little for a batch is left out."""
    while True:
        order = rng.permutation(count)
        for at in range(0, count - setting.batch + 1, setting.batch):
            yield order[at : at + setting.batch].tolist()


def score_of(model: Any, data: Data) -> float:
    """How good a model's answers on the test part are, by the task's metric, in percent."""
    torch = torch_here()
    logits = []
    with evaluating(model), torch.no_grad():
        for at in range(0, len(data.task.test), _EVALUATED_AT_ONCE):
            rows = range(at, min(at + _EVALUATED_AT_ONCE, len(data.task.test)))
            logits.append(model(**_without_labels(data.test.batch(rows))).logits)
    given = torch.cat(logits)
    if data.task.kind == "span":
        return float(np.mean([_span_score(data, k, given[k]) for k in range(len(given))]))
    answers: list[Answer] = given.squeeze(-1).tolist() if data.task.kind == "score" else given.argmax(1).tolist()
    return scored(data.task.metric, [one.answer for one in data.task.test], answers)


def _without_labels(batch: Batch) -> Mapping[str, Any]:
    return {key: of for key, of in batch.items() if key != "labels"}


def _span_score(data: Data, k: int, logits: Any) -> float:
    """The text from the likeliest begin to the likeliest end that is not before it."""
    example, tokens = data.task.test[k], data.test.tokens
    begin = int(logits[0].argmax())
    end = begin + int(logits[1][begin:].argmax())
    start, stop = int(tokens.starts[k, begin]), int(tokens.ends[k, end])
    return span_f1(example.accepted, example.second[start:stop] if start >= 0 and stop > start else "")

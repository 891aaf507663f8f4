"""A training as JSON, and which study it is of: what is done of a long study is not done again."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from hashlib import sha256
from typing import Any, Final

import numpy as np

from edgewatt import __version__
from edgewatt.models.finetuning.encoders import Encoder
from edgewatt.models.finetuning.method import Spent
from edgewatt.models.finetuning.texts import Task
from edgewatt.models.finetuning.trial import Trial
from edgewatt.models.finetuning.trial_steps import Steps
from edgewatt.models.scheduling.constants import Constants

_PLAIN: Final = ("method", "task", "seed", "texts_n", "score", "loss", "sharpness", "own_s")


def words(encoder: Encoder, scenario: str, constants: tuple[Constants, ...]) -> str:
    """All that decides what a training comes to, beside its task, method and seed."""
    weights = sha256()
    for name, of in sorted(encoder.build().state_dict().items()):
        weights.update(name.encode() + of.numpy().tobytes())
    stated = [{name: one.value for name, one in sorted(of.by_name.items())} for of in constants]
    return json.dumps([encoder.name, weights.hexdigest(), scenario, stated, __version__])


def task_key(task: Task) -> str:
    """Of all its texts and answers."""
    return sha256(json.dumps(asdict(task)).encode()).hexdigest()


def as_json(trial: Trial) -> dict[str, Any]:
    """To be read by `trial_found`."""
    steps = trial.steps
    return {
        **{name: getattr(trial, name) for name in _PLAIN},
        "frozen": trial.frozen,
        "spent": asdict(trial.spent),
        "columns": {name: of.tolist() for name, of in steps.columns.items()},
        "is_counted": steps.is_counted.tolist(),
        "processor_s": steps.processor_s.tolist(),
        "cached_b": steps.cached_b.tolist(),
        "reasons": trial.reasons,
    }


def trial_found(of: Any) -> Trial | None:
    """What `as_json` gave; None for anything else, which is then trained anew."""
    try:
        return Trial(
            **{name: of[name] for name in _PLAIN},
            frozen=tuple(of["frozen"]), spent=Spent(**of["spent"]), steps=_steps(of), reasons=tuple(of["reasons"]),
        )  # fmt: skip
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _steps(of: Mapping[str, Any]) -> Steps:
    columns = {name: np.array(values, np.float64) for name, values in of["columns"].items()}
    return Steps(
        columns, np.array(of["is_counted"], np.bool_),
        np.array(of["processor_s"], np.float64), np.array(of["cached_b"], np.float64),
    )  # fmt: skip

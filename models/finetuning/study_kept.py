"""A training as JSON, and which study it is of: what is done of a long study is not done again."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from hashlib import sha256
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, Final

import numpy as np

from edgewatt import __version__
from edgewatt.models.finetuning.encoders import Encoder
from edgewatt.models.finetuning.method import Spent
from edgewatt.models.finetuning.texts import Task
from edgewatt.models.finetuning.trial import Trial
from edgewatt.models.finetuning.trial_steps import COLUMNS, Steps
from edgewatt.models.scheduling.constants import Constants

_PLAIN: Final[Mapping[str, Callable[[Any], Any]]] = {
    "method": str, "task": str, "seed": int, "texts_n": int,
    "score": float, "loss": float, "sharpness": float, "own_s": float,
}  # fmt: skip
# Tells tokenizers apart.
_SAMPLE: Final = (("Return a shallow copy; KeyError if it's not found.", "def get_item(self, key): ..."),)
_SAMPLE_LENGTH: Final = 32


def words(encoder: Encoder, scenario: str, constants: tuple[Constants, ...]) -> str:
    """All that decides what a training comes to, beside its task, method and seed."""
    base = encoder.build()
    weights = sha256(base.config.to_json_string().encode())
    for name, of in sorted(base.state_dict().items()):
        weights.update(name.encode() + of.numpy().tobytes())
    tokens = encoder.tokenise(_SAMPLE, _SAMPLE_LENGTH).ids.tolist()
    stated = [[of.variation_ratio, {name: asdict(one) for name, one in sorted(of.by_name.items())}] for of in constants]
    versions = [__version__, *(version(of) for of in ("torch", "transformers", "peft") if find_spec(of) is not None)]
    return json.dumps([encoder.name, weights.hexdigest(), tokens, scenario, stated, versions], default=str)


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
            **{name: kind(of[name]) for name, kind in _PLAIN.items()},
            frozen=tuple(of["frozen"]), spent=Spent(**of["spent"]), steps=_steps(of), reasons=tuple(of["reasons"]),
        )  # fmt: skip
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _steps(of: Mapping[str, Any]) -> Steps:
    """Raises KeyError, TypeError or ValueError for columns that are not all there, or not all of one length."""
    columns = {name: np.array(of["columns"][name], np.float64) for name in COLUMNS}
    rest = [np.array(of[name], np.float64) for name in ("is_counted", "processor_s", "cached_b")]
    lengths = {values.shape for values in (*columns.values(), *rest)}
    if len(lengths) != 1 or len(next(iter(lengths))) != 1:
        raise ValueError(lengths)
    return Steps(columns, rest[0].astype(np.bool_), rest[1], rest[2])

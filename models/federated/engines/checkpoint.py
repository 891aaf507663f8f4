"""What a run keeps so that it can go on: weights, choices and replies. The rest is computed again from them.

A policy is not stored: it is asked again for every round that is kept, and told again what came of it, which restores
it to the last digit and trains nothing. A file holds arrays and JSON; nothing in it is executed.
"""

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.federated.engines.settling import Replies
from edgewatt.models.federated.round import Choice, Weights
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.durable import replace_file

NAME: Final = "checkpoint.npz"
_CHOSEN: Final = ("devices", "target", "batch", "epochs")
_REPLIED: Final = ("replied", "silent", "loss_before", "loss")
_WEIGHT: Final = "weight "
_STATE: Final = "state "
# RuntimeError: of an archive that is encrypted, or of a later version, and of JSON that is too deep.
_BROKEN: Final = (
    OSError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile, EOFError, RuntimeError,
)  # fmt: skip


@dataclass(slots=True)
class Kept:
    """The rounds so far, and the weights after them; empty where nothing is trained.

    `of`: which run this is; `state`: what the learner keeps between rounds.
    """

    of: str
    weights: Weights = field(default_factory=dict)
    state: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    choices: list[Choice] = field(default_factory=list)
    replies: list[Replies] = field(default_factory=list)
    accuracy_percent: list[float] = field(default_factory=list)

    def add(self, choice: Choice, replies: Replies, accuracy_percent: float) -> None:
        """One round more."""
        self.choices.append(choice)
        self.replies.append(replies)
        self.accuracy_percent.append(accuracy_percent)


def write_checkpoint(folder: Path, kept: Kept) -> None:
    """Into `folder`, whole or not at all. Raises UsageError."""
    arrays: dict[str, NDArray[Any]] = {f"{_WEIGHT}{name}": of for name, of in kept.weights.items()}
    arrays |= {f"{_STATE}{name}": of for name, of in kept.state.items()}
    for name in _CHOSEN:
        arrays[name] = _joined([getattr(choice, name) for choice in kept.choices])
    for name in _REPLIED:
        arrays[name] = _joined([getattr(reply, name) for reply in kept.replies])
    arrays["count"] = np.array([len(choice.devices) for choice in kept.choices], np.int64)
    arrays["accuracy_percent"] = np.array(kept.accuracy_percent)
    words = {"of": kept.of, "trouble": [{str(k): why for k, why in r.trouble.items()} for r in kept.replies]}
    arrays["words"] = np.frombuffer(json.dumps(words).encode(), np.uint8)
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **arrays)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(folder / NAME, content.getvalue())
    except OSError as error:
        raise UsageError(f"cannot write {folder / NAME}: {error.strerror or error}") from None


def read_checkpoint(folder: Path, of: str) -> Kept | None:
    """What `folder` keeps of the run `of`; None where it keeps nothing. Raises UsageError for a file that is not it."""
    path = folder / NAME
    if not path.exists():
        return None
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        kept = _kept(arrays)
    except _BROKEN as error:
        raise UsageError(f"{path} is no checkpoint of a federated run ({error}); delete it to begin anew") from None
    if kept.of != of:
        raise UsageError(f"{path} is of another run ({kept.of}; asked for: {of}); give another folder, or delete it")
    return kept


def _kept(arrays: dict[str, NDArray[Any]]) -> Kept:
    words = json.loads(arrays["words"].tobytes())
    ends = np.cumsum(arrays["count"])[:-1]
    chosen = [np.split(arrays[name], ends) for name in _CHOSEN]
    replied = [np.split(arrays[name], ends) for name in _REPLIED]
    rounds_n = len(arrays["count"])
    trouble = [{int(k): str(why) for k, why in each.items()} for each in words["trouble"]]
    if len(trouble) != rounds_n or len(arrays["accuracy_percent"]) != rounds_n:
        raise ValueError("its parts are of different lengths")
    return Kept(
        str(words["of"]),
        _under(arrays, _WEIGHT),
        _under(arrays, _STATE),
        [Choice(*(part[k] for part in chosen)) for k in range(rounds_n)],
        [_replies([part[k] for part in replied], trouble[k]) for k in range(rounds_n)],
        arrays["accuracy_percent"].tolist(),
    )


def _replies(parts: list[NDArray[Any]], trouble: dict[int, str]) -> Replies:
    replied, silent, before, during = parts
    return Replies(replied, silent, before, during, trouble)


def _under(arrays: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(prefix): of for name, of in arrays.items() if name.startswith(prefix)}


def _joined(parts: list[NDArray[Any]]) -> NDArray[Any]:
    return np.concatenate(parts) if parts else np.zeros(0)

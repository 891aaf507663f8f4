"""LEAF's Shakespeare: 80 characters of a role's lines and the one that follows; a device is a role."""

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.federated.learning.bounded import MIB, json_of
from edgewatt.models.federated.learning.data import Data
from edgewatt.models.federated.learning.texts import numbered
from edgewatt.models.federated.round import Ints
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.checked import shown

# ALL_LETTERS of models/utils/language_utils.py in github.com/TalwalkarLab/leaf; all else is one more class.
LETTERS: Final = "\n !\"&'(),-.0123456789:;>?ABCDEFGHIJKLMNOPQRSTUVWXYZ[]abcdefghijklmnopqrstuvwxyz}"
LENGTH: Final = 80
BYTES_LIMIT: Final = 512 * MIB
FILES_LIMIT: Final = 64
SAMPLES_LIMIT: Final = 4_000_000
EXPECTED: Final = (
    "LEAF's Shakespeare (train/*.json, test/*.json, each {user_data: {user: {x: [texts of 80 characters], "
    "y: [characters]}}})"
)
Spoken = dict[str, tuple[list[str], list[str]]]


def shakespeare(folder: Path) -> Data:
    """The JSON files of train/ and test/ in a folder. Users are in the order of their names. Raises UsageError."""
    spoken, held = _half(folder / "train"), _half(folder / "test")
    users = sorted(spoken)
    inputs, targets, owners = _arrays(spoken, users)
    # A role that is in the test half alone belongs to nobody who trains.
    held_inputs, held_targets, held_owners = _arrays(held, [*users, *sorted(held.keys() - spoken.keys())])
    return Data(
        f"Shakespeare from {folder.name}",
        inputs,
        targets,
        held_inputs,
        held_targets,
        len(LETTERS) + 1,
        owners=owners,
        held_owners=np.where(held_owners < len(users), held_owners, -1),
        owner_names=users,
        names=(*LETTERS, "other"),
    )


def lines_of(value: Any) -> Spoken | str:
    """Texts and the characters after them of each user in a file's JSON, or why there are none."""
    if not isinstance(value, dict) or not isinstance(value.get("user_data"), dict):
        return "has no object user_data"
    found: Spoken = {}
    for user, said in value["user_data"].items():
        if not isinstance(said, dict) or not isinstance(said.get("x"), list) or not isinstance(said.get("y"), list):
            return f"user {shown(user)} has no lists x and y"
        texts, after = said["x"], said["y"]
        if len(texts) != len(after):
            return f"user {shown(user)} has {len(texts)} texts and {len(after)} characters after them"
        if not all(isinstance(text, str) and len(text) == LENGTH for text in texts):
            return f"user {shown(user)} has a text that is not of {LENGTH} characters"
        if not all(isinstance(one, str) and len(one) == 1 for one in after):
            return f"user {shown(user)} has something after a text that is not one character"
        found[user] = (texts, after)
    return found


def _half(folder: Path) -> Spoken:
    paths = sorted(folder.glob("*.json"))
    if not paths or len(paths) > FILES_LIMIT:
        raise UsageError(f"{folder}: {len(paths)} JSON files; expected 1 to {FILES_LIMIT} of {EXPECTED}")
    spoken: Spoken = {}
    samples_n = 0
    for path in paths:
        found = lines_of(json_of(path, BYTES_LIMIT, EXPECTED))
        if isinstance(found, str):
            raise UsageError(f"{path}: {found}; expected {EXPECTED}")
        for user, (texts, after) in found.items():
            before = spoken.get(user, ([], []))
            spoken[user] = (before[0] + texts, before[1] + after)
            samples_n += len(texts)
        if samples_n > SAMPLES_LIMIT:
            break
    if not 1 <= samples_n <= SAMPLES_LIMIT:
        raise UsageError(f"{folder}: {samples_n} samples; expected 1 to {SAMPLES_LIMIT:,}")
    return spoken


def _arrays(spoken: Spoken, users: list[str]) -> tuple[NDArray[np.int64], NDArray[np.int64], Ints]:
    said = [spoken.get(user, ([], [])) for user in users]
    inputs = numbered("".join(text for texts, _ in said for text in texts), LETTERS).reshape(-1, LENGTH)
    targets = numbered("".join(one for _, after in said for one in after), LETTERS)
    return inputs, targets, np.repeat(np.arange(len(users)), [len(texts) for texts, _ in said])

"""FLAIR (Song et al., arXiv 2207.08869): Flickr users' photographs, each with the coarse labels that hold.

Its labels_and_metadata.json is a list of {image_id, user_id, partition, labels, ...}; photographs of 256 x 256 are
small_images/IMAGE_ID.jpg, as the README of github.com/apple/ml-flair has it.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from edgewatt.models.federated.learning.bounded import MIB, json_of
from edgewatt.models.federated.learning.data import Data, split
from edgewatt.models.federated.learning.pictures import read_all
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.checked import shown

BYTES_LIMIT: Final = 1024 * MIB
# The first so many photographs of those users who come first by name.
TRAINED_LIMIT: Final = 20_000
HELD_LIMIT: Final = 4_000
LABELS_LIMIT: Final = 100
# An id becomes the name of a file.
ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
HALVES: Final = {"train": "train", "val": "", "dev": "", "test": "test"}
EXPECTED: Final = "FLAIR: labels_and_metadata.json, a list of {image_id, user_id, partition, labels}, and small_images/"


@dataclass(frozen=True, slots=True)
class Row:
    """A photograph of a user and its coarse labels; `half`: train, test, or blank for what is neither."""

    image_id: str
    user_id: str
    half: str
    labels: tuple[str, ...]


def flair(folder: Path) -> Data:
    """Photographs of the train partition by user, and of the test partition. Raises UsageError."""
    path = folder / "labels_and_metadata.json"
    found = rows_of(json_of(path, BYTES_LIMIT, EXPECTED))
    if isinstance(found, str):
        raise UsageError(f"{path}: {found}; expected {EXPECTED}")
    ordered = sorted(found, key=lambda row: (row.user_id, row.image_id))
    trained = [row for row in ordered if row.half == "train"][:TRAINED_LIMIT]
    held = [row for row in ordered if row.half == "test"][:HELD_LIMIT]
    if not trained or not held:
        raise UsageError(f"{path}: {len(trained)} photographs to train on and {len(held)} to test with; expected both")
    names = sorted({label for row in [*trained, *held] for label in row.labels})
    if not 1 <= len(names) <= LABELS_LIMIT:
        raise UsageError(f"{path}: {len(names)} labels; expected 1 to {LABELS_LIMIT}, of {EXPECTED}")
    images = folder / "small_images"
    rows = [*trained, *held]
    inputs, readable, refused = read_all((images / f"{row.image_id}.jpg" for row in rows), EXPECTED)
    users = sorted({row.user_id for row in trained})
    number_of = {user: number for number, user in enumerate(users)}
    owners = np.array([number_of.get(row.user_id, -1) for row in rows], np.int64)[readable]
    flags = np.array([[name in row.labels for name in names] for row in rows], np.uint8)[readable]
    is_held = (np.arange(len(rows)) >= len(trained))[readable]
    if is_held.all() or not is_held.any():
        missing = "train on" if is_held.all() else "test with"
        raise UsageError(f"{images}: none of the photographs to {missing} can be read, first {refused[0]}; {EXPECTED}")
    source = f"FLAIR from {folder.name}, the first {len(trained)} photographs"
    more = {"owner_names": users, "names": names, "refused": refused}
    return split(source, inputs, flags, len(names), is_held, owners, **more)


def rows_of(value: Any) -> list[Row] | str:
    """The rows of the JSON, or why there are none."""
    if not isinstance(value, list):
        return "is no list"
    rows = []
    for number, of in enumerate(value):
        row = _row(of)
        if isinstance(row, str):
            return f"entry {number}: {row}"
        rows.append(row)
    return rows


def _row(of: Any) -> Row | str:
    if not isinstance(of, dict):
        return "is no object"
    image, user = of.get("image_id"), of.get("user_id")
    if not isinstance(image, str) or ID.match(image) is None:
        return f"image_id is {shown(image)}; expected 1 to 64 letters, digits, - or _"
    if not isinstance(user, str) or not 1 <= len(user) <= 64:
        return f"user_id is {shown(user)}; expected a text of 1 to 64 characters"
    partition, labels = of.get("partition"), of.get("labels")
    if not isinstance(partition, str) or partition not in HALVES:
        return f"partition is {shown(partition)}; expected one of {', '.join(HALVES)}"
    if not isinstance(labels, list) or not all(isinstance(label, str) and 1 <= len(label) <= 64 for label in labels):
        return f"labels are {shown(labels)}; expected a list of texts"
    return Row(image, user, HALVES[partition], tuple(labels))

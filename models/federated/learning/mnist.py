"""MNIST and whatever else comes as IDX files: a magic, sizes, and bytes, as its authors describe them."""

import struct
from math import prod
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.federated.learning.bounded import MIB, content_of, first_of
from edgewatt.models.federated.learning.data import Data
from edgewatt.profiler.errors import UsageError

# http://yann.lecun.com/exdb/mnist, "THE IDX FILE FORMAT" (remembered): two bytes of 0, the type, the dimensions.
UNSIGNED_BYTES: Final = 0x08
CLASSES: Final = 10
BYTES_LIMIT: Final = 256 * MIB
SIDE_LIMIT: Final = 256
EXPECTED: Final = "an IDX file of MNIST (train-images-idx3-ubyte and its like), gzipped or not"


def mnist(folder: Path) -> Data:
    """The four files of a folder, with names as they are published, or with a dot before `idx`. Raises UsageError."""
    pictures, labels = _half(folder, "train")
    held_pictures, held_labels = _half(folder, "t10k")
    if held_pictures.shape[1:] != pictures.shape[1:]:
        raise UsageError(
            f"{folder}: pictures to train on are {pictures.shape[2]} x {pictures.shape[1]} pixels, those held back "
            f"{held_pictures.shape[2]} x {held_pictures.shape[1]}; expected one size"
        )
    names = tuple(str(digit) for digit in range(CLASSES))
    return Data(
        f"MNIST from {folder.name}",
        pictures[:, None],
        labels,
        held_pictures[:, None],
        held_labels,
        CLASSES,
        names=names,
    )


def idx_of(content: bytes, dimensions: int) -> NDArray[np.uint8] | str:
    """The array of unsigned bytes of an IDX file with so many dimensions, or why there is none."""
    head = 4 + 4 * dimensions
    if len(content) < head:
        return f"is only {len(content)} bytes, less than its head of {head}"
    zeros, kind, count = struct.unpack(">HBB", content[:4])
    if zeros or kind != UNSIGNED_BYTES or count != dimensions:
        return f"starts with {content[:4].hex()}, not with 000008{dimensions:02x}"
    sizes = struct.unpack(f">{dimensions}I", content[4:head])
    if prod(sizes) != len(content) - head:
        return f"says {' x '.join(map(str, sizes))} bytes and holds {len(content) - head}"
    return np.frombuffer(content, np.uint8, offset=head).reshape(sizes)


def _half(folder: Path, start: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    pictures = _read(folder, f"{start}-images", 3)
    labels = _read(folder, f"{start}-labels", 1)
    rows, columns = pictures.shape[1:]
    if rows != columns or not 8 <= rows <= SIDE_LIMIT:
        raise UsageError(
            f"{folder}: {start} pictures are {columns} x {rows} pixels; expected squares of 8 to {SIDE_LIMIT}"
        )
    if len(pictures) != len(labels) or not len(labels):
        raise UsageError(
            f"{folder}: {len(pictures)} {start} pictures and {len(labels)} labels; expected as many, not 0"
        )
    if labels.max() >= CLASSES:
        raise UsageError(f"{folder}: a {start} label is {labels.max()}; expected 0 to {CLASSES - 1}")
    return pictures, labels.astype(np.int64)


def _read(folder: Path, name: str, dimensions: int) -> NDArray[np.uint8]:
    plain = (f"{name}-idx{dimensions}-ubyte", f"{name}.idx{dimensions}-ubyte")
    path = first_of(folder, (*plain, *(f"{of}.gz" for of in plain)), EXPECTED)
    found = idx_of(content_of(path, BYTES_LIMIT, EXPECTED), dimensions)
    if isinstance(found, str):
        raise UsageError(f"{path}: {found}; expected {EXPECTED}")
    return found

"""CIFAR-100 in its binary version: records of two labels and 3 x 32 x 32 bytes. Its pickles are never opened."""

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.federated.learning.bounded import MIB, content_of, first_of
from edgewatt.models.federated.learning.data import Data
from edgewatt.profiler.errors import UsageError

# https://www.cs.toronto.edu/~kriz/cifar.html, "Binary version" of CIFAR-100 (remembered): coarse label, fine label,
# then red, green and blue, each row by row.
SIDE: Final = 32
RECORD: Final = 2 + 3 * SIDE * SIDE
COARSE: Final = 20
FINE: Final = 100
BYTES_LIMIT: Final = 512 * MIB
EXPECTED: Final = "CIFAR-100's binary version (train.bin, test.bin); its Python version is of pickles, which run code"


def cifar100(folder: Path) -> Data:
    """train.bin and test.bin of a folder, or of cifar-100-binary in it; the fine labels. Raises UsageError."""
    inner = folder / "cifar-100-binary"
    within = inner if inner.is_dir() else folder
    pictures, labels = _read(within, "train.bin")
    held_pictures, held_labels = _read(within, "test.bin")
    return Data(f"CIFAR-100 from {folder.name}", pictures, labels, held_pictures, held_labels, FINE)


def records_of(content: bytes) -> tuple[NDArray[np.uint8], NDArray[np.int64]] | str:
    """Pictures [n, 3, 32, 32] and fine labels [n], or why there are none."""
    if not content or len(content) % RECORD:
        return f"its {len(content)} bytes are not a whole number of records of {RECORD}"
    records = np.frombuffer(content, np.uint8).reshape(-1, RECORD)
    coarse, fine = int(records[:, 0].max()), int(records[:, 1].max())
    if coarse >= COARSE or fine >= FINE:
        return f"labels go to {coarse} and {fine}; expected less than {COARSE} and {FINE}"
    return records[:, 2:].reshape(-1, 3, SIDE, SIDE), records[:, 1].astype(np.int64)


def _read(folder: Path, name: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    path = first_of(folder, (name, f"{name}.gz"), EXPECTED)
    found = records_of(content_of(path, BYTES_LIMIT, EXPECTED))
    if isinstance(found, str):
        raise UsageError(f"{path}: {found}; expected {EXPECTED}")
    return found

"""Photographs of a user's folder, made small and square for a network."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.isp.photos import read_pixels

SIDE: Final = 32
SAMPLES_LIMIT: Final = 100_000
# So many unreadable photographs are named and left out; with more the folder is not what it should be.
REFUSED_LIMIT: Final = 100


def small(pixels: NDArray[np.uint8], side: int = SIDE) -> NDArray[np.uint8]:
    """The middle square of a photograph [rows, columns, 3] as [3, side, side], each point the mean of its pixels."""
    edge = min(pixels.shape[:2])
    top, left = (pixels.shape[0] - edge) // 2, (pixels.shape[1] - edge) // 2
    # A photograph that is smaller than the network's input has its pixels repeated.
    at = np.linspace(0, edge, side + 1)
    low, high = np.floor(at[:-1]).astype(np.intp), np.maximum(np.ceil(at[1:]).astype(np.intp), 1)
    square = pixels[top : top + edge, left : left + edge].astype(np.uint32)
    sums = np.zeros((edge + 1, edge + 1, 3), np.uint64)
    sums[1:, 1:] = square.cumsum(0, dtype=np.uint64).cumsum(1, dtype=np.uint64)
    total = sums[high][:, high] + sums[low][:, low] - sums[low][:, high] - sums[high][:, low]
    area = ((high - low)[:, None] * (high - low)[None])[..., None]
    return np.ascontiguousarray(np.round(total / area).astype(np.uint8).transpose(2, 0, 1))


def read_all(paths: Iterable[Path], expected: str) -> tuple[NDArray[np.uint8], NDArray[np.bool_], list[str]]:
    """Photographs [n, 3, 32, 32] of those that could be read, a flag for each path, and why the others could not.

    Raises UsageError where there are more than 100 of those, or none that can be read.
    """
    found, readable, refused = [], [], []
    for path in paths:
        try:
            found.append(small(read_pixels(path)))
            readable.append(True)
        except UsageError as error:
            if "pip install" in str(error):
                raise
            refused.append(str(error))
            readable.append(False)
        if len(refused) > REFUSED_LIMIT:
            raise UsageError(f"more than {REFUSED_LIMIT} photographs cannot be read, last {refused[-1]}")
    if not found:
        first = f", first {refused[0]}" if refused else ""
        raise UsageError(f"none of {len(readable)} photographs can be read{first}; expected {expected}")
    return np.stack(found), np.array(readable, bool), refused

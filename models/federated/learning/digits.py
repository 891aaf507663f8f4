"""Handwritten digits, 8 x 8 pixels, that come with scikit-learn: the workload that needs no download."""

import numpy as np

from edgewatt.models.federated.learning.data import Data, split
from edgewatt.profiler.errors import UsageError

# Alpaydin and Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998 (the test half of it).
SOURCE = "scikit-learn's copy of UCI's handwritten digits, 1,797 of 8 x 8"


def digits(channels: int = 1, scale: int = 1) -> Data:
    """Every fifth digit is held back. `scale`: each pixel is repeated so often on each side; channels are alike.

    Raises UsageError without scikit-learn.
    """
    try:
        from sklearn.datasets import load_digits  # noqa: PLC0415  (an extra)
    except ImportError:
        raise UsageError("the digits come with scikit-learn: pip install 'edgewatt[federated]'") from None
    found = load_digits()
    pictures = (found.images / 16.0).astype(np.float32)
    large = pictures.repeat(scale, axis=1).repeat(scale, axis=2)[:, None].repeat(channels, axis=1)
    names = tuple(str(digit) for digit in range(10))
    return split(SOURCE, np.ascontiguousarray(large), found.target.astype(np.int64), 10, names=names)

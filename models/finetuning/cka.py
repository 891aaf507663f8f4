"""How alike two sets of features of the same examples are: linear CKA with the unbiased estimator of HSIC."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.errors import UsageError

Floats = NDArray[np.float64]
# The estimator divides by n (n - 3).
LEAST_N = 4


def cka(x: NDArray[Any], y: NDArray[Any]) -> float:
    """Linear CKA of x (n, d) and y (n, e), row i of both being example i: 1 for the same up to rotation and scale.

    About 0 for features that are independent, at any n (a biased estimator gives 0.96 at n = 32 and d = 768), and so
    below 0 now and then. 1 where neither varies over the examples, 0 where one of them does not.

    Kornblith et al. 2019 with HSIC_1 of Song et al. 2012, as Nguyen, Raghu & Kornblith 2021 have it (remembered).
    Raises UsageError for fewer than 4 examples, other shapes, or features that are not finite.
    """
    for of in (x, y):
        if of.ndim != 2 or len(of) < LEAST_N or len(x) != len(y):
            raise UsageError(
                f"CKA of features of shapes {x.shape} and {y.shape}: expected (n, d) and (n, e) of the same n "
                f"examples, {LEAST_N} at least"
            )
        if not np.isfinite(of).all():
            raise UsageError("CKA: the features are not all finite; the training has diverged: lower its learning rate")
    of_x, of_y = _gram(x), _gram(y)
    own_x, own_y = _hsic(of_x, of_x), _hsic(of_y, of_y)
    is_still_x, is_still_y = own_x <= _rounding(x), own_y <= _rounding(y)
    if is_still_x or is_still_y:
        return 1.0 if is_still_x and is_still_y else 0.0
    return float(_hsic(of_x, of_y) / np.sqrt(own_x * own_y))


def _gram(x: NDArray[Any]) -> Floats:
    """Inner products of centred examples, (n, n), the diagonal left out.

    The estimator is blind to a shift of the features; centring only keeps digits.
    """
    centred = x.astype(np.float64) - x.mean(axis=0, dtype=np.float64)
    products: Floats = centred @ centred.T
    np.fill_diagonal(products, 0.0)
    return products


def _rounding(x: NDArray[Any]) -> float:
    """Above what rounding leaves of HSIC where all examples have the same features (each within 100 units)."""
    largest = float(np.max(np.sum(np.square(x, dtype=np.float64), axis=1)))
    return float(((100 * np.finfo(np.float64).eps) ** 2 * largest) ** 2)


def _hsic(one: Floats, other: Floats) -> float:
    """HSIC_1 of two kernels without their diagonals."""
    n = len(one)
    of_all = one.sum() * other.sum() / ((n - 1) * (n - 2))
    of_rows = 2.0 * (one.sum(axis=0) @ other.sum(axis=0)) / (n - 2)
    return float((np.sum(one * other) + of_all - of_rows) / (n * (n - 3)))

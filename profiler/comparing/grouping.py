"""Rows that belong together, and one number for each such group. Null is a value of its own here."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


def group_ids(table: pa.Table, columns: Sequence[str]) -> NDArray[np.int64]:
    """The group of each row, int64 of shape [rows] from 0 on without holes: rows equal in `columns` share one."""
    ids = np.zeros(table.num_rows, np.int64)
    for name in columns:
        codes = table[name].combine_chunks().dictionary_encode(null_encoding="encode").indices.to_numpy()
        if codes.any():  # else the column is the same in every row
            _, ids = np.unique(ids * (int(codes.max()) + 1) + codes, return_inverse=True)
    return ids


def first_rows(ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first row of each group, int64 of shape [groups]."""
    _, first = np.unique(ids, return_index=True)
    return first.astype(np.int64, copy=False)


def group_medians(values: NDArray[np.float64], ids: NDArray[np.int64], groups: int) -> NDArray[np.float64]:
    """The median of each group, of shape [groups]; NaN for a group without values or with a NaN."""
    ordered = values[np.lexsort((values, ids))]
    counts = np.bincount(ids, minlength=groups)
    full = counts > 0
    start = np.cumsum(counts) - counts
    medians = np.full(groups, np.nan)
    lower, upper, last = (start + offset for offset in ((counts - 1) // 2, counts // 2, counts - 1))
    medians[full] = (ordered[lower[full]] + ordered[upper[full]]) / 2
    medians[full] = np.where(np.isnan(ordered[last[full]]), np.nan, medians[full])  # NaN is sorted to the end
    return medians


def group_means(values: NDArray[np.float64], ids: NDArray[np.int64], groups: int) -> NDArray[np.float64]:
    """The mean of each group, of shape [groups]; NaN for a group without values."""
    counts = np.bincount(ids, minlength=groups)
    sums = np.bincount(ids, weights=values, minlength=groups)
    means: NDArray[np.float64] = np.divide(sums, counts, out=np.full(groups, np.nan), where=counts > 0)
    return means


def group_maxima(values: NDArray[np.float64], ids: NDArray[np.int64], groups: int) -> NDArray[np.float64]:
    """The maximum of each group, of shape [groups]; NaN for a group without values."""
    maxima = np.full(groups, -np.inf)
    np.maximum.at(maxima, ids, values)
    return np.where(np.bincount(ids, minlength=groups) > 0, maxima, np.nan)

"""Tables that people bring from elsewhere: a row per repeat, or per iteration of a repeat."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from edgewatt.profiler.comparing.columns import TableFile, listed
from edgewatt.profiler.comparing.grouping import first_rows, group_ids, group_maxima, group_means, group_medians
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.checked import shown
from edgewatt.profiler.tables import REPEATS

# Short names that people use, and the columns they are read as.
ALIASES: Final[Mapping[str, str]] = {"energy_j": "energy_gross_j", "target": "target_asked"}
QUANTITIES: Final = ("latency_s", "energy_gross_j", "memory_peak_b")
ITERATION: Final = "iteration"

# How the iterations of a repeat become its one number: the median latency; the mean energy, because joules add up and
# a repeat's joules per iteration are its whole over their number; the highest peak.
_REDUCED_BY: Final[Mapping[str, Callable[[NDArray[np.float64], NDArray[np.int64], int], NDArray[np.float64]]]] = {
    "latency_s": group_medians,
    "energy_gross_j": group_means,
    "memory_peak_b": group_maxima,
}
# The other columns of REPEATS vary from iteration to iteration, if anybody has them at all.
_OF_REPEATS: Final = (
    *REPEATS.names[: REPEATS.names.index("repeat") + 1],
    *("latency_stat", "energy_source", "energy_boundary", "idle_state", "conditions_sha256", "quality"),
)

_FOREIGN_UNIT: Final = re.compile(
    r"(latency|time|duration|energy|memory(?:_peak)?)_(.*_)?(ns|us|ms|nj|uj|mj|wh|mwh|kb|kib|mb|mib|gb|gib)$",
    re.IGNORECASE,
)
_COLUMN_OF: Final = {"latency": "latency_s", "time": "latency_s", "duration": "latency_s", "energy": "energy_j"}
_FACTOR_OF: Final = {
    "ns": "divide by 1e9", "us": "divide by 1e6", "ms": "divide by 1e3",
    "nj": "divide by 1e9", "uj": "divide by 1e6", "mj": "divide by 1e3",
    "wh": "multiply by 3600", "mwh": "multiply by 3.6",
    "kb": "multiply by 1000", "mb": "multiply by 1e6", "gb": "multiply by 1e9",
    "kib": "multiply by 1024", "mib": "multiply by 1024**2", "gib": "multiply by 1024**3",
}  # fmt: skip


def plain_table(file: TableFile, keep: Collection[str]) -> tuple[pa.Table, list[str]]:
    """The file as repeats with every column of REPEATS (null where it has none) and `keep` as text; and notices.

    Raises UsageError if it has no rows, no `repeat`, no quantity, a value of the wrong type, or an iteration twice.
    """
    read = {*REPEATS.names, *ALIASES, ITERATION, *keep}
    columns = {ALIASES.get(name, name): name for name in file.columns if name in read}
    _require_columns(file, columns)
    known = {name: file.column(stored, _type_of(name)) for name, stored in columns.items()}
    table = pa.table(known)
    if table["repeat"].null_count:
        raise UsageError(
            f"{file.path}: {table['repeat'].null_count} rows have no repeat; number the independent repeats"
        )
    notices = _unused(file, columns)
    if ITERATION in known:
        table = _reduced(file, table, keep)
        notices.append(
            f"{file.path}: {file.rows} iterations became {table.num_rows} repeats "
            "(median latency, mean energy, highest memory)"
        )
    return completed(table), notices


def completed(table: pa.Table) -> pa.Table:
    """`table` with all columns of REPEATS in their order, and its other columns after them.

    A column that it had not is of Arrow's null type, which takes no memory.
    """
    columns = {name: table[name] if name in table.column_names else pa.nulls(table.num_rows) for name in REPEATS.names}
    others = {name: table[name] for name in table.column_names if name not in columns}
    return pa.table({**columns, **others})


def _require_columns(file: TableFile, columns: Mapping[str, str]) -> None:
    seen = f"seen are {listed(file.names)}" if file.names else "it has no columns"
    for alias, name in ALIASES.items():
        if alias in file.columns and name in file.columns:
            raise UsageError(f"{file.path}: has both {alias} and {name}, which are read as the same; keep one")
    if not set(columns) & set(QUANTITIES):
        hints = "".join(f"; {hint}" for hint in _unit_hints(file.names))
        raise UsageError(
            f"{file.path}: no known column to compare: {seen}; known are latency_s, energy_j (or energy_gross_j) and "
            f"memory_peak_b, beside repeat, iteration, session and what was measured (model, device, ...){hints}"
        )
    if "repeat" not in columns:
        raise UsageError(
            f"{file.path}: no column repeat: {seen}. Number the independent repeats (fresh processes) with it; a "
            "row per inference needs iteration too, as iterations of one process are no independent measurements"
        )
    if not file.rows:
        raise UsageError(f"{file.path}: has a header and no rows")


def _type_of(name: str) -> pa.DataType:
    if name == ITERATION:
        return pa.int64()
    # What a person counts in bytes may come with decimals from another program.
    if name == "memory_peak_b":
        return pa.float64()
    return REPEATS.field(name).type if name in REPEATS.names else pa.string()


def _unused(file: TableFile, columns: Mapping[str, str]) -> list[str]:
    unused = [name for name in file.names if name not in columns.values() and _is_named(name)]
    if not unused:
        return []
    return [
        f"{file.path}: columns not used: {listed(unused)}",
        *(f"{file.path}: {hint}" for hint in _unit_hints(unused)),
    ]


def _is_named(name: str) -> bool:
    """False for the nameless column, or Parquet's `__index_level_0__`, in which pandas keeps its row numbers."""
    return bool(name) and not name.startswith("__index_level_")


def _unit_hints(names: Sequence[str]) -> list[str]:
    """How to turn columns in other units into ours; never done here, because a guess of a unit is a wrong number."""
    found = ((name, match) for name in names if (match := _FOREIGN_UNIT.fullmatch(name)) is not None)
    return [
        f"{shown(name)} is not read: rename it to {_COLUMN_OF.get(match[1].lower(), 'memory_peak_b')} "
        f"and {_FACTOR_OF[match[3].lower()]}"
        for name, match in found
    ]


def _reduced(file: TableFile, table: pa.Table, keep: Collection[str]) -> pa.Table:
    keys = [name for name in table.column_names if name in {*_OF_REPEATS, *keep}]
    ids = group_ids(table, keys)
    once = len(first_rows(group_ids(table, [*keys, ITERATION])))
    if once != table.num_rows:
        raise UsageError(
            f"{file.path}: {table.num_rows - once} rows repeat an iteration of the same repeat. If they belong to "
            f"different configurations, say with --match which column tells them apart; seen are {listed(file.names)}"
        )
    first = first_rows(ids)
    reduced = table.select(keys).take(first)
    if "latency_stat" not in keys:
        reduced = reduced.append_column("latency_stat", pa.array(["median"] * len(first)))
    for name in (name for name in QUANTITIES if name in table.column_names):
        reduced = reduced.append_column(name, _reduce(table[name], ids, len(first), name))
    return reduced


def _reduce(column: pa.ChunkedArray, ids: NDArray[np.int64], groups: int, name: str) -> pa.Array:
    """One number per group; null only where all of its iterations are."""
    present = ~column.combine_chunks().is_null().to_numpy(zero_copy_only=False)
    values = column.drop_null().to_numpy().astype(np.float64)
    reduced = _REDUCED_BY[name](values, ids[present], groups)
    empty = np.bincount(ids[present], minlength=groups) == 0
    return pa.array(reduced, pa.float64(), mask=empty)

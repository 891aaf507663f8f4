"""One side of a comparison: its repeats by configuration, and the numbers of one quantity among them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from edgewatt.profiler.comparing.grouping import first_rows, group_ids
from edgewatt.profiler.comparing.ratio import Sample
from edgewatt.profiler.comparing.tables import Repeats
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.quality.table import REASONS, code_of, in_words
from edgewatt.profiler.storage.checked import shown

Key = tuple[Any, ...]

# What makes two rows of one configuration different repeats; those of two runs of one sitting differ in t0_ns.
_REPEAT: Final = ("session", "repeat", "t0_ns")
_SOURCE: Final = "energy_source"
ENERGY: Final = "energy_gross_j"
VOID: Final = "void"


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """A column as codes of shape [rows] into its distinct `values`, in order of appearance; null is a value, None."""

    codes: NDArray[np.int64]
    values: Sequence[Any]

    def among(self, rows: NDArray[np.int64], value: Any) -> NDArray[np.int64]:
        """Those of the rows that hold `value`."""
        found: NDArray[np.int64] = rows[
            np.asarray([known == value for known in self.values], np.bool_)[self.codes[rows]]
        ]
        return found

    def distinct(self, rows: NDArray[np.int64]) -> list[Any]:
        """What the column says in these rows, each value once."""
        return [self.values[code] for code in np.unique(self.codes[rows])]


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """Repeats grouped by the columns they are matched on. `rows` are in order of appearance, void repeats included.

    `once` is true of one row per repeat, of one that is not void if there is any: a table has a row per energy source,
    and latency and memory in each of them.
    """

    repeats: Repeats
    columns: tuple[str, ...]
    rows: Mapping[Key, NDArray[np.int64]]
    coded: Mapping[str, Coded]
    once: NDArray[np.bool_]

    def measured(self, key: Key, quantity: str, source: str | None = None) -> NDArray[np.int64]:
        """The rows that speak for a quantity of a configuration, energy from `source` alone; void ones do not."""
        rows = self.rows[key]
        rows = np.setdiff1d(rows, self.coded["quality"].among(rows, VOID), assume_unique=True)
        return self.coded[_SOURCE].among(rows, source) if quantity == ENERGY else rows[self.once[rows]]

    def sources(self, key: Key) -> list[str | None]:
        """The energy sources of a configuration; None stands for a row that names none."""
        return self.coded[_SOURCE].distinct(self.rows[key])


@dataclass(frozen=True, slots=True)
class NoSample:
    """Why a side has no number to compare, said of "the old side" or "the new side"."""

    status: Literal["not_measured", "void", "invalid"]
    reason: str


def side_of(repeats: Repeats, columns: Sequence[str], watched: Sequence[str]) -> Side:
    """`repeats` grouped by `columns`, with the `watched` columns coded.

    Raises UsageError if a repeat of a configuration stands there twice, or with two latencies or memory peaks.
    """
    table = repeats.table
    _refuse_duplicates(repeats, columns)
    coded = {name: _coded(table[name]) for name in {*watched, "quality", "session", _SOURCE}}
    once = _once(repeats, columns, coded["quality"])
    ids = group_ids(table, columns)
    heads = table.select(list(columns)).take(first_rows(ids)).to_pydict()
    keys: list[Key] = list(zip(*heads.values(), strict=True)) if columns else [()]
    rows = np.split(np.argsort(ids, kind="stable"), np.cumsum(np.bincount(ids))[:-1])
    return Side(repeats, tuple(columns), dict(zip(keys, rows, strict=True)), coded, once)


def sample_of(side: Side, key: Key, quantity: str, source: str | None, which: str) -> Sample | NoSample:
    """The repeats' values of a quantity of a configuration, energy from `source` alone; or why there are none."""
    rows = side.measured(key, quantity, source)
    if not len(rows):
        return NoSample("void", f"every repeat on the {which} side is void{reasons_of(side, side.rows[key])}")
    column = side.repeats.table[quantity].take(pa.array(rows))
    values = column.cast(pa.float64()).drop_null().to_numpy()
    if not len(values):
        return NoSample("not_measured", f"not measured on the {which} side{reasons_of(side, rows)}")
    if wrong := _wrong(values):
        return NoSample("invalid", f"{wrong} on the {which} side")
    present = rows[~column.is_null().to_numpy()]
    session = side.coded["session"]
    return Sample(values, [session.values[code] for code in session.codes[present]])


def has_energy(side: Side, key: Key, source: str | None) -> bool:
    """True if any row of the configuration and source has joules, whatever their value."""
    rows = pa.array(side.measured(key, ENERGY, source))
    return bool(side.repeats.table[ENERGY].take(rows).null_count < len(rows))


def reasons_of(side: Side, rows: NDArray[np.int64]) -> str:
    """The first three reasons that the rows give, in words and in brackets; "" if they give none."""
    table = side.repeats.table
    lists = table["quality_reasons"].take(pa.array(rows)).to_pylist()
    reasons = list(dict.fromkeys(reason for reasons in lists if reasons for reason in reasons if reason))
    told = [
        in_words(reason, advice=False).removesuffix(".") if code_of(reason) in REASONS else reason
        for reason in reasons[:3]
    ]
    return f" ({'; '.join(told)})" if reasons else ""


def _wrong(values: NDArray[np.float64]) -> str:
    """What is no measurement among the values; "" if all are positive and finite."""
    kinds = {
        "not a number": np.isnan(values),
        "infinite": np.isinf(values),
        "zero": values == 0,
        "negative": values < 0,
    }
    counts = {kind: int(is_kind.sum()) for kind, is_kind in kinds.items()}
    found = [f"{n} of {len(values)} values {'is' if n == 1 else 'are'} {kind}" for kind, n in counts.items() if n]
    return ", ".join(found)


def _coded(column: pa.ChunkedArray) -> Coded:
    encoded = column.combine_chunks().dictionary_encode(null_encoding="encode")
    return Coded(encoded.indices.to_numpy().astype(np.int64), encoded.dictionary.to_pylist())


def _refuse_duplicates(repeats: Repeats, columns: Sequence[str]) -> None:
    ids = group_ids(repeats.table, [*columns, _SOURCE, *_REPEAT])
    counts = np.bincount(ids)
    if not (counts > 1).any():
        return
    row = repeats.table.slice(int(first_rows(ids)[counts.argmax()]), 1).to_pylist()[0]
    of = ", ".join(f"{name} {shown(row[name])}" for name in (*columns, "session", "repeat") if row[name] is not None)
    raise UsageError(
        f"{repeats.name}: {counts.max()} rows for {of}. If they are different configurations, name the columns that "
        "tell them apart with --match; if they are different sessions, give each a name in a column session"
    )


def _once(repeats: Repeats, columns: Sequence[str], quality: Coded) -> NDArray[np.bool_]:
    repeat_ids = group_ids(repeats.table, [*columns, *_REPEAT])
    every = np.arange(len(repeat_ids))
    void = np.isin(every, quality.among(every, VOID), assume_unique=True)
    good_first = np.lexsort((void, repeat_ids))
    first: NDArray[np.int64] = good_first[first_rows(repeat_ids[good_first])]
    for name in ("latency_s", "memory_peak_b"):
        _refuse_two_values(repeats, name, first[repeat_ids])
    once = np.zeros(len(repeat_ids), np.bool_)
    once[first] = True
    return once


def _refuse_two_values(repeats: Repeats, name: str, first: NDArray[np.int64]) -> None:
    column = repeats.table[name]
    codes = column.combine_chunks().dictionary_encode(null_encoding="encode").indices.to_numpy()
    conflicts = np.flatnonzero(codes != codes[first])
    if len(conflicts):
        row = int(conflicts[0])
        values = column[int(first[row])].as_py(), column[row].as_py()
        raise UsageError(
            f"{repeats.name}: two values of {name} for one repeat, {values[0]} and {values[1]}; its "
            "rows of different energy sources must agree"
        )

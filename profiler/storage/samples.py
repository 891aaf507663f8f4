"""Samples of a stream: as a collector gives them, as Arrow stores them, and back."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from edgewatt.profiler.batch import COUNTER_ABSENT, Batch
from edgewatt.profiler.channel import Channel
from edgewatt.profiler.errors import EdgewattError
from edgewatt.profiler.storage.manifest import plain

TIME: Final = "t_ns"
CLOCK_KEY: Final = b"clock"
CHANNEL_KEY: Final = b"channel"
STORED_TYPES: Final = {"gauge": pa.float32(), "counter": pa.int64()}


def stream_schema(channels: Sequence[Channel], clock: str) -> pa.Schema:
    """The Arrow schema of a stream: `t_ns`, which names its clock, and a column per channel, which describes it."""
    time = pa.field(TIME, pa.int64(), nullable=False, metadata={CLOCK_KEY: clock.encode()})
    return pa.schema([time, *(_field(channel) for channel in channels)])


def _field(channel: Channel) -> pa.Field:
    described = json.dumps(plain(channel.to_json(), channel.column), sort_keys=True)
    return pa.field(channel.column, STORED_TYPES[channel.kind], metadata={CHANNEL_KEY: described.encode()})


def record_batch(batches: Sequence[Batch], schema: pa.Schema) -> pa.RecordBatch:
    """Several batches of one stream as one Arrow record batch."""
    arrays = [pa.array(np.concatenate([batch.t_ns for batch in batches]))]
    for field in list(schema)[1:]:
        values = np.concatenate([batch.columns[field.name] for batch in batches])
        arrays.append(_gauge(values) if field.type == pa.float32() else _counter(values))
    return pa.record_batch(arrays, schema=schema)


def _gauge(values: NDArray[Any]) -> pa.Array:
    with np.errstate(over="ignore"):  # what float32 cannot hold is stored as infinite, which nobody takes for a reading
        return pa.array(values.astype(np.float32, copy=False), from_pandas=True)


def _counter(values: NDArray[Any]) -> pa.Array:
    counts = values.astype(np.int64, copy=False)
    absent = counts == COUNTER_ABSENT
    return pa.array(counts, mask=absent if absent.any() else None)


def stored_values(column: pa.Array, channel: Channel) -> NDArray[Any]:
    """A stored column: a gauge as float32 or float64 with NaN for null, a counter as int64 with COUNTER_ABSENT."""
    if channel.kind == "counter":
        column = column.fill_null(COUNTER_ABSENT)
    values: NDArray[Any] = column.to_numpy(zero_copy_only=False)
    return values


@dataclass(frozen=True, slots=True)
class StreamShape:
    """What every batch of a stream has to look like."""

    collector: str
    columns: frozenset[str]
    counters: frozenset[str]

    @classmethod
    def of(cls, collector: str, channels: Sequence[Channel]) -> "StreamShape":
        """The shape that the channels of a stream prescribe."""
        counters = frozenset(channel.column for channel in channels if channel.kind == "counter")
        return cls(collector, frozenset(channel.column for channel in channels), counters)

    def check(self, batch: Batch) -> None:
        """Raise EdgewattError if a column is unknown, missing, of another length, or if a counter is no integer."""
        if batch.t_ns.dtype != np.int64 or batch.t_ns.ndim != 1:
            raise self._misfit(f"t_ns is {_described(batch.t_ns)}, expected int64 of shape [n]")
        if batch.columns.keys() != self.columns:
            raise self._misfit(
                f"its columns are {_listed(batch.columns)}, opened were {_listed(self.columns)}; NaN or COUNTER_ABSENT "
                "stands for what was not measured"
            )
        for name, values in batch.columns.items():
            if values.shape != batch.t_ns.shape:
                raise self._misfit(f"{name} is {_described(values)}, but t_ns is {_described(batch.t_ns)}")
            if name in self.counters and not np.can_cast(values.dtype, np.int64):
                raise self._misfit(f"counter {name} is {_described(values)}, expected int64")

    def _misfit(self, what: str) -> EdgewattError:
        return EdgewattError(f"collector {self.collector} gave a batch that its channels do not describe: {what}")


def _listed(names: Iterable[str] | Mapping[str, Any]) -> str:
    return ", ".join(sorted(names)) or "none"


def _described(values: NDArray[Any]) -> str:
    return f"{values.dtype} of shape {list(values.shape)}"

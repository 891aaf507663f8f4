"""What a run has received and not yet written: samples of a stream, rows of a table. Written as Arrow IPC streams."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from edgewatt.profiler.batch import Batch, Gap
from edgewatt.profiler.channel import Channel
from edgewatt.profiler.storage.durable import AppendFile, sync_folder
from edgewatt.profiler.storage.samples import StreamShape, record_batch, stream_schema
from edgewatt.profiler.tables import SCHEMA_KEY, SCHEMA_VERSION

WENT_BACK: Final = "clock went back"


class ArrowFile:
    """An Arrow IPC stream on disk that always ends with a whole record batch, whatever a write came to."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.schema = schema
        self._file = AppendFile(path)
        try:
            marked = schema.with_metadata({**(schema.metadata or {}), SCHEMA_KEY: str(SCHEMA_VERSION)})
            self._file.append(memoryview(marked.serialize()))
            sync_folder(path.parent)
        except OSError:
            self._file.close()
            path.unlink()
            raise

    def append(self, batch: pa.RecordBatch) -> None:
        """Write one record batch. Raises OSError, with the file as it was before."""
        self._file.append(memoryview(batch.serialize()))

    def sync(self) -> None:
        """Return when everything appended is on the disk. Raises OSError."""
        self._file.sync()

    def close(self) -> None:
        """Give the file back; idempotent."""
        self._file.close()


class StreamBuffer:
    """One stream. Its stamps never go back: a sample whose stamp does is left out, and becomes part of a Gap.

    `name` is the whole name of the stream, `path` its file, `rows` the number of samples not yet written.
    """

    def __init__(self, path: Path, collector: str, channels: Sequence[Channel], clock: str) -> None:
        self.name, self.path, self.rows = path.stem, path, 0
        self._file = ArrowFile(path, stream_schema(channels, clock))
        self._shape = StreamShape.of(collector, channels)
        self._batches: list[Batch] = []
        self._last_ns = int(np.iinfo(np.int64).min)
        self._back_from_ns: int | None = None
        self._lost = 0

    def add(self, batch: Batch) -> list[Gap]:
        """Take a batch; returns the gaps that ended in it because the clock goes on where it was.

        Raises EdgewattError for a batch that the stream's channels do not describe.
        """
        self._shape.check(batch)
        gaps: list[Gap] = []
        if not self._goes_forward(batch):
            batch, gaps = self._only_forward(batch)
        if len(batch):
            self._batches.append(batch)
            self._last_ns = int(batch.t_ns[-1])
            self.rows += len(batch)
        return gaps

    def unfinished(self) -> list[Gap]:
        """The samples left out since the last call because the clock is still behind: at most one gap, of no length."""
        if self._back_from_ns is None or not self._lost:
            return []
        lost, self._lost = self._lost, 0
        return [Gap(self._back_from_ns, self._back_from_ns, WENT_BACK, lost, self.name)]

    def write(self) -> None:
        """Append what is buffered to the file. Raises OSError, with nothing written and the buffer kept."""
        if self._batches:
            self._file.append(record_batch(self._batches, self._file.schema))
            self._batches, self.rows = [], 0

    def sync(self) -> None:
        """Return when everything written is on the disk. Raises OSError."""
        self._file.sync()

    def close(self) -> None:
        """Give the file back; idempotent."""
        self._file.close()

    def _goes_forward(self, batch: Batch) -> bool:
        t_ns = batch.t_ns
        if self._back_from_ns is not None or (len(t_ns) and t_ns[0] < self._last_ns):
            return False
        return len(t_ns) < 2 or not bool((t_ns[1:] < t_ns[:-1]).any())

    def _only_forward(self, batch: Batch) -> tuple[Batch, list[Gap]]:
        t_ns = batch.t_ns
        latest_ns = np.maximum.accumulate(np.concatenate([[self._last_ns], t_ns]))[:-1]
        forward = t_ns >= latest_ns
        gaps: list[Gap] = []
        starts = [0, *(np.flatnonzero(forward[1:] != forward[:-1]) + 1).tolist()]
        for start, end in zip(starts, [*starts[1:], len(t_ns)], strict=True):
            if not forward[start]:
                self._back_from_ns = int(latest_ns[start]) if self._back_from_ns is None else self._back_from_ns
                self._lost += end - start
            elif self._back_from_ns is not None:
                gaps.append(Gap(self._back_from_ns, int(t_ns[start]), WENT_BACK, self._lost, self.name))
                self._back_from_ns, self._lost = None, 0
        kept = {name: values[forward] for name, values in batch.columns.items()}
        return Batch(t_ns[forward], kept, batch.stream), gaps


class TableBuffer:
    """Rows of one table, in the order of its schema's columns. The file is made with the first row, or `always`."""

    def __init__(self, path: Path, schema: pa.Schema, *, always: bool) -> None:
        self.path = path
        self._always = always
        self._schema = schema
        self._file: ArrowFile | None = None
        self._rows: list[tuple[Any, ...]] = []

    def add(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Take rows."""
        self._rows.extend(rows)

    def write(self) -> None:
        """Append what is buffered to the file. Raises OSError, with nothing written and the buffer kept."""
        if self._file is None and (self._rows or self._always):
            self._file = ArrowFile(self.path, self._schema)
        if self._file is None or not self._rows:
            return
        columns = zip(*self._rows, strict=True)
        arrays = [pa.array(column, field.type) for column, field in zip(columns, self._schema, strict=True)]
        self._file.append(pa.record_batch(arrays, schema=self._schema))
        self._rows = []

    def sync(self) -> None:
        """Return when everything written is on the disk. Raises OSError."""
        if self._file is not None:
            self._file.sync()

    def close(self) -> None:
        """Give the file back; idempotent."""
        if self._file is not None:
            self._file.close()

"""A run opened for reading, in whatever state it is: lazy, and never the whole of it in memory."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from edgewatt.profiler.batch import Gap
from edgewatt.profiler.channel import Channel, EnergySource
from edgewatt.profiler.clock import HOST_CLOCK
from edgewatt.profiler.clockfit import IDENTITY, ClockFit
from edgewatt.profiler.errors import NotMeasuredError, UsageError
from edgewatt.profiler.identity import sha256_of_file
from edgewatt.profiler.storage.integrity import refuse_mixed
from edgewatt.profiler.storage.manifest import FILE_NAME, Manifest, is_edited, read_manifest
from edgewatt.profiler.storage.packing.opening import folder_of
from edgewatt.profiler.storage.run_tables import attributes_of, open_tables, read_rows
from edgewatt.profiler.storage.series import Chunk, Series, StoredStream, in_si
from edgewatt.profiler.storage.stored_streams import open_streams
from edgewatt.profiler.storage.streams import StoredTable
from edgewatt.profiler.window import Window

__all__ = ["Chunk", "Series", "StoredChannel", "Trace"]


@dataclass(frozen=True, slots=True)
class StoredChannel:
    """A channel of a run, the stream that holds it, and the clock that stamped it."""

    stream: str
    channel: Channel
    clock: str


@dataclass(frozen=True, slots=True)
class Trace:
    """A run as it lies on the disk.

    `notices` are what a reader should know, each naming the file: cut, missing, unknown, or edited since it was
    recorded (by size; `verify` compares every byte).
    """

    path: Path
    manifest: Manifest
    notices: Sequence[str]
    stored_streams: Mapping[str, StoredStream]
    stored_tables: Mapping[str, StoredTable]

    @classmethod
    def open(cls, path: str | Path) -> "Trace":
        """The run in the folder `path`: closed, still being recorded, or left by a crash; or packed, in the zip `path`.

        Raises UsageError if it is no run, of a newer schema, put together from runs of several, or damaged beyond what
        a crash leaves.
        """
        path = folder_of(path)
        manifest = read_manifest(path / FILE_NAME)
        try:
            streams, of_streams = open_streams(path, manifest)
            tables, of_tables = open_tables(path)
        except OSError as error:
            raise UsageError(f"{error.filename or path} cannot be read: {error.strerror or error}") from error
        stored = [stream.table for stream in streams.values() if stream.table is not None]
        refuse_mixed(manifest, [*stored, *tables.values()])
        return cls(path, manifest, [*_state(path, manifest), *of_streams, *of_tables], streams, tables)

    @property
    def streams(self) -> list[str]:
        """The names of the streams."""
        return list(self.stored_streams)

    @property
    def columns(self) -> dict[str, StoredChannel]:
        """Every column of every stream with its channel."""
        return {
            column: StoredChannel(name, channel, stream.clock)
            for name, stream in self.stored_streams.items()
            for column, channel in stream.channels.items()
        }

    @property
    def sources(self) -> list[EnergySource]:
        """The joules that can be formed from the columns of this run."""
        columns = self.columns
        sources = [EnergySource.from_json(source) for source in self.manifest.sources]
        return [source for source in sources if all(c in columns for term in source.terms for c in term)]

    def clock_fit(self, clock: str) -> ClockFit:
        """How stamps of `clock` are mapped to the host's. Raises NotMeasuredError if the run never compared the two."""
        if clock in self.manifest.clocks:
            return ClockFit.from_json(self.manifest.clocks[clock])
        if clock == HOST_CLOCK:
            return IDENTITY
        known = ", ".join(self.manifest.clocks) or "none"
        raise NotMeasuredError(f"{self.path}: clock {clock} was never compared with the host's; known are {known}")

    def windows(self, prefix: str = "", config_id: str | None = None) -> list[Window]:
        """The windows whose name begins with `prefix`, of one configuration or of all, as they were recorded."""
        table = read_rows(self.stored_tables, "windows")
        table = table.filter(pc.starts_with(table["name"], prefix))
        if config_id is not None:
            table = table.filter(pc.equal(table["config_id"], config_id))
        return [
            Window(**{**row, "attributes": attributes_of(self.path / "windows", row["name"], row["attributes"])})
            for row in table.to_pylist()
        ]

    def gaps(self, stream: str | None = None) -> list[Gap]:
        """The gaps of one stream or of all, on the clock of their stream."""
        rows = read_rows(self.stored_tables, "gaps").to_pylist()
        return [Gap(**row) for row in rows if stream is None or row["stream"] == stream]

    def series(self, column: str) -> Series:
        """One column, on the host's clock. Raises NotMeasuredError if the run has no such column."""
        stored = self.columns.get(column)
        if stored is None:
            raise NotMeasuredError(f"{self.path} has no {column}; it has {', '.join(self.columns) or 'no columns'}")
        return Series(stored.channel, self.stored_streams[stored.stream], self.clock_fit(stored.clock))

    def together(self, columns: Sequence[str]) -> dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]]:
        """What `series(column).to_numpy()` gives of each of these, with every stream read once."""
        found: dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]] = {}
        for stream in dict.fromkeys(self.columns[column].stream for column in columns):
            stored = self.stored_streams[stream]
            mine = {column: stored.channels[column] for column in columns if column in stored.channels}
            parts = list(stored.chunks(mine, self.clock_fit(stored.clock)))
            t_ns = np.concatenate([part.t_ns for part in parts]) if parts else np.empty(0, np.int64)
            for column, channel in mine.items():
                values = [in_si(part.columns[column], channel) for part in parts]
                found[column] = t_ns, np.concatenate(values) if values else np.empty(0, np.float64)
        return found

    def rows(self, stream: str) -> int:
        """How many samples a stream holds. Raises UsageError if the run has no such stream."""
        return self._stream(stream).rows

    def chunks(self, stream: str, columns: Sequence[str] | None = None, *, host_clock: bool = True) -> Iterator[Chunk]:
        """The samples of a stream, a row group at a time, on the host's clock or else as they were stamped.

        Raises UsageError for a stream or column that the run does not have, or for a damaged file.
        """
        stored = self._stream(stream)
        wanted = list(stored.channels) if columns is None else columns
        for column in wanted:
            if column not in stored.channels:
                raise UsageError(f"{self.path}: stream {stream} has no {column}; it has {', '.join(stored.channels)}")
        fit = self.clock_fit(stored.clock) if host_clock else None
        return stored.chunks({column: stored.channels[column] for column in wanted}, fit)

    def iterations(self, config_id: str | None = None, repeat: int | None = None) -> pa.Table:
        """The iterations, on the host's clock, of one configuration and repeat or of all: the columns of ITERATIONS."""
        table = read_rows(self.stored_tables, "iterations")
        if config_id is not None:
            table = table.filter(pc.equal(table["config_id"], config_id))
        return table if repeat is None else table.filter(pc.equal(table["repeat"], repeat))

    def operators(self) -> pa.Table:
        """The operators of every configuration, the columns of OPERATORS; without rows where they are not known."""
        return read_rows(self.stored_tables, "operators")

    def repeats(self) -> pa.Table | None:
        """One row per configuration, energy source and repeat; None if the run has not been processed yet."""
        return read_rows(self.stored_tables, "repeats") if "repeats" in self.stored_tables else None

    def results(self) -> pa.Table | None:
        """One row per configuration and energy source; None if the run has not been processed yet."""
        return read_rows(self.stored_tables, "results") if "results" in self.stored_tables else None

    def budget(self) -> pa.Table | None:
        """One row per term of each interval of the results; None if the run was last processed before these existed."""
        return read_rows(self.stored_tables, "budget") if "budget" in self.stored_tables else None

    def verify(self) -> list[str]:
        """The files that are not, byte for byte, what was recorded; reads all of them."""
        edited = [FILE_NAME] if is_edited(self.manifest) else []
        return edited + [name for name in self.manifest.files if self._differs(name)]

    def _stream(self, name: str) -> StoredStream:
        if name not in self.stored_streams:
            raise UsageError(f"{self.path} has no stream {name}; it has {', '.join(self.streams) or 'none'}")
        return self.stored_streams[name]

    def _differs(self, name: str) -> bool:
        try:
            return bool(sha256_of_file(self.path / name) != self.manifest.files[name]["sha256"])
        except OSError:
            return True


def _state(path: Path, manifest: Manifest) -> Iterator[str]:
    if manifest.status == "recording":
        yield "the run was not closed: it crashed, or is still being recorded; what had reached the disk is here"
    if is_edited(manifest):
        yield f"{FILE_NAME} was edited since it was recorded"
    for name, entry in manifest.files.items():
        file = path / name
        if not file.is_file():
            yield f"{name} is missing: it was recorded"
        elif file.stat().st_size != entry["size"]:
            yield f"{name} was edited since it was recorded"

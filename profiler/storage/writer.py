"""The writer of a run: everything it is given is on the disk after the next `flush`, whatever happens then."""

import json
import os
import secrets
import shutil
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.batch import Batch, Gap
from edgewatt.profiler.channel import Opened
from edgewatt.profiler.clock import HOST_CLOCK, NS_PER_S
from edgewatt.profiler.clockfit import IDENTITY
from edgewatt.profiler.errors import EdgewattError, UsageError
from edgewatt.profiler.protocols import Operator
from edgewatt.profiler.storage.buffers import StreamBuffer, TableBuffer
from edgewatt.profiler.storage.checked import ATTRIBUTES_LIMIT, TEXT_LIMIT
from edgewatt.profiler.storage.compact import compact_run
from edgewatt.profiler.storage.durable import AppendFile, lock_run, sync_folder, writing
from edgewatt.profiler.storage.layout import ALWAYS_STORED, RAW, RECORDED_TABLES, STREAMS, is_file_name, stream_name
from edgewatt.profiler.storage.manifest import FILE_NAME, Manifest, described_channels, plain, write_manifest
from edgewatt.profiler.storage.streams import ARROWS
from edgewatt.profiler.window import Window

# Samples of a stream, or bytes of a raw file, that are written before the next `flush`: bounds the memory.
_EARLY_ROWS: Final = 1_000_000
_EARLY_B: Final = 16 << 20


def refuse_taken(path: Path) -> None:
    """Raise UsageError where something stands in the way of a new run; an empty folder does not. May raise OSError."""
    if os.path.lexists(path) and not (path.is_dir() and not any(path.iterdir())):
        raise UsageError(f"{path} exists already: choose a new folder with -o, or remove it first")


class RunWriter:
    """One run being recorded, called by one thread. It is the Sink of a workload.

    What it is given is buffered; `flush` puts it on the disk; `close` turns the run into its final form. A disk that
    fails (full, read-only) raises UsageError, and everything flushed before stays readable.
    """

    def __init__(self, path: Path, manifest: Manifest, lock: int) -> None:
        self.path, self.manifest = path, manifest
        self._lock = lock
        self._streams: dict[str, StreamBuffer] = {}
        self._tables = {
            name: TableBuffer(path / f"{name}{ARROWS}", schema, always=name in ALWAYS_STORED)
            for name, schema in RECORDED_TABLES.items()
        }
        self._raw: dict[str, bytearray] = {}
        self._iterations: dict[tuple[str | None, int], int] = {}
        self._config_id: str | None = None
        self._manifest_is_new = False

    @classmethod
    def create(cls, path: Path, manifest: Manifest) -> Self:
        """A new run in the folder `path`, its manifest on the disk. Raises UsageError if the folder is taken.

        A folder that did not exist appears together with its `run.json`, never before.
        """
        try:
            refuse_taken(path)
            if path.is_dir():
                return cls._begin(path, path, manifest)
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
            temporary.mkdir()
            try:
                return cls._begin(temporary, path, manifest)
            except BaseException:
                shutil.rmtree(temporary, ignore_errors=True)
                raise
        except OSError as error:
            why = error.strerror or error
            raise UsageError(f"cannot make a run in {path}: {why}; choose another place with -o") from error

    @classmethod
    def _begin(cls, folder: Path, path: Path, manifest: Manifest) -> Self:
        written = write_manifest(folder, manifest)
        for name in (STREAMS, RAW):
            (folder / name).mkdir()
        sync_folder(folder)
        lock = lock_run(folder)
        if folder != path:
            try:
                folder.rename(path)
                sync_folder(path.parent)
            except OSError:
                os.close(lock)
                raise
        return cls(path, written, lock)

    def add_collector(self, opened: Opened) -> None:
        """Make room for the streams of an instrument, and note its channels, sources and what it cannot measure.

        Raises UsageError if a stream or a column of that name is in the run already, EdgewattError if a channel says
        what cannot be.
        """
        streams = {stream_name(opened.name, suffix): list(of) for suffix, of in opened.channels.items()}
        self._check_names(opened.name, {name: [c.column for c in of] for name, of in streams.items()})
        channels = {name: described_channels(opened.name, of) for name, of in streams.items()}
        for name, of in streams.items():
            path = self.path / STREAMS / f"{name}{ARROWS}"
            with writing(path, self.path):
                self._streams[name] = StreamBuffer(path, opened.name, of, opened.clock)
        known, clocks = self.manifest, self.manifest.clocks
        self.update(
            channels={**known.channels, **channels},
            unavailable=[*known.unavailable, *(asdict(missing) for missing in opened.unavailable)],
            sources=[*known.sources, *(source.to_json() for source in opened.sources)],
            clocks={HOST_CLOCK: IDENTITY.to_json(), **clocks} if opened.clock == HOST_CLOCK else clocks,
        )

    def batch(self, collector: str, batch: Batch) -> None:
        """Take samples; their arrays belong to the run from now on.

        A sample stamped earlier than one before it in its stream is not stored: it counts as lost in a Gap "clock
        went back". Raises EdgewattError if the batch is not what the collector was opened with.
        """
        if not len(batch.t_ns):
            return
        stream = self._stream(collector, batch.stream)
        for gap in stream.add(batch):
            self._note_gap(gap)
        if stream.rows >= _EARLY_ROWS:
            with writing(stream.path, self.path):
                stream.write()

    def gap(self, collector: str, gap: Gap) -> None:
        """Take a stretch without samples of one of the collector's streams."""
        self._note_gap(replace(gap, stream=self._stream(collector, gap.stream).name))

    def window(self, window: Window) -> None:
        """Take a window that has ended."""
        where = f"attributes of window {window.name[:100]}"
        attributes = json.dumps(plain(window.attributes, where), sort_keys=True)
        if len(attributes) > ATTRIBUTES_LIMIT:
            raise EdgewattError(f"{where}: {len(attributes)} characters of JSON, expected at most {ATTRIBUTES_LIMIT}")
        name, parent, clock = _text(window.name), window.parent and _text(window.parent), _text(window.clock)
        span = (int(window.t0_ns), int(window.t1_ns))
        self._tables["windows"].add([(name, parent, window.config_id, *span, clock, attributes)])

    def begin_repeat(self, config_id: str | None, repeat: int) -> None:
        """Iterations given from now on belong to this configuration; those of a repeat are numbered from 0."""
        self._config_id = config_id
        self._iterations.setdefault((config_id, repeat), 0)

    def iterations(self, repeat: int, t0_ns: NDArray[np.int64], t1_ns: NDArray[np.int64]) -> None:
        """Take further iterations of a repeat: start and end on the host's clock, int64 of shape [n]."""
        key = (self._config_id, repeat)
        first = self._iterations.get(key, 0)
        latency_s = ((t1_ns - t0_ns) / NS_PER_S).tolist()
        spans = enumerate(zip(t0_ns.tolist(), t1_ns.tolist(), latency_s, strict=True), first)
        self._tables["iterations"].add((*key, number, *span) for number, span in spans)
        self._iterations[key] = first + len(latency_s)

    def operators(self, config_id: str, operators: Sequence[Operator | tuple[str, str]]) -> None:
        """Take the operators of a configuration in order of execution, with their latency where it was measured."""
        rows = []
        for index, given in enumerate(operators):
            one = Operator(*given)
            known = {"config_id": config_id, "index": index, "op": _text(one.op), "name": _text(one.name)}
            known |= {"latency_s": one.latency_s, "basis": one.basis}
            rows.append(tuple(known.get(column) for column in RECORDED_TABLES["operators"].names))
        self._tables["operators"].add(rows)

    def raw(self, name: str, content: bytes) -> None:
        """Append to `raw/<name>`. Raises EdgewattError for a name that is no plain file name."""
        if not is_file_name(name):
            raise EdgewattError(f"raw file {name[:100]!r}: expected letters, digits and _ . + - only, at most 100")
        held = self._raw.setdefault(name, bytearray())
        held += content
        if len(held) >= _EARLY_B:
            self._write_raw(sync=False)

    def update(self, **fields: Any) -> None:
        """Replace fields of the manifest; on the disk with the next `flush`."""
        self.manifest = replace(self.manifest, **fields)
        self._manifest_is_new = True

    def flush(self, *, sync: bool = True) -> None:
        """Write everything given so far; with `sync`, return when it is on the disk. Raises UsageError if it cannot be.

        Samples go before the windows that speak of them.
        """
        for stream in self._streams.values():
            for gap in stream.unfinished():
                self._note_gap(gap)
        for buffer in self._buffers():
            with writing(buffer.path, self.path):
                buffer.write()
                if sync:
                    buffer.sync()
        self._write_raw(sync=sync)
        if self._manifest_is_new:
            self._write_manifest()

    def close(self, status: str = "complete") -> None:
        """Turn the run into its final form: Parquet, sums of all files, and last its `status`. Idempotent.

        Raises UsageError if the disk has no room for it; the run then stays as it was recorded, and readable.
        """
        if self._lock < 0:
            return
        try:
            self.flush()
            files = compact_run(self.path, {})
            self.update(files=files, status=status)
            self._write_manifest()
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Give every file back and leave the run as it is, as after a crash. Idempotent."""
        for buffer in self._buffers():
            buffer.close()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _buffers(self) -> list[StreamBuffer | TableBuffer]:
        return [*self._streams.values(), *self._tables.values()]

    def _write_manifest(self) -> None:
        self._manifest_is_new = False  # first, so that an update in the meantime is not forgotten
        try:
            with writing(self.path / FILE_NAME, self.path):
                write_manifest(self.path, self.manifest)
        except UsageError:
            self._manifest_is_new = True
            raise

    def _check_names(self, collector: str, columns: dict[str, list[str]]) -> None:
        taken = {column: stream for stream, of in self.manifest.channels.items() for column in of}
        for stream, of in columns.items():
            if not is_file_name(stream):
                raise EdgewattError(f"stream {stream[:100]!r}: expected letters, digits and _ . + - only, at most 100")
            if stream in self._streams:
                raise UsageError(f"two instruments of this run call a stream {stream}; record them in two runs")
            for column in of:
                if column in taken:
                    raise UsageError(
                        f"{collector} and {taken[column]} of this run both have a column {column}, and results name "
                        "columns; record them in two runs"
                    )
                taken[column] = stream

    def _stream(self, collector: str, suffix: str) -> StreamBuffer:
        name = stream_name(collector, suffix)
        if name not in self._streams:
            known = ", ".join(self._streams) or "none"
            raise EdgewattError(f"collector {collector} gave samples for a stream {name}; opened are {known}")
        return self._streams[name]

    def _note_gap(self, gap: Gap) -> None:
        lost = None if gap.samples_lost is None else int(gap.samples_lost)
        self._tables["gaps"].add([(gap.stream, int(gap.t0_ns), int(gap.t1_ns), _text(gap.cause), lost)])

    def _write_raw(self, *, sync: bool) -> None:
        for name in list(self._raw):
            path = self.path / RAW / name
            with writing(path, self.path), closing(AppendFile(path)) as file:
                file.append(self._raw[name])
                del self._raw[name]
                if sync:
                    file.sync()
                    sync_folder(path.parent)


def _text(text: str) -> str:
    """`text` as a reader will accept it: bounded, and valid Unicode."""
    return text[:TEXT_LIMIT].encode(errors="replace").decode()

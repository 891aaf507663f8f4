"""A history: a folder of Parquet files, one for each run, that DuckDB, pandas or Polars read as one table.

duckdb -c "select created, value from 'history/*.parquet' where quantity = 'latency_s' order by created"
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from edgewatt.profiler.comparing.plain_table import QUANTITIES
from edgewatt.profiler.comparing.ratio import Sample
from edgewatt.profiler.comparing.side import ENERGY, NoSample, sample_of, side_of
from edgewatt.profiler.comparing.tables import read_repeats
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.checked import TEXT_LIMIT
from edgewatt.profiler.storage.durable import replace_file
from edgewatt.profiler.storage.trace import Trace

VERSION_KEY: Final = b"edgewatt.history"
VERSION: Final = 1
FILES_LIMIT: Final = 100_000
_S, _F, _I, _B = pa.string(), pa.float64(), pa.int32(), pa.bool_()
# `value` is the geometric mean of the repeats in SI, `spread` the standard deviation of their logarithms.
HISTORY: Final = pa.schema(
    [
        *((name, _S) for name in ("created", "run", "label", "session", "device_id", "device", "config_id", "model")),
        *((name, _S) for name in ("target_asked", "precision", "quantity", "energy_source", "energy_boundary")),
        ("conditions_sha256", _S),
        ("threads", _I),
        ("batch", _I),
        ("frequency_hz", _F),
        ("value", _F),
        ("spread", _F),
        ("repeats_n", _I),
        ("is_canary", _B),
        ("simulated", _B),
    ],
    metadata={VERSION_KEY: str(VERSION).encode()},
)
_COPIED: Final = ("session", "device_id", "device", "model", "target_asked", "precision", "threads", "batch")
_OF_ROWS: Final = (*_COPIED, "frequency_hz", "conditions_sha256", "simulated", "energy_boundary")
_UNFIT: Final = re.compile(r"[^0-9A-Za-z]+")


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """All rows of a folder, as the columns of HISTORY, in order of time."""

    path: Path
    rows: pa.Table


def append(run: str | Path, folder: Path, *, is_canary: bool = False, label: str | None = None) -> Path:
    """Add a run to a history; added again, it takes its own place. The file that holds it.

    `is_canary`: it executed the device's canary, a workload that never changes. `label` is what you call its version,
    such as a commit. Raises UsageError for a run without repeats, or a folder that cannot be written.
    """
    trace = Trace.open(Path(run))
    rows = [
        {**row, "created": trace.manifest.created, "run": trace.path.name[:TEXT_LIMIT], "label": label}
        for row in _rows(Path(run), is_canary=is_canary)
    ]
    if not rows:
        raise UsageError(f"{run}: nothing of it was measured, so that there is nothing to add to a history")
    digest = str(trace.manifest.digest or "")[:12] if isinstance(trace.manifest.digest, str) else ""
    name = _UNFIT.sub("", f"{trace.manifest.created[:23]}{rows[0]['session'] or ''}{digest}")
    path = folder / f"{name[:80]}.parquet"
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows, HISTORY), sink, compression="zstd")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(path, sink.getvalue().to_pybytes())
    except OSError as error:
        why = "it is a file, and a history is a folder" if folder.is_file() else error.strerror or error
        raise UsageError(f"history {folder}: cannot be written ({why})") from None
    return path


def read_history(folder: Path) -> History:
    """What a folder holds; nothing where it does not exist yet. Raises UsageError for a file that is none of it."""
    try:
        files = sorted(folder.glob("*.parquet"))[: FILES_LIMIT + 1] if folder.exists() else []
    except OSError as error:
        raise UsageError(f"history {folder}: cannot be read ({error.strerror or error})") from None
    if len(files) > FILES_LIMIT:
        raise UsageError(f"history {folder}: over {FILES_LIMIT:,} files; keep a history for each project")
    parts = [_read(file) for file in files]
    rows = pa.concat_tables(parts) if parts else HISTORY.empty_table()
    return History(folder, rows.sort_by("created"))


def _rows(run: Path, *, is_canary: bool) -> Iterator[dict[str, Any]]:
    side = side_of(read_repeats(run), ("config_id",), _OF_ROWS)
    for key in side.rows:
        for quantity in QUANTITIES:
            for source in side.sources(key) if quantity == ENERGY else [None]:
                found = sample_of(side, key, quantity, source, "run's")
                if isinstance(found, NoSample):
                    continue
                measured = side.measured(key, quantity, source)
                said = {name: side.coded[name].distinct(measured) for name in _OF_ROWS}
                yield {
                    **{name: values[0] for name, values in said.items() if len(values) == 1},
                    "config_id": key[0],
                    "quantity": quantity,
                    "energy_source": source,
                    "energy_boundary": said["energy_boundary"][0] if quantity == ENERGY else None,
                    **_numbers(found),
                    "is_canary": is_canary,
                }


def _numbers(sample: Sample) -> dict[str, Any]:
    return {"value": sample.middle, "spread": sample.spread, "repeats_n": len(sample.values)}


def _read(file: Path) -> pa.Table:
    try:
        table = pq.read_table(file)
        version = int((table.schema.metadata or {}).get(VERSION_KEY, b"0"))
        if version > VERSION:
            raise UsageError(f"{file}: a history of version {version}, newer than this edgewatt reads; update edgewatt")
        table = table.select(HISTORY.names).cast(HISTORY)
        values = table["value"].drop_null().to_numpy()
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise UsageError(f"{file}: is no part of a history ({str(error)[:200]}); move it out of the folder") from None
    if version < 1 or len(values) != table.num_rows or not np.all((values > 0) & np.isfinite(values)):
        raise UsageError(f"{file}: is no part of a history, or holds a value that is none; move it out of the folder")
    return table

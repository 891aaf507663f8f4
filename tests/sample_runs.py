"""Runs and rows to read, compare and export, made without a device."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from edgewatt.profiler.comparing.compare import Comparison, Row
from edgewatt.profiler.storage.manifest import Manifest, write_manifest
from edgewatt.profiler.tables import GAPS, REPEATS, RESULTS, WINDOWS

PHONE = {
    "config_id": "0123456789ab",
    "device": "Galaxy S10e",
    "device_id": "f00d",
    "soc": "Exynos 9820",
    "model": "mobilenet_v2.tflite",
    "model_sha256": "ab" * 32,
    "runtime": "litert",
    "runtime_version": "2.1.0",
    "target_asked": "cpu",
    "target_used": "cpu+xnnpack",
    "precision": "int8",
    "threads": 4,
    "batch": 1,
    "frequency_hz": None,
    "session": "monday",
    "simulated": False,
    "energy_source": "monsoon/main",
    "energy_boundary": "battery_bypass",
    "idle_state": "awake",
    "conditions_sha256": "c0" * 32,
    "quality": "good",
    "quality_reasons": [],
}

RESULT = {
    **PHONE,
    "latency_s_mean": 0.01242,
    "latency_s_std": 0.00015,
    "latency_s_n": 5,
    "latency_s_low": 0.01223,
    "latency_s_high": 0.01261,
    "latency_s_p50": 0.0124,
    "latency_s_p90": 0.0131,
    "latency_s_p99": 0.1 + 0.2,
    "energy_gross_j_mean": 0.0381,
    "energy_gross_j_low": 0.0375,
    "energy_gross_j_high": 0.0387,
    "energy_gross_j_accuracy_low": 0.0372,
    "energy_gross_j_accuracy_high": 0.0390,
    "energy_net_j_mean": 0.0305,
    "energy_net_j_low": 0.0298,
    "energy_net_j_high": 0.0312,
    "power_w": 3.07,
    "power_idle_w": 0.61,
    "memory_peak_b": 23_400_000,
    "init_s": 0.08,
    "first_s": 0.031,
}

REPEAT = {
    **PHONE,
    "iterations": 500,
    "temperature_start_c": 31.2,
    "temperature_end_c": 33.0,
    "throttled": False,
    "coverage": 1.0,
    "latency_stat": "median",
    "energy_net_j": 0.03,
    "power_w": 3.07,
    "power_idle_w": 0.61,
    "memory_peak_b": 23_400_000,
    "init_s": 0.08,
    "first_s": 0.031,
}

# What a hostile name can hold: markup, an escape sequence, a right-to-left override, a line break, and no end.
HOSTILE = '=cmd|"/c x"!A1 | <script>alert(1)</script> **b** `c` \x1b[31m\u202egnp.exe\r\n# head\n' + "x" * 10_000

LATENCIES_S = (0.0124, 0.0125, 0.0123, 0.0126, 0.0124)
ENERGIES_J = (0.0380, 0.0383, 0.0379, 0.0382, 0.0381)


def repeat_rows(
    latencies_s: Sequence[float | None] = LATENCIES_S,
    energies_j: Sequence[float | None] | None = ENERGIES_J,
    **other: Any,
) -> list[dict[str, Any]]:
    """A row per repeat; `other` replaces columns of all of them."""
    energies_j = energies_j if energies_j is not None else [None] * len(latencies_s)
    rows = enumerate(zip(latencies_s, energies_j, strict=True))
    return [
        {
            **REPEAT,
            "repeat": n,
            "order": n,
            "t0_ns": n * 10**10,
            "t1_ns": (n + 1) * 10**10,
            "latency_s": s,
            "energy_gross_j": j,
            **other,
        }
        for n, (s, j) in rows
    ]


def make_run(
    folder: Path,
    *,
    repeats: Sequence[Mapping[str, Any]] | None = None,
    results: Sequence[Mapping[str, Any]] | None = None,
    **manifest: Any,
) -> Path:
    """A closed run with these rows in its tables."""
    folder.mkdir(parents=True)
    (folder / "streams").mkdir()
    stored = {
        "simulated": False,
        "created": "2026-11-20T20:00:00.000+00:00",
        "command": ["edgewatt", "profile"],
        "versions": {"edgewatt": "0.1.0"},
        "device": {"name": "Galaxy S10e", "device_id": "f00d", "uri": "adb:1"},
        "status": "complete",
        **manifest,
    }
    write_manifest(folder, Manifest(**stored))
    for name, schema, rows in (
        ("windows", WINDOWS, []),
        ("gaps", GAPS, []),
        ("repeats", REPEATS, repeats),
        ("results", RESULTS, results),
    ):
        if rows is not None:
            pq.write_table(table_of(rows, schema), folder / f"{name}.parquet")
    return folder


def table_of(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    """The rows as a table; columns they lack are null."""
    return pa.Table.from_pylist([dict(row) for row in rows], schema)


def row_of(comparison: Comparison, quantity: str = "latency_s") -> Row:
    """The first row of a quantity."""
    return next(row for row in comparison.rows if row.quantity == quantity)

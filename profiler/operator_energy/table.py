"""operators.parquet with the energy of operators in it, and what stands beside it."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pyarrow as pa

from edgewatt.profiler.analysis.results import Analysis, Row, result_rows, table_of
from edgewatt.profiler.identity import sha256_of_file
from edgewatt.profiler.operator_energy.allocating import allocated
from edgewatt.profiler.operator_energy.in_run import Told, by_designs, preference
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.tables import OPERATORS

TABLE: Final = "operators"
ALLOCATED: Final = "allocated"
# Nobody's joules are put into a table that was changed since it was recorded.
EDITED: Final = f"edited:{TABLE}.parquet"
_ENERGY: Final = ("energy_j", "energy_low_j", "energy_high_j")


@dataclass(frozen=True, slots=True)
class OperatorEnergy:
    """Tables to store, by name (none where a run tells nothing of its operators), a report as JSON, and reasons."""

    tables: Mapping[str, pa.Table] = field(default_factory=dict)
    report: bytes | None = None
    reasons: tuple[str, ...] = ()


def operator_energy(trace: Trace, analysis: Analysis) -> OperatorEnergy:
    """What a run tells of the energy of its operators: by its designs, else by shares of their times."""
    stored = trace.operators().to_pylist()
    told = (by_designs(analysis) or by_shares(analysis, stored)) if stored else None
    if told is None:
        return OperatorEnergy()
    if _is_edited(trace):
        return OperatorEnergy(reasons=(EDITED,))
    rows = [{**row, **told.rows.get((row["config_id"], row["index"]), {})} for row in stored]
    report = None if told.report is None else json.dumps(told.report, indent=1, allow_nan=False).encode() + b"\n"
    return OperatorEnergy({TABLE: table_of(rows, OPERATORS, str(trace.path))}, report, told.reasons)


def by_shares(analysis: Analysis, stored: Sequence[Row]) -> Told | None:
    """Shares by time of configurations whose operators all have one; None where there are none, or no energy."""
    rows: dict[tuple[str | None, int], Row] = {}
    for result in _of_networks(result_rows(analysis)):
        operators = [row for row in stored if row["config_id"] == result["config_id"]]
        times_s = [row["latency_s"] for row in operators if row["latency_s"] is not None]
        whole_j, low_j, high_j = (result[f"energy_gross_j_{bound}"] for bound in ("mean", "low", "high"))
        if not times_s or len(times_s) < len(operators) or min(times_s) < 0 or sum(times_s) <= 0 or whole_j <= 0:
            continue
        parts = allocated(times_s, whole_j, whole_j if low_j is None else low_j, whole_j if high_j is None else high_j)
        for row, part in zip(operators, parts, strict=True):
            joules = (part.value, *(part.interval if low_j is not None else (None, None)))
            of_row = {**dict(zip(_ENERGY, joules, strict=True)), "basis": ALLOCATED}
            rows[row["config_id"], row["index"]] = of_row
    return Told(rows, None) if rows else None


def _of_networks(results: Sequence[Row]) -> list[Row]:
    """One row per configuration, of the energy source that is preferred."""
    given = [row for row in results if row["energy_gross_j_mean"] is not None]
    return list({row["config_id"]: row for row in sorted(given, key=_preference, reverse=True)}.values())


def _preference(row: Row) -> tuple[int, float]:
    mean_j, high_j = row["energy_gross_j_mean"], row["energy_gross_j_high"]
    return preference(row["energy_boundary"], mean_j, math.inf if high_j is None else high_j - mean_j)


def _is_edited(trace: Trace) -> bool:
    entry: Mapping[str, Any] | None = trace.manifest.files.get(f"{TABLE}.parquet")
    file = trace.path / f"{TABLE}.parquet"
    return entry is not None and file.is_file() and sha256_of_file(file) != entry["sha256"]

"""The columns of every table that a run holds. Fixed: other people and programs rely on them (docs: architecture)."""

from typing import Final

import pyarrow as pa

SCHEMA_VERSION: Final = 1
# In the metadata of every stream and table of a run: the version that wrote it (since 2026-11; absent before).
SCHEMA_KEY: Final = b"edgewatt.schema"

_S, _I32, _I64, _F, _B = pa.string(), pa.int32(), pa.int64(), pa.float64(), pa.bool_()
_REASONS = pa.list_(_S)


def _schema(**columns: pa.DataType) -> pa.Schema:
    return pa.schema(list(columns.items()))


WINDOWS: Final = _schema(name=_S, parent=_S, config_id=_S, t0_ns=_I64, t1_ns=_I64, clock=_S, attributes=_S)
ITERATIONS: Final = _schema(config_id=_S, repeat=_I32, iteration=_I32, t0_ns=_I64, t1_ns=_I64, latency_s=_F)
OPERATORS: Final = _schema(
    config_id=_S,
    index=_I32,
    op=_S,
    name=_S,
    group=_S,
    latency_s=_F,
    energy_j=_F,
    energy_low_j=_F,
    energy_high_j=_F,
    basis=_S,
)
GAPS: Final = _schema(stream=_S, t0_ns=_I64, t1_ns=_I64, cause=_S, samples_lost=_I64)

_CONFIG = {
    "config_id": _S,
    "device": _S,
    "device_id": _S,
    "soc": _S,
    "model": _S,
    "model_sha256": _S,
    "runtime": _S,
    "runtime_version": _S,
    "target_asked": _S,
    "target_used": _S,
    "precision": _S,
    "threads": _I32,
    "batch": _I32,
    "frequency_hz": _F,
    "session": _S,
    "simulated": _B,
}
_SOURCE = {"power_w": _F, "power_idle_w": _F, "energy_source": _S, "energy_boundary": _S, "idle_state": _S}
_COMMON_END = {
    "memory_peak_b": _I64,
    "init_s": _F,
    "first_s": _F,
    "conditions_sha256": _S,
    "quality": _S,
    "quality_reasons": _REASONS,
}
_BOUNDS = ("mean", "low", "high", "accuracy_low", "accuracy_high")

REPEATS: Final = _schema(
    **_CONFIG,
    repeat=_I32,
    order=_I32,
    iterations=_I32,
    t0_ns=_I64,
    t1_ns=_I64,
    temperature_start_c=_F,
    temperature_end_c=_F,
    throttled=_B,
    coverage=_F,
    latency_s=_F,
    latency_stat=_S,
    energy_gross_j=_F,
    energy_net_j=_F,
    **_SOURCE,
    **_COMMON_END,
)
RESULTS: Final = _schema(
    **_CONFIG,
    latency_s_mean=_F,
    latency_s_std=_F,
    latency_s_n=_I32,
    latency_s_low=_F,
    latency_s_high=_F,
    latency_s_p50=_F,
    latency_s_p90=_F,
    latency_s_p99=_F,
    **{f"energy_gross_j_{bound}": _F for bound in _BOUNDS},
    **{f"energy_net_j_{bound}": _F for bound in _BOUNDS},
    **_SOURCE,
    **_COMMON_END,
)

# One row per term of each interval of a row of RESULTS; the last five columns are those of the whole interval.
BUDGET: Final = _schema(
    config_id=_S,
    energy_source=_S,
    quantity=_S,
    interval=_S,
    term=_S,
    kind=_S,
    u_j=_F,
    df_n=_F,
    variance_ratio=_F,
    dominates=_B,
    shrinks=_S,
    combined_u_j=_F,
    combined_df_n=_F,
    coverage_factor_ratio=_F,
    half_width_j=_F,
    is_refused=_B,
)

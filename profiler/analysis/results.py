"""The rows of repeats.parquet, and those of results.parquet that are made from them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from edgewatt.profiler.analysis.conditions import conditions_sha256
from edgewatt.profiler.analysis.repeats import Repeat
from edgewatt.profiler.analysis.seen import TOO_WIDE, Seen
from edgewatt.profiler.energy.budget import Estimate, RepeatEnergy, budget_of, net_j
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.quality.reason import VOID
from edgewatt.profiler.quality.table import quality_of, weight_of
from edgewatt.profiler.statistics import interval_of_mean, percentiles
from edgewatt.profiler.storage.checked import shown
from edgewatt.profiler.storage.manifest import Manifest

ONE_REPEAT, ALL_VOID, SOME_VOID = "one_repeat", "all_void", "some_void"
TARGET_DIFFERS, CONFIG_UNKNOWN = "target_differs", "config_unknown"

Row = dict[str, Any]

_FACTS: Final = (
    "device",
    "device_id",
    "soc",
    "model",
    "model_sha256",
    "runtime",
    "runtime_version",
    "target_asked",
    "precision",
    "threads",
    "batch",
    "frequency_hz",
)
_PERCENTS: Final = (50, 90, 99)


@dataclass(frozen=True, slots=True)
class Analysis:
    """A run taken apart: its manifest, what the recording said against it, its repeats, and what each source saw."""

    manifest: Manifest
    reasons: tuple[str, ...]
    repeats: Sequence[Repeat]
    seen: Sequence[Seen]

    def places(self) -> dict[str | None, list[int]]:
        """The places of each configuration's repeats, by number; configurations in the order of their first window."""
        found: dict[str | None, list[int]] = {}
        for place, repeat in enumerate(self.repeats):
            found.setdefault(repeat.config_id, []).append(place)
        return {
            config_id: sorted(of_config, key=lambda place: self.repeats[place].repeat)
            for config_id, of_config in found.items()
        }


def repeat_rows(analysis: Analysis) -> list[Row]:
    """One row per configuration x energy source x repeat, as tables.REPEATS has it."""
    return [
        _repeat_row(analysis, seen, place, of_config)
        for of_config in analysis.places().values()
        for seen in analysis.seen
        for place in of_config
    ]


def result_rows(analysis: Analysis) -> list[Row]:
    """One row per configuration x energy source, as tables.RESULTS has it; void repeats are left out, and said."""
    return [
        _result_row(analysis, seen, of_config) for of_config in analysis.places().values() for seen in analysis.seen
    ]


def energies_of(analysis: Analysis, seen: Seen, of_config: Sequence[int]) -> list[RepeatEnergy]:
    """What a source saw of those repeats of a configuration that count, where it was not refused."""
    usable = _usable(analysis, of_config)
    return [energy for place in usable if (energy := seen.energies[place]) is not None]


def table_of(rows: Sequence[Row], schema: pa.Schema, where: str) -> pa.Table:
    """The rows in the columns and types of `schema`. Raises UsageError for a value that a column cannot hold."""
    columns = []
    for field in schema:
        values = [row[field.name] for row in rows]
        try:
            if pa.types.is_integer(field.type) and any(isinstance(value, float) for value in values):
                raise pa.ArrowInvalid("not a whole number")  # which pyarrow would make one of
            columns.append(pa.array(values, field.type))
        except (pa.ArrowException, OverflowError, UnicodeEncodeError) as error:
            expected = f"expected {field.type} ({shown(str(error))})"
            raise UsageError(f"{where}: {field.name} cannot be stored, {expected}; restore run.json") from None
    return pa.table(columns, schema=schema)


def _repeat_row(analysis: Analysis, seen: Seen, place: int, of_config: Sequence[int]) -> Row:
    repeat, energy = analysis.repeats[place], seen.energies[place]
    told = repeat.told
    own = (*analysis.reasons, *repeat.reasons, *seen.reasons, *seen.of_repeats[place])
    quality, reasons = _quality((*own, *_config_reasons(analysis, repeat.config_id)))
    if quality == VOID:
        energy = None
    return {
        **_about(analysis, seen, of_config, told.get("target_used")),
        "frequency_hz": repeat.ran.frequency_hz,
        "repeat": repeat.repeat,
        "order": repeat.order,
        "iterations": repeat.iterations,
        "t0_ns": repeat.t0_ns,
        "t1_ns": repeat.t1_ns,
        "temperature_start_c": _known(repeat.temperature_start_c),
        "temperature_end_c": _known(repeat.temperature_end_c),
        "throttled": told.get("throttled"),
        "coverage": seen.coverage[place],
        "latency_s": repeat.latency_s,
        "latency_stat": repeat.latency_stat,
        "energy_gross_j": None if energy is None else energy.energy_j / energy.iterations,
        "energy_net_j": None if energy is None or seen.idle is None else net_j(energy, seen.idle),
        "power_w": None if energy is None else energy.power_w,
        "power_idle_w": None if energy is None or seen.idle is None else seen.idle.at(energy.at_ns),
        "memory_peak_b": told.get("memory_peak_b"),
        "init_s": told.get("init_s"),
        "first_s": told.get("first_s"),
        "quality": quality,
        "quality_reasons": reasons,
    }


def _result_row(analysis: Analysis, seen: Seen, of_config: Sequence[int]) -> Row:
    usable = _usable(analysis, of_config)
    repeats = [analysis.repeats[place] for place in usable]
    energies = energies_of(analysis, seen, of_config)
    targets = {repeat.told.get("target_used") for repeat in repeats}
    pinned = {repeat.ran.frequency_hz for repeat in repeats}
    of_energy, too_wide = _energy(seen, energies)
    found = [
        *analysis.reasons,
        *(reason for place in usable for reason in (*analysis.repeats[place].reasons, *seen.of_repeats[place])),
        *seen.reasons,
        *([ONE_REPEAT] if len(usable) == 1 else []),
        *([SOME_VOID] if 0 < len(usable) < len(of_config) else []),
        *([TARGET_DIFFERS] if len(targets) > 1 else []),
        *([TOO_WIDE] if too_wide else []),
        *_config_reasons(analysis, analysis.repeats[of_config[0]].config_id),
    ]
    if not usable:
        found += [ALL_VOID, *(reason for place in of_config for reason in analysis.repeats[place].reasons)]
    quality, reasons = _quality(found)
    return {
        **_about(analysis, seen, of_config, targets.pop() if len(targets) == 1 else None),
        "frequency_hz": pinned.pop() if len(pinned) == 1 else None,
        **_latency(repeats),
        **of_energy,
        "memory_peak_b": max(_told(repeats, "memory_peak_b"), default=None),
        "init_s": _mean(_told(repeats, "init_s")),
        "first_s": _mean(_told(repeats, "first_s")),
        "quality": VOID if not usable else quality,
        "quality_reasons": reasons,
    }


def _usable(analysis: Analysis, of_config: Sequence[int]) -> list[int]:
    """The places of the repeats that are not void."""
    return [
        p
        for p in of_config
        if not any(weight_of(reason) == VOID for reason in (*analysis.reasons, *analysis.repeats[p].reasons))
    ]


def _about(analysis: Analysis, seen: Seen, of_config: Sequence[int], target_used: str | None) -> Row:
    """The columns that say what was measured, on what, where and how."""
    manifest, source = analysis.manifest, seen.source
    config_id = analysis.repeats[of_config[0]].config_id
    facts = {**manifest.device, "device": manifest.device.get("name"), **_config(manifest, config_id)}
    boundary = None if source is None else source.boundary
    idle_state = manifest.device.get("idle_state") or manifest.conditions.get("idle_state")
    conditions = {
        **{key: facts[key] for key in ("input_sha256",) if key in facts},
        **manifest.conditions,
        "meter": meters_of(manifest),
        "boundary": boundary,
        "target_used": target_used,
        "idle_state": idle_state,
    }
    start_c = next((c for p in of_config if (c := _known(analysis.repeats[p].temperature_start_c)) is not None), None)
    if start_c is not None:
        conditions["temperature_start_c"] = start_c
    return {
        "config_id": config_id,
        **{key: facts.get(key) for key in _FACTS},
        "target_used": target_used,
        "session": manifest.device.get("session"),
        "simulated": manifest.simulated,
        "energy_source": None if source is None else source.name,
        "energy_boundary": boundary,
        "idle_state": idle_state,
        "conditions_sha256": conditions_sha256(conditions),
    }


def _config(manifest: Manifest, config_id: str | None) -> Mapping[str, Any]:
    return {} if config_id is None else manifest.configs.get(config_id, {})


def _config_reasons(analysis: Analysis, config_id: str | None) -> list[str]:
    return [] if _config(analysis.manifest, config_id) else [CONFIG_UNKNOWN]


def meters_of(manifest: Manifest) -> list[str] | None:
    """Who the meters are; None without one."""
    meters = manifest.meter or {}
    ids = [str(meter.get("device_id")) if isinstance(meter, Mapping) else str(meter) for meter in meters.values()]
    return sorted(ids) or None


def _latency(repeats: Sequence[Repeat]) -> Row:
    found = interval_of_mean([repeat.latency_s for repeat in repeats if repeat.latency_s is not None])
    pooled = np.concatenate([np.empty(0), *(repeat.latencies_s for repeat in repeats)])
    shares: Sequence[float | None] = percentiles(pooled, _PERCENTS) or [None] * len(_PERCENTS)
    return {
        "latency_s_mean": found and found.mean,
        "latency_s_std": found and found.std,
        "latency_s_n": found and found.n,
        "latency_s_low": found and found.low,
        "latency_s_high": found and found.high,
        **{f"latency_s_p{percent}": share for percent, share in zip(_PERCENTS, shares, strict=True)},
    }


def _energy(seen: Seen, energies: Sequence[RepeatEnergy]) -> tuple[Row, bool]:
    """The columns of energy and power, and whether one was too uncertain to be given."""
    gross = net = None
    if energies and seen.instrument is not None:
        budget = budget_of(energies, seen.idle, seen.instrument)
        gross, net = budget.gross, budget.net
    given = {
        "energy_gross_j": None if gross is None or gross.is_too_wide else gross,
        "energy_net_j": None if net is None or net.is_too_wide else net,
    }
    too_wide = any(asked is not None and asked.is_too_wide for asked in (gross, net))
    used_j, took_s = sum(energy.energy_j for energy in energies), sum(energy.duration_s for energy in energies)
    row = {
        **{column: value for name, estimate in given.items() for column, value in _bounds(name, estimate).items()},
        "power_w": None if given["energy_gross_j"] is None else used_j / took_s,
        "power_idle_w": None if seen.idle is None else _mean([seen.idle.at(energy.at_ns) for energy in energies]),
    }
    return row, too_wide


def _bounds(name: str, estimate: Estimate | None) -> Row:
    if estimate is None:
        return dict.fromkeys(f"{name}_{bound}" for bound in ("mean", "low", "high", "accuracy_low", "accuracy_high"))
    low_j, high_j = estimate.repeatability_j
    accuracy_low_j, accuracy_high_j = estimate.accuracy_j or (None, None)
    return {
        f"{name}_mean": estimate.value_j,
        f"{name}_low": low_j,
        f"{name}_high": high_j,
        f"{name}_accuracy_low": accuracy_low_j,
        f"{name}_accuracy_high": accuracy_high_j,
    }


def _quality(found: Sequence[str]) -> tuple[str, list[str]]:
    """The word and its reasons; that nothing measures energy is said, and does not make a latency worse."""
    reasons = list(dict.fromkeys(found))
    return quality_of(reasons), reasons


def _told(repeats: Sequence[Repeat], key: str) -> list[Any]:
    return [repeat.told[key] for repeat in repeats if key in repeat.told]


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if len(values) else None


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value

"""The step from runs to a calibration."""

from collections.abc import Mapping, Sequence
from typing import Final

from edgewatt.profiler.calibrating.accelerators import accelerator_rows, accelerators_in
from edgewatt.profiler.calibrating.checks import device_id_of, meters_of, usable_runs
from edgewatt.profiler.calibrating.clusters import clusters_of
from edgewatt.profiler.calibrating.co_runner import co_runner_rows
from edgewatt.profiler.calibrating.estimator import estimate_rows
from edgewatt.profiler.calibrating.idle import idle_rows
from edgewatt.profiler.calibrating.inference import inference_rows, training_rows
from edgewatt.profiler.calibrating.interactive import Parser, interactive_rows
from edgewatt.profiler.calibrating.observations import Observation, observations
from edgewatt.profiler.calibrating.offload import offload_rows
from edgewatt.profiler.calibrating.power import PowerFit, better, fit_power, with_idle_steps
from edgewatt.profiler.calibrating.power_rows import power_rows
from edgewatt.profiler.calibrating.radio import bin_of, interface_of, radio_rows
from edgewatt.profiler.calibrating.radio_tail import Tail, tails_of
from edgewatt.profiler.calibrating.rails import by_name, clusters_seen, sources_of, units_seen
from edgewatt.profiler.calibrating.thermal import thermal_rows
from edgewatt.profiler.calibrating.values import Found, Row
from edgewatt.profiler.calibration.calibration import Calibration, calibration_of_rows
from edgewatt.profiler.calibration.head import CalibratedDevice, UsedRun, head_now
from edgewatt.profiler.calibration.inputs import Inputs, with_inputs
from edgewatt.profiler.calibration.possible import bounds_of, interval_column
from edgewatt.profiler.channel import EnergySource
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.checked import TEXT_LIMIT
from edgewatt.profiler.storage.trace import Trace

_RAIL: Final = "rail"


def calibration_of(
    traces: Sequence[Trace], *, inputs: Inputs | None = None, parsers: Mapping[str, Parser] | None = None
) -> Calibration:
    """What runs of one device tell: the tables, and in the head's notes what could not be told or was left out.

    `parsers` read charging and frames from raw texts by their names. Raises UsageError without a run that counts or
    without anything to learn from them, NotComparableError for runs of several devices, or simulated and measured.
    """
    runs, notes = usable_runs(traces)
    meters, of_meters = meters_of(runs)
    seen_by_run = [observations(trace) for trace in runs]
    found = Found(notes=[*notes, *of_meters])
    seen = [one for of in seen_by_run for one in of]
    found.notes += _void(seen)
    if not seen:
        raise UsageError(
            f"nothing to calibrate from in {', '.join(str(trace.path) for trace in runs)}: expected windows of loads, "
            "idling or measured repeats, as `calibrate --collect` records them"
        )
    _fit_all(found, runs, seen_by_run, parsers or {})
    device_id, simulated = device_id_of(runs[0]), bool(runs[0].manifest.simulated)
    about = {"device_id": device_id, "basis": "simulated" if simulated else "measured"}
    rows = {table: [possible(found, table, {**row, **about}) for row in of] for table, of in found.rows.items()}
    head = head_now(
        devices={device_id: _device(runs[0], device_id)},
        meters=tuple(meters),
        runs=tuple(_used(trace, of, device_id) for trace, of in zip(runs, seen_by_run, strict=True)),
        notes=tuple(dict.fromkeys(note[:TEXT_LIMIT] for note in found.notes)),
    )
    calibration = calibration_of_rows(head, rows)
    return calibration if inputs is None else with_inputs(calibration, inputs)


def _fit_all(
    found: Found, runs: Sequence[Trace], seen_by_run: Sequence[Sequence[Observation]], parsers: Mapping[str, Parser]
) -> None:
    seen = [one for of in seen_by_run for one in of]
    sources = by_name(runs)
    whole = sorted(
        (name for name, source in sources.items() if source.boundary != _RAIL), key=lambda n: _trust(sources[n])
    )
    clusters = {name: cpus for trace in runs for name, cpus in clusters_of(trace).items()}
    powers: dict[str, PowerFit] = {}
    for name, source in sources.items():
        mine = clusters_seen(source, list(clusters))
        fit, notes = fit_power(seen, name, mine)
        found.notes += notes if mine else []
        if fit is None:
            continue
        idle = with_idle_steps(fit)
        fit = better(fit, idle)
        if mine:
            found.take(power_rows(fit, idle, {cluster: len(cpus) or None for cluster, cpus in clusters.items()}))
        if source.boundary != _RAIL:
            powers[name] = fit
        found.take(accelerator_rows(fit, seen, units_seen(source, accelerators_in(seen))))
        if source.boundary != _RAIL:
            found.take(estimate_rows(fit, seen))
    found.take(idle_rows(seen, whole))
    found.take(radio_rows(seen, whole, powers, _tails(runs, seen_by_run, whole)))
    found.take(offload_rows(seen, whole))
    found.take(co_runner_rows(seen, whole))
    found.take(inference_rows(seen))
    found.take(training_rows(seen))
    for trace, of in zip(runs, seen_by_run, strict=True):
        found.take(thermal_rows(trace, of, _main(trace)))
        found.take(interactive_rows(trace, parsers))


def _tails(
    runs: Sequence[Trace], seen_by_run: Sequence[Sequence[Observation]], whole: Sequence[str]
) -> dict[str, list[Tail]]:
    found: dict[str, list[Tail]] = {}
    for trace, seen in zip(runs, seen_by_run, strict=True):
        key = {
            one.stretch.window.name: (interface_of(one), bin_of(one.rssi_dbm))
            for one in seen
            if one.step == "radio" and one.rssi_dbm is not None
        }
        for source in sources_of(trace) if key else ():
            if source.name in whole:
                found.setdefault(source.name, []).extend(tails_of(trace, source, seen, key))
    return found


def _main(trace: Trace) -> EnergySource | None:
    """The source of a run that sees the whole device, a meter before a gauge; a rail where there is nothing else."""
    return min(sources_of(trace), key=_trust, default=None)


def _trust(source: EnergySource) -> int:
    """0 of a meter of the whole device, 1 of a battery's gauge, 2 of a rail."""
    return {"gauge": 1, _RAIL: 2}.get(source.boundary, 0)


def _void(seen: Sequence[Observation]) -> list[str]:
    return [
        f"{one.stretch.window.name} of run {one.run[:12]} does not count: {', '.join(one.reasons)}"
        for one in seen
        if one.is_void
    ]


def possible(found: Found, table: str, row: Row) -> Row:
    """The row without values that cannot be, each of which `found` then notes."""
    for column, value in row.items():
        if isinstance(value, int | float):
            bounds = bounds_of(table, column, row.get("unit") if table == "power" else None)
            high = row.get(interval_column(column, "high"))
            # An interval that holds zero says that it was not told from nothing; leaving out what came out below would
            # leave only what is too high.
            holds_zero = bounds.least == 0 and isinstance(high, float) and high >= 0
            if not (-bounds.most if holds_zero else bounds.least) <= value <= bounds.most:
                found.notes.append(f"{table}: {column} {_of(row)} came out as {value:.4g}, which cannot be")
                ends = [interval_column(column, end) for end in ("low", "high")]
                row = {key: None if key in (column, *ends) else of for key, of in row.items()}
    return row


def _of(row: Row) -> str:
    names = [row.get(key) for key in ("unit", "model", "interface", "energy_source")]
    step = row.get("frequency_hz")
    said = [str(name) for name in names if name] + ([f"{step / 1e6:g} MHz"] if step else [])
    return f"of {', '.join(said)}" if said else ""


def _device(trace: Trace, device_id: str) -> CalibratedDevice:
    device = trace.manifest.device
    return CalibratedDevice(
        str(device.get("name") or device_id), str(device.get("soc") or ""), bool(trace.manifest.simulated)
    )


def _used(trace: Trace, seen: Sequence[Observation], device_id: str) -> UsedRun:
    steps = dict.fromkeys(one.step for one in seen if one.step)
    said = trace.manifest.device.get("session")
    return UsedRun(trace.manifest.digest or "", ", ".join(steps), str(said or ""), device_id, trace.path.name)

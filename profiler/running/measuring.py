"""Several configurations in one run, interleaved, from the first look to the tables: the order of measurement.md."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgewatt.profiler.analysis.process import process
from edgewatt.profiler.clock import Clock, HostClock
from edgewatt.profiler.device import Device
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.planning.ordering import Schedule
from edgewatt.profiler.progress import Progress, Silent
from edgewatt.profiler.running.beginning import begin_run
from edgewatt.profiler.running.configurations import Opened, Planned, open_configurations
from edgewatt.profiler.running.options import ProfileOptions
from edgewatt.profiler.running.own_conditions import OwnConditions
from edgewatt.profiler.running.prepare import prepared
from edgewatt.profiler.running.record import recording_of, require_energy
from edgewatt.profiler.running.synchronise import Synchronising
from edgewatt.profiler.running.thermal import ThermalGate
from edgewatt.profiler.running.turns import Turns
from edgewatt.profiler.storage.trace import Trace

__all__ = ["Planned", "Schedule", "measure_many"]


def measure_many(
    device: Device,
    planned: Sequence[Planned],
    path: Path,
    *,
    meters: Sequence[Device] = (),
    options: ProfileOptions | None = None,
    clock: Clock | None = None,
    progress: Progress | None = None,
) -> Trace:
    """The processed trace of several configurations on a device, recorded into the folder `path`.

    Raises UsageError for a bad model, for two configurations that are the same, or a folder that is taken,
    NotMeasuredError if a meter gives no energy, DeviceError if the device fails. Interrupted, the run on disk keeps
    every window that had ended.
    """
    options, clock, progress = options or ProfileOptions(), clock or HostClock(), progress or Silent()
    schedule = options.schedule
    turns = schedule.turns_of([options.repeats if one.repeats is None else one.repeats for one in planned])
    if not turns:
        raise UsageError("nothing is planned: there is no repeat to measure")
    device, planned = _beside(device, meters, planned)
    progress.phase("looking at the device and the model" if len(planned) == 1 else "looking at the device and models")
    with ExitStack() as stack:
        opened = open_configurations(device, planned, clock, progress, stack, keep_going=schedule.keep_going)
        with prepared(device, options.conditions) as conditions:
            own = OwnConditions(conditions, options.conditions)
            own.try_all([one.conditions for one in opened.configurations.values()])
            conditions.unavailable.extend((*opened.unavailable, *own.unavailable))
            seen = {**_conditions(device, opened), **schedule.facts}
            writer = begin_run(path, device, meters=meters, conditions=seen, session=options.session)
            writer.update(configs={one.identity: dict(one.config) for one in opened.configurations.values()})
            for one in opened.configurations.values():
                writer.operators(one.identity, one.facts.operators)
            with recording_of(writer, device, meters, clock, conditions) as recording:
                require_energy(recording, meters)
                recording.reasons.extend(missing.what for missing in opened.unavailable)
                for name, content in schedule.raw.items():
                    recording.raw(name, content)
                Turns(
                    opened.configurations,
                    [turn for turn in turns if turn.place in opened.configurations],
                    recording,
                    ThermalGate(device, recording, options.thermal_limit_s),
                    Synchronising.of(recording, device, meters),
                    own,
                    options,
                    progress,
                    keep_going=schedule.keep_going,
                ).measure()
    progress.phase("analysing")
    return process(path)


def _beside(device: Device, meters: Sequence[Device], planned: Sequence[Planned]) -> tuple[Device, Sequence[Planned]]:
    """Beside a meter on the wire, a device keeps still while it measures, if it can (measurement.md, the observer)."""
    if device.quiet is None or all(meter is device for meter in meters):
        return device, planned
    still = [replace(p, request=replace(p.request, options={**p.request.options, "detached": True})) for p in planned]
    return device.quiet(), still


def _conditions(device: Device, opened: Opened) -> dict[str, Any]:
    seen = dict(device.target.facts()) if device.target is not None else {}
    inputs = {} if len(opened.configurations) > 1 else {"input_sha256": opened.first.facts.input_sha256}
    return {**seen, **inputs, "idle_state": device.idle_state or seen.get("idle_state")}

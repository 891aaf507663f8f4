"""A profile run, from the first look to the tables: the order of measurement.md."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from edgewatt.profiler.analysis.process import process
from edgewatt.profiler.clock import Clock, HostClock
from edgewatt.profiler.device import Device
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.identity import config_id
from edgewatt.profiler.progress import Progress, Silent
from edgewatt.profiler.protocols import RepeatRequest, Workload, WorkloadFacts, WorkloadRequest
from edgewatt.profiler.running.beginning import begin_run
from edgewatt.profiler.running.prepare import prepared
from edgewatt.profiler.running.record import recording_of, require_energy
from edgewatt.profiler.running.recording import Recording
from edgewatt.profiler.running.synchronise import Synchronising
from edgewatt.profiler.running.thermal import ThermalGate
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.window import IDLE_AFTER, IDLE_BEFORE, SYNC_END, SYNC_START


@dataclass(frozen=True, slots=True)
class ProfileOptions:
    """How long each step of a profile run takes; the defaults are those of measurement.md.

    A repeat measures for `seconds`, or for `iterations` instead where that is not 0. `conditions` are those to set by
    name; "leave" leaves one that the device would be prepared with by default.
    """

    repeats: int = 5
    seconds: float = 5.0
    iterations: int = 0
    idle_s: float = 10.0
    warmup_limit_s: float = 20.0
    thermal_limit_s: float = 30.0
    session: str | None = None
    conditions: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what would measure nothing."""
        if self.repeats < 1:
            raise UsageError(f"a profile needs at least 1 repeat; {self.repeats} were asked for")
        for name in ("seconds", "idle_s", "warmup_limit_s", "thermal_limit_s", "iterations"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise UsageError(f"{name} must be a number from 0 on; {getattr(self, name)} was asked for")
        if self.seconds == 0 and self.iterations == 0:
            raise UsageError("seconds and iterations are both 0: there would be nothing to measure")


def profile(
    device: Device,
    request: WorkloadRequest,
    path: Path,
    *,
    meters: Sequence[Device] = (),
    options: ProfileOptions | None = None,
    clock: Clock | None = None,
    progress: Progress | None = None,
) -> Trace:
    """The processed trace of a network on a device, recorded into the folder `path`.

    Raises UsageError for a bad model or a folder that is taken, NotMeasuredError if a meter gives no energy,
    DeviceError if the device fails. Interrupted, the run on disk keeps every window that had ended.
    """
    options, clock, progress = options or ProfileOptions(), clock or HostClock(), progress or Silent()
    device, request = _beside(device, meters, request)
    progress.phase("looking at the device and the model")
    workload = _workload_of(device, replace(request, note=progress.phase))
    try:
        facts = workload.open(clock)
        config = {"device_id": device.device_id, "device": device.name, "soc": device.soc, **_config(facts)}
        identity = config_id(config)
        with prepared(device, options.conditions) as conditions:
            seen = _conditions(device, facts)
            writer = begin_run(path, device, meters=meters, conditions=seen, session=options.session)
            writer.update(configs={identity: config})
            writer.operators(identity, facts.operators)
            with recording_of(writer, device, meters, clock, conditions) as recording:
                require_energy(recording, meters)
                recording.begin(identity)
                gate = ThermalGate(device, recording, options.thermal_limit_s)
                trains = Synchronising.of(recording, device, meters)
                _measure(workload, identity, recording, gate, trains, options, progress)
    finally:
        workload.close()
    progress.phase("analysing")
    return process(path)


def _workload_of(device: Device, request: WorkloadRequest) -> Workload:
    if device.workload is None:
        raise UsageError(f"{device.uri} is a meter and executes nothing; name it with -m, and the device with -d")
    return device.workload(request)


def _beside(device: Device, meters: Sequence[Device], request: WorkloadRequest) -> tuple[Device, WorkloadRequest]:
    """Beside a meter on the wire, a device keeps still while it measures, if it can (measurement.md, the observer)."""
    if device.quiet is None or all(meter is device for meter in meters):
        return device, request
    return device.quiet(), replace(request, options={**request.options, "detached": True})


def _measure(
    workload: Workload,
    identity: str,
    recording: Recording,
    gate: ThermalGate,
    trains: Synchronising,
    options: ProfileOptions,
    progress: Progress,
) -> None:
    """Idle, train, the repeats, train, idle: what is between looking and analysing. Without energy only the repeats.

    An idle window ends and begins a sensor's period away from the load, or a slow sensor would show the load in it.
    Repeats begin up to such a period late, at random: at regular phases of it their spread would not be that of chance.
    They warm up for two: a gauge that lags, or means over its period, would show the pause in the measured window.
    """
    delays_s = np.random.default_rng().uniform(0.0, recording.settles_s, options.repeats)
    left_s = _expected_s(options, energy=recording.has_energy) + 2 * trains.takes_s + float(delays_s.sum())
    gate.wait(progress, left_s)
    if recording.has_energy:
        progress.phase("idle before", left_s)
        recording.idle(IDLE_BEFORE, options.idle_s)
        recording.wait(recording.settles_s)
        left_s -= options.idle_s
    trains.train(SYNC_START, progress, left_s)
    left_s -= trains.takes_s
    for repeat in range(options.repeats):
        progress.phase(f"repeat {repeat + 1} of {options.repeats}", left_s)
        recording.wait(delays_s[repeat])
        seconds = 0.0 if options.iterations else options.seconds
        asked = RepeatRequest(
            repeat, identity, seconds, options.iterations, options.warmup_limit_s, repeat, 2 * recording.settles_s
        )
        workload.repeat(asked, recording)
        left_s -= _repeat_s(options) + delays_s[repeat]
    trains.train(SYNC_END, progress, left_s)
    if recording.has_energy:
        recording.wait(recording.settles_s)
        gate.wait(progress, options.idle_s)
        progress.phase("idle after", options.idle_s)
        recording.idle(IDLE_AFTER, options.idle_s)


def _conditions(device: Device, facts: WorkloadFacts) -> dict[str, Any]:
    seen = dict(device.target.facts()) if device.target is not None else {}
    return {**seen, "input_sha256": facts.input_sha256, "idle_state": device.idle_state or seen.get("idle_state")}


def _config(facts: WorkloadFacts) -> Mapping[str, Any]:
    return {key: value for key, value in asdict(facts).items() if key not in {"operators", "input_sha256"}}


def _repeat_s(options: ProfileOptions) -> float:
    """About how long a repeat takes; warm-ups end early as a rule, so half of their limit."""
    return options.seconds + options.warmup_limit_s / 2


def _expected_s(options: ProfileOptions, *, energy: bool) -> float:
    return options.repeats * _repeat_s(options) + (2 * options.idle_s if energy else 0.0)

"""How a sensor is gauged: pulses of load of random lengths while it is looked at often, alone or beside a meter."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from edgewatt.profiler.analysis.synchronised import train_attributes
from edgewatt.profiler.clock import Clock, HostClock
from edgewatt.profiler.device import Device
from edgewatt.profiler.errors import NotMeasuredError, UsageError
from edgewatt.profiler.gauging import loads
from edgewatt.profiler.gauging.found import Found
from edgewatt.profiler.gauging.gauged import SLOWEST_S
from edgewatt.profiler.gauging.updates import Updates, updates_of
from edgewatt.profiler.progress import Progress, Silent
from edgewatt.profiler.running.beginning import begin_run
from edgewatt.profiler.running.gauging_read import PREFIX, RAW, looks_of, sensor_columns
from edgewatt.profiler.running.prepare import prepared
from edgewatt.profiler.running.record import recording_of, require_energy, why_not
from edgewatt.profiler.running.recording import Recording
from edgewatt.profiler.running.synchronise import Synchronising
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.synchronising.train import length_s
from edgewatt.profiler.window import SYNC_END, SYNC_START, Window

# Before the first pulse and after the last: the sensor has to come to rest.
_REST_S: Final = 2.0
# What was read until now is on the disk (running/recording.py, FLUSH_PERIOD_S) and a batch more.
_ON_DISK_S: Final = 2.0
# A busy machine takes longer.
_TRIES, _ENOUGH = 10, 50
# The second stage: so many periods of the sensor, within these limits.
_PERIODS: Final = 40
SHORTEST_S: Final = 24.0
LONGEST_S: Final = 240.0
# Of a sensor that showed no rhythm in the first stage.
_UNKNOWN_S: Final = 2.0
# One train at most so long: while it lasts nobody can tell the phone to stop.
_TRAIN_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class GaugingOptions:
    """How long the pulses last after the first look (None: as the sensor needs), and conditions to set by name."""

    seconds: float | None = None
    sensor: str | None = None
    conditions: Mapping[str, str] = field(default_factory=dict)


def gauge(
    device: Device,
    path: Path,
    *,
    meters: Sequence[Device] = (),
    options: GaugingOptions | None = None,
    clock: Clock | None = None,
    progress: Progress | None = None,
) -> Trace:
    """The run, recorded into the folder `path`, that `gauged` and `line_of` look at; the device is put back after it.

    Raises UsageError for a device that executes no pulses, NotMeasuredError for a sensor that is not there, a meter
    without energy, or a phone on its charger beside a meter, DeviceError if the device fails.
    """
    options, clock, progress = options or GaugingOptions(), clock or HostClock(), progress or Silent()
    if device.pulses is None:
        raise UsageError(f"{device.uri} executes no pulses of load; a phone does: -d adb: or a bench with a phone")
    if meters and device.quiet is not None:
        device = device.quiet()
    target = device.target
    if target is None:
        raise UsageError(f"{device.uri} has no place where a load could be executed")
    with prepared(device, options.conditions) as conditions:
        facts = dict(target.facts())
        if meters:
            _refuse_charger(device, facts)
        writer = begin_run(path, device, meters=meters, conditions=facts)
        with recording_of(writer, device, meters, clock, conditions) as recording:
            require_energy(recording, meters)
            if not device.collectors:
                raise NotMeasuredError(f"nothing reads {device.uri}: {why_not(recording.unavailable)}")
            _require_sensor(device, recording, options.sensor)
            _stages(_Stage(recording, device, progress), path, meters, options)
    return Trace.open(path)


def _require_sensor(device: Device, recording: Recording, named: str | None) -> None:
    """Raise NotMeasuredError for a sensor that is not there, before anything is loaded for it."""
    channels = [channel for opened in recording.opened for of in opened.channels.values() for channel in of]
    names = {name for channel in channels for name in (channel.name, channel.column)}
    if (named or RAW) not in names:
        asked = "current of a battery that can be read" if named is None else f"sensor {named!r}"
        raise NotMeasuredError(f"{device.uri} has no {asked}: {why_not(recording.unavailable)}")


def _refuse_charger(device: Device, facts: Mapping[str, object]) -> None:
    supply = facts.get("power_supply")
    if facts.get("charging") or supply not in (None, "battery"):
        raise NotMeasuredError(
            f"{device.uri} is fed by {supply or 'a charger'}, past the meter: sensor and meter do not see the same. "
            "Take the cable out and use adb over Wi-Fi (docs/phones.md), or --set charging=off"
        )


@dataclass(slots=True)
class _Stage:
    """Executes trains and records their edges."""

    recording: Recording
    device: Device
    progress: Progress
    trains: int = 0

    def train(self, pulses: loads.Pulses, what: str, left_s: float) -> None:
        """One train, in pieces that can be interrupted in between. Raises DeviceError if the device does not."""
        while pulses:
            piece, pulses = _cut(pulses, _TRAIN_S)
            self.progress.phase(what, left_s)
            left_s -= length_s(piece)
            assert self.device.pulses is not None  # noqa: S101  (gauge)
            edges = self.device.pulses(piece)
            span = int(edges.begin_ns[0]), int(edges.end_ns[-1])
            name = f"{PREFIX}{self.trains}"
            self.recording.window(Window(name, *span, self.device.clock, attributes=train_attributes(edges, ())))
            self.trains += 1


def _cut(pulses: loads.Pulses, most_s: float) -> tuple[loads.Pulses, loads.Pulses]:
    done_s, count = 0.0, 0
    while count < len(pulses) and (count == 0 or done_s + sum(pulses[count]) <= most_s):
        done_s += sum(pulses[count])
        count += 1
    return pulses[:count], pulses[count:]


def _stages(stage: _Stage, path: Path, meters: Sequence[Device], options: GaugingOptions) -> None:
    """A first look, then pulses that suit the sensor; between trains for the meter's clock where there is one."""
    recording, progress = stage.recording, stage.progress
    seconds = options.seconds or (LONGEST_S / 2 if meters else None)
    sync = Synchronising.of(recording, stage.device, meters)
    about_s = loads.FIRST_S + 2 * _REST_S + 2 * sync.takes_s + (seconds or SHORTEST_S * 2)
    progress.phase("at rest", about_s)
    recording.wait(_REST_S)
    sync.train(SYNC_START, progress, about_s)
    stage.train(loads.first(secrets.randbits(32)), "a first look at the sensor, under short pulses of load", about_s)
    # Beside a meter the phone keeps its samples until the end: what its profile says has to do.
    period_s = recording.settles_s or _UNKNOWN_S if meters else _period_s(recording, path, options)
    if seconds is None:
        seconds = min(max(_PERIODS * period_s, SHORTEST_S), LONGEST_S)
    pulses = loads.scaled(secrets.randbits(32), period_s, seconds)
    stage.train(pulses, "pulses of load for its lag and window", seconds + _REST_S + sync.takes_s)
    sync.train(SYNC_END, progress, _REST_S)
    progress.phase("at rest", _REST_S)
    recording.wait(max(_REST_S, min(2 * period_s, SLOWEST_S)))


def _period_s(recording: Recording, path: Path, options: GaugingOptions) -> float:
    """About how often the sensor gives a new value, from what is on the disk by now. Raises NotMeasuredError."""
    for _ in range(_TRIES):
        recording.wait(_ON_DISK_S)
        trace = Trace.open(path)
        columns = sensor_columns(trace, options.sensor)
        if trace.rows(trace.columns[columns[0]].stream) >= _ENOUGH:
            break
    looks = looks_of(trace, columns)
    updates = updates_of(looks.t_s, looks.columns[columns[0]])
    if isinstance(updates, Updates) and isinstance(updates.period, Found):
        return updates.period.value
    if isinstance(updates, Updates):
        return _UNKNOWN_S / 4
    # Nearly no changes in so long: a slow one, or none.
    return SLOWEST_S

"""Capture only: what the collectors of a device and its meters read, into a run."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Final

from edgewatt.profiler.channel import Unavailable
from edgewatt.profiler.clock import Clock, HostClock
from edgewatt.profiler.device import Device
from edgewatt.profiler.errors import NotMeasuredError
from edgewatt.profiler.progress import Progress, Silent
from edgewatt.profiler.protocols import Collector
from edgewatt.profiler.running.beginning import begin_run
from edgewatt.profiler.running.clocks import DeviceClock
from edgewatt.profiler.running.prepare import Prepared, left_changed
from edgewatt.profiler.running.recording import Recording
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.storage.writer import RunWriter

# How often a capture without an end says that it is alive.
PROGRESS_PERIOD_S: Final = 10.0


def record(
    device: Device,
    path: Path,
    *,
    meters: Sequence[Device] = (),
    seconds: float | None = None,
    clock: Clock | None = None,
    progress: Progress | None = None,
    at_end: Callable[[], None] | None = None,
) -> Trace:
    """The trace of everything that `device` and `meters` read for `seconds`, recorded into the folder `path`.

    Without `seconds` it ends when every source is exhausted (a replay) or with KeyboardInterrupt; the run on disk
    is closed either way. `at_end` is called when it has ended; where it raises, the run is marked interrupted.
    Raises UsageError if the folder is taken, NotMeasuredError if there is nothing to read or a meter gives no energy.
    """
    clock, progress = clock or HostClock(), progress or Silent()
    facts = device.target.facts() if device.target is not None else {}
    writer = begin_run(path, device, meters=meters, conditions=facts)
    if device.recorded is not None:
        device.recorded.restore(writer)
    with recording_of(writer, device, meters, clock) as recording:
        recording.reasons.extend(left_changed(device))
        require_energy(recording, meters)
        if device.recorded is None and not any(opened.channels for opened in recording.opened):
            raise NotMeasuredError(f"nothing to record on {device.uri}: {why_not(recording.unavailable)}")
        if device.recorded is not None:
            device.recorded.replay(recording)
        _capture(recording, seconds, progress)
        if at_end is not None:
            at_end()
    return Trace.open(path)


@contextmanager
def recording_of(
    writer: RunWriter, device: Device, meters: Sequence[Device], clock: Clock, conditions: Prepared | None = None
) -> Iterator[Recording]:
    """The recording of a device and its meters, with the fits of their clocks; `conditions` are put back at its end.

    The first look at each clock is in the manifest before the first sample, so that a crash loses no time base.
    """
    clocks = [one for d in (device, *meters) if (one := DeviceClock(d, clock)).is_needed]
    fits = dict(writer.manifest.clocks)
    try:
        for one in clocks:
            fits |= one.begin()
        missing = () if conditions is None else conditions.unavailable
        writer.update(clocks=fits, unavailable=[*writer.manifest.unavailable, *map(asdict, missing)])
        writer.flush()
    except BaseException:
        writer.close("interrupted")
        raise
    with Recording(writer, collectors_of(device, meters), clock) as recording:
        try:
            yield recording
        finally:
            if conditions is not None:
                conditions.restore()
                recording.reasons.extend(conditions.reasons)
            for one in clocks:
                fit = one.end()
                fits[fit.clock] = fit.to_json()
                recording.reasons.extend(one.reasons)
            recording.update(clocks=fits)
            recording.reasons.extend(reason for d in (device, *meters) for reason in d.remarks())


def collectors_of(device: Device, meters: Sequence[Device]) -> list[Collector]:
    """The instruments of a device and its meters; a device that is its own meter counts once."""
    return [c for d in (device, *(m for m in meters if m is not device)) for c in d.collectors]


def require_energy(recording: Recording, meters: Sequence[Device]) -> None:
    """Raise NotMeasuredError for a meter that was asked for by name and gives no joules."""
    for meter in meters:
        if not recording.gives_energy(meter.collectors):
            raise NotMeasuredError(f"energy was asked of {meter.uri}: {why_not(recording.unavailable)}")


def why_not(unavailable: Sequence[Unavailable]) -> str:
    """What could not be measured and why, in one line, with the first fix."""
    if not unavailable:
        return "it has no channels"
    reasons = "; ".join(f"{u.what}: {u.reason}" for u in unavailable)
    fix = next((u.fix for u in unavailable if u.fix), "")
    return f"{reasons}. {fix}" if fix else reasons


def _capture(recording: Recording, seconds: float | None, progress: Progress) -> None:
    left_s = math.inf if seconds is None else seconds
    while left_s > 0 and not recording.ended:
        progress.phase("recording", None if seconds is None else left_s)
        recording.wait(min(left_s, PROGRESS_PERIOD_S))
        left_s -= PROGRESS_PERIOD_S

"""A profile run of one configuration, from the first look to the tables: the order of measurement.md."""

from collections.abc import Sequence
from pathlib import Path

from edgewatt.profiler.clock import Clock
from edgewatt.profiler.device import Device
from edgewatt.profiler.progress import Progress
from edgewatt.profiler.protocols import WorkloadRequest
from edgewatt.profiler.running.measuring import Planned, measure_many
from edgewatt.profiler.running.options import ProfileOptions
from edgewatt.profiler.storage.trace import Trace

__all__ = ["ProfileOptions", "profile"]


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
    planned = [Planned(request)]
    return measure_many(device, planned, path, meters=meters, options=options, clock=clock, progress=progress)

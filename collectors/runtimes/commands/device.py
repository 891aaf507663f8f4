"""A device that executes a command instead of a model."""

from dataclasses import replace

from edgewatt.collectors.runtimes.commands.asked import Asked
from edgewatt.collectors.runtimes.commands.places import place_of
from edgewatt.collectors.runtimes.commands.workload import CommandWorkload
from edgewatt.profiler.device import Device
from edgewatt.profiler.protocols import Workload, WorkloadRequest


def executing(device: Device, asked: Asked) -> Device:
    """The device with the command as its workload, also where it keeps still beside a meter.

    Raises UsageError for a meter, which executes nothing.
    """
    place_of(device, asked)

    def workload(request: WorkloadRequest) -> Workload:
        return CommandWorkload(place_of(device, asked), asked, request.note)

    quiet = device.quiet
    found = replace(device, workload=workload)
    return found if quiet is None else replace(found, quiet=lambda: replace(quiet(), workload=workload))

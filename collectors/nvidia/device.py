"""A GPU as a device or a meter: `nvml:0` by index, `nvml:GPU-...` by UUID; options `name=` and `wake=yes`.

What runs on it are programs of the host, so its target is the host. `sysfs=DIR` is where /sys is mounted elsewhere.
"""

import os
from pathlib import Path
from typing import Final

from edgewatt.collectors.generic.options import name_of
from edgewatt.collectors.nvidia.collector import Nvml
from edgewatt.collectors.nvidia.conditions import gpu_facts
from edgewatt.collectors.nvidia.gpu import count, described, find
from edgewatt.collectors.nvidia.library import DRIVER_NOT_LOADED, LIBRARY_NOT_FOUND, NvmlError, not_started, session
from edgewatt.collectors.nvidia.suspended import SYSFS, asleep, gpus_on_bus
from edgewatt.collectors.transports.local import LocalTarget
from edgewatt.profiler.channel import Unavailable
from edgewatt.profiler.device import Device, DeviceUri, Family, Found, only_options
from edgewatt.profiler.errors import DeviceError, UsageError

# The stand-in library of the virtual lab is told its GPUs by this variable: whoever has it set measures none.
LAB: Final = "EDGEWATT_LAB_NVML"
# The joules of a GPU in MIG mode are those of all its slices.
WHOLE_GPU: Final = "mig_whole_gpu"
WAKE: Final = "reading it wakes it up, and it then draws power: start your work on it first, or allow it with ?wake=yes"


def open_nvml(uri: DeviceUri) -> Device:
    """The GPU that the URI names. Raises UsageError for a URI it cannot read, DeviceError without such a GPU."""
    only_options(uri, "name", "wake", "sysfs")
    if uri.options.get("wake", "no") not in {"yes", "no"}:
        raise UsageError(f"device {uri.text!r}: wake is {uri.options['wake']!r}, expected yes or no")
    asked = uri.rest or "0"
    sleeper = asleep(asked, Path(uri.options.get("sysfs", SYSFS)))
    if sleeper is not None and uri.options.get("wake") != "yes":
        raise DeviceError(f"device {uri.text!r}: the GPU at {sleeper.bus_id} is asleep; {WAKE}")
    try:
        with session() as library:
            gpu = find(library, asked)
            facts = gpu_facts(gpu)
    except NvmlError as failure:
        raise not_started(failure) from None
    mig = bool(facts["gpu_mig_mode"])
    return Device(
        uri=uri.text,
        name=gpu.name,
        device_id=gpu.uuid or f"nvml:{gpu.index}",
        collectors=(Nvml(gpu.uuid or str(gpu.index), name_of(uri, f"nvml{gpu.index}")),),
        soc=gpu.name,
        simulated=LAB in os.environ,
        idle_state="awake",
        target=LocalTarget(),
        facts=facts,
        sees_pulses=False,
        remarks=lambda: (WHOLE_GPU,) if mig else (),
    )


def discover() -> list[Found]:
    """The GPUs that NVML sees, without waking any; where there are some and NVML fails, why."""
    there = gpus_on_bus()
    if any(gpu.asleep for gpu in there):
        return [_on_bus(index, gpu.bus_id, asleep=gpu.asleep) for index, gpu in enumerate(there)]
    try:
        with session() as library:
            gpus = [described(library, library.ask("DeviceGetHandleByIndex", k), k) for k in range(count(library))]
    except NvmlError as failure:
        nothing = failure.code in {LIBRARY_NOT_FOUND, DRIVER_NOT_LOADED} and not there
        return [] if nothing else [_blocked(not_started(failure))]
    except DeviceError as error:
        return [_blocked(error)] if there else []
    return [Found(f"nvml:{gpu.index}", gpu.name) for gpu in gpus]


def _on_bus(index: int, bus_id: str, *, asleep: bool) -> Found:
    blocked = (Unavailable("nvml", "it is asleep", WAKE),) if asleep else ()
    return Found(f"nvml:{index}", f"NVIDIA GPU at {bus_id}", blocked)


def _blocked(error: DeviceError) -> Found:
    return Found("nvml:0", "NVIDIA GPU", (Unavailable("nvml", str(error)),))


FAMILY: Final = Family(usage="nvml:INDEX|GPU-UUID[?name=NAME][&wake=yes]", open=open_nvml, discover=discover)

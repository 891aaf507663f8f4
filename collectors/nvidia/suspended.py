"""GPUs that the kernel has put to sleep: whoever asks one something wakes it, and it then draws power.

Seen without touching the driver: kernel Documentation/ABI/testing/sysfs-bus-pci and sysfs-devices-power.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edgewatt.collectors.generic.sysfs import names_in, read_text

SYSFS: Final = Path("/sys")
_VENDOR: Final = "0x10de"
# PCI classes VGA controller and 3D controller.
_CLASSES: Final = ("0x0300", "0x0302")


@dataclass(frozen=True, slots=True)
class OnBus:
    """An NVIDIA GPU on the PCI bus, in the order in which NVML counts them."""

    bus_id: str
    asleep: bool


def gpus_on_bus(sysfs: Path = SYSFS) -> list[OnBus]:
    """The NVIDIA GPUs on the PCI bus; none on a Jetson, whose GPU is not on one."""
    root = sysfs / "bus/pci/devices"
    found = []
    for name in names_in(root):
        if read_text(root / name / "vendor", 16) != _VENDOR:
            continue
        if not (read_text(root / name / "class", 16) or "").startswith(_CLASSES):
            continue
        status = read_text(root / name / "power/runtime_status", 32)
        found.append(OnBus(name, asleep=status in {"suspended", "suspending"}))
    return found


def asleep(asked: str, sysfs: Path = SYSFS) -> OnBus | None:
    """The sleeping GPU that asking for `asked` would wake: the one of that index, by UUID any."""
    there = gpus_on_bus(sysfs)
    if asked.isdigit():
        there = there[int(asked) : int(asked) + 1]
    return next((gpu for gpu in there if gpu.asleep), None)

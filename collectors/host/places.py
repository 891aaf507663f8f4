"""Where a Linux machine tells of itself; every place is a parameter, so that a container or a test is a folder."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Places:
    """The roots of /sys, /proc, and of everything else (/etc, /run)."""

    sysfs: Path = Path("/sys")
    proc: Path = Path("/proc")
    root: Path = Path("/")

    @property
    def cpus(self) -> Path:
        """The processors."""
        return self.sysfs / "devices/system/cpu"

    @property
    def cpufreq(self) -> Path:
        """The frequency policies: one per cluster, on many machines one per processor."""
        return self.cpus / "cpufreq"

    @property
    def hwmon(self) -> Path:
        """The chips that measure voltages, currents, power and temperatures."""
        return self.sysfs / "class/hwmon"

    @property
    def thermal(self) -> Path:
        """The thermal zones."""
        return self.sysfs / "class/thermal"

    @property
    def dmi(self) -> Path:
        """What the firmware calls this machine."""
        return self.sysfs / "class/dmi/id"


HERE = Places()

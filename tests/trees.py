"""Fake /sys and /proc trees under a folder, laid out as the kernel lays out the real ones."""

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from edgewatt.profiler.clock import ManualClock

# 2^32 counts of 15.3 microjoule: the smaller of the two ranges in the field.
RANGE_UJ = 65_712_999_613
COUNT_UJ = 15

CPUINFO = """processor\t: {number}
vendor_id\t: {vendor}
model name\t: {model}
flags\t\t: fpu vme {flags}

"""


def write(path: Path, content: str | bytes | int) -> Path:
    """A file with this content and the folders that it needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else f"{content}\n".encode())
    return path


def link(path: Path, target: Path) -> Path:
    """A relative link, as sysfs has them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(os.path.relpath(target, path.parent))
    return path


class LivingClock(ManualClock):
    """A manual clock, and files that change as its time goes on."""

    def __init__(self, live: Callable[[int], None], start_ns: int = 0) -> None:
        super().__init__(start_ns)
        self._live = live
        live(start_ns)

    def advance(self, seconds: float) -> None:
        """Move on, and let the files change."""
        super().advance(seconds)
        self._live(self.now_ns())


@dataclass(slots=True)
class Powercap:
    """RAPL zones whose counters are functions of time: `power_w` by the zone's path below intel-rapl."""

    sysfs: Path
    power_w: dict[str, float] = field(default_factory=dict)
    start_uj: dict[str, int] = field(default_factory=dict)
    range_uj: int = RANGE_UJ

    @property
    def base(self) -> Path:
        """Where the zones really lie."""
        return self.sysfs / "devices/virtual/powercap"

    def zone(self, control: str, ids: str, name: str, power_w: float, *, start_uj: int = 1_000_000) -> Path:
        """Add a zone such as ("intel-rapl", "0:1"), and the link that the class folder has to it."""
        parts = ids.split(":")
        folder = self.base / control
        for depth in range(1, len(parts) + 1):
            folder /= f"{control}:{':'.join(parts[:depth])}"
        write(folder / "name", name)
        write(folder / "max_energy_range_uj", self.range_uj)
        write(folder / "energy_uj", start_uj)
        key = str(folder.relative_to(self.base))
        self.power_w[key], self.start_uj[key] = power_w, start_uj
        link(self.sysfs / "class/powercap" / folder.name, folder)
        return folder

    def live(self, t_ns: int) -> None:
        """Set every counter that is still there to its value at this time."""
        for key, power_w in self.power_w.items():
            path = self.base / key / "energy_uj"
            if path.is_file():
                count = self.start_uj[key] + round(power_w * t_ns / 1e3)
                path.write_text(f"{count % (self.range_uj + COUNT_UJ)}\n")


def server(sysfs: Path, packages: int = 1) -> Powercap:
    """Packages with core and DRAM, the memory-mapped duplicate of the first, and no platform counter."""
    tree = Powercap(sysfs)
    for number in range(packages):
        tree.zone("intel-rapl", f"{number}", f"package-{number}", 50.0 + number)
        tree.zone("intel-rapl", f"{number}:0", "core", 30.0)
        tree.zone("intel-rapl", f"{number}:1", "dram", 5.0)
    tree.zone("intel-rapl-mmio", "0", "package-0", 50.0)
    return tree


def chip(sysfs: Path, number: int, name: str, files: Mapping[str, str | bytes | int], *, device: str = "") -> Path:
    """A hwmon chip, its folder below its device and a link to it in the class folder."""
    owner = sysfs / "devices/platform" / (device or f"chip{number}")
    folder = owner / f"hwmon/hwmon{number}"
    write(folder / "name", name)
    for file, content in files.items():
        write(folder / file, content)
    if device:
        link(folder / "device", owner)
    link(sysfs / f"class/hwmon/hwmon{number}", folder)
    return folder


def rail(number: int, label: str | None, millivolt: int = 5000, milliampere: int = 1000) -> dict[str, str | int]:
    """The files of one channel of an INA3221."""
    files: dict[str, str | int] = {f"in{number}_input": millivolt, f"curr{number}_input": milliampere}
    return files if label is None else {**files, f"in{number}_label": label}


def thermal_zone(sysfs: Path, number: int, kind: str, millidegree: int | bytes) -> Path:
    """A thermal zone and its link in the class folder."""
    folder = sysfs / f"devices/virtual/thermal/thermal_zone{number}"
    write(folder / "type", kind)
    write(folder / "temp", millidegree)
    link(sysfs / f"class/thermal/thermal_zone{number}", folder)
    return folder


def policy(sysfs: Path, number: int, khz: int, *, cpus: str | None = None, governor: str = "schedutil") -> Path:
    """A frequency policy."""
    folder = sysfs / f"devices/system/cpu/cpufreq/policy{number}"
    write(folder / "scaling_cur_freq", khz)
    write(folder / "scaling_min_freq", 800_000)
    write(folder / "scaling_max_freq", 3_400_000 + 1000 * number)
    write(folder / "scaling_governor", governor)
    write(folder / "related_cpus", str(number) if cpus is None else cpus)
    return folder


@dataclass(frozen=True, slots=True)
class Proc:
    """/proc of a machine whose processors are busy for a given share of the time."""

    root: Path
    busy: tuple[float, ...] = (0.25, 0.75)

    def live(self, t_ns: int) -> None:
        """Write /proc/stat as it is at this time, in ticks of 10 ms."""
        if not self.root.is_dir():
            return
        rows = [(round(t_ns / 1e7 * share), round(t_ns / 1e7 * (1 - share))) for share in self.busy]
        both = [("", (sum(b for b, _ in rows), sum(i for _, i in rows))), *((str(n), r) for n, r in enumerate(rows))]
        lines = [f"cpu{number} {busy} 0 0 {idle} 0 0 0 0 0 0" for number, (busy, idle) in both]
        write(self.root / "stat", "\n".join([*lines, "intr 7 0 0", "ctxt 12", "btime 1700000000"]))


def proc(
    root: Path, *, vendor: str = "GenuineIntel", model: str = "Intel(R) Xeon(R) CPU @ 2.60GHz", flags: str = "sse2"
) -> Proc:
    """A /proc with two processors."""
    text = "".join(CPUINFO.format(number=n, vendor=vendor, model=model, flags=flags) for n in range(2))
    write(root / "cpuinfo", text)
    write(root / "meminfo", "MemTotal:       16000 kB\nMemFree:         1000 kB\nMemAvailable:    6000 kB")
    write(root / "loadavg", "0.52 0.58 0.59 1/467 12345")
    write(root / "sys/kernel/osrelease", "6.1.0-test")
    write(root / "sys/kernel/random/boot_id", "11111111-2222-3333-4444-555555555555")
    tree = Proc(root)
    tree.live(0)
    return tree


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that everybody may enter, which pytest's own are not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextmanager
def as_somebody_else(folder: Path) -> Iterator[None]:
    """Without the rights of root, to whom no file in `folder` is denied; no change where the tests are not root."""
    if os.geteuid() != 0:
        yield
        return
    assert folder.stat().st_mode & 0o005, f"{folder} cannot be entered"
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)

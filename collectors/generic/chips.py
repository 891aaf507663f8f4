"""The chips of Linux hwmon: one folder each, whatever they measure."""

from dataclasses import dataclass
from pathlib import Path

from edgewatt.collectors.generic.sysfs import names_in, read_int, read_text


@dataclass(frozen=True, slots=True)
class Chip:
    """One chip: its folder, its driver's name, the device that it is ("" if it says none), and its files."""

    folder: Path
    name: str
    device: str
    files: frozenset[str]

    @property
    def key(self) -> str:
        """What tells it from other chips: its device, or its folder where it says none."""
        return self.device or self.folder.name

    def label(self, channel: str) -> str | None:
        """What the board's maker calls `channel`, such as `in1`.

        ACPI power meters say it in `oem_info` (kernel Documentation/hwmon/acpi_power_meter.rst), such as a Grace
        Hopper's `Module Power Socket 0`.
        """
        files = (name for name in (f"{channel}_label", f"{channel}_oem_info") if name in self.files)
        return next((text for name in files if (text := read_text(self.folder / name, 256))), None)

    def seconds(self, name: str) -> float | None:
        """An interval that the chip states, in millisecond, in the file `name`; None if it states none."""
        try:
            value_ms = read_int(self.folder / name) if name in self.files else None
        except OSError:
            return None
        return value_ms / 1000 if value_ms is not None and 0 < value_ms < 10_000_000 else None


def find_chips(root: Path) -> list[Chip]:
    """The chips below `root` (/sys/class/hwmon), each once, ordered by their device: numbers change between boots."""
    folders = {
        folder.resolve(): folder
        for folder in (root / name for name in names_in(root) if name.startswith("hwmon"))
        if folder.is_dir()
    }
    chips = [
        Chip(folder, read_text(folder / "name", 256) or folder.name, _device(folder), frozenset(names_in(folder)))
        for folder in folders.values()
    ]
    return sorted(chips, key=lambda chip: (chip.device, chip.name, chip.folder.name))


def _device(folder: Path) -> str:
    link = folder / "device"
    return link.resolve().name if link.is_dir() else ""

"""The zones of RAPL as Linux powercap shows them: which there are, what they are called, and why there are none.

Kernel Documentation/power/powercap/powercap.rst: a zone is a folder with `name`, `energy_uj` and
`max_energy_range_uj`, and its subzones lie in it. /sys/class/powercap has a flat list of links to them; a container
often has only the folders below /sys/devices/virtual/powercap, or links that lead nowhere.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edgewatt.collectors.generic.sysfs import chmod, names_in, read_text
from edgewatt.collectors.host.places import Places
from edgewatt.collectors.host.surroundings import container, has_rapl, virtual_machine
from edgewatt.profiler.channel import Unavailable, channel_name

# The memory-mapped registers (-mmio) are a second way to the same counters.
_ZONE: Final = re.compile(r"intel-rapl(?P<mmio>-mmio)?:(?P<ids>[0-9]{1,4}(?::[0-9]{1,4}){0,3})")
_CONTROL_TYPES: Final = ("intel-rapl", "intel-rapl-mmio")

CVE: Final = "only root may read it since CVE-2020-8694"
METER: Final = "measure with an external meter (-m)"


@dataclass(frozen=True, slots=True)
class Zone:
    """One counter: its folder, its id (0, or 0:1 for a subzone), and its name with its parent's before it."""

    folder: Path
    ids: tuple[int, ...]
    mmio: bool
    label: str

    @property
    def energy(self) -> Path:
        """The counter."""
        return self.folder / "energy_uj"


def find_zones(places: Places) -> dict[str, list[Zone]]:
    """The zones by label; those that several folders give, the memory-mapped ones last."""
    folders: dict[Path, tuple[Path, tuple[int, ...], bool]] = {}
    for root in _roots(places):
        for zone in _walk(root):
            folders.setdefault(zone[0].resolve(), zone)
    found = sorted(folders.values(), key=lambda zone: (zone[2], zone[1]))
    names = {(mmio, ids): _name(folder) for folder, ids, mmio in found}
    zones: dict[str, list[Zone]] = {}
    for folder, ids, mmio in found:
        above = (names.get((mmio, ids[:depth])) or f"intel-rapl_{ids[0]}" for depth in range(1, len(ids)))
        label = channel_name("_".join([*above, names[mmio, ids]]))
        zones.setdefault(label, []).append(Zone(folder, ids, mmio, label))
    return zones


def why_none(places: Places) -> Unavailable:
    """Why this system shows no RAPL at all, and what would help."""
    if _leads_nowhere(places.sysfs / "class/powercap"):
        return Unavailable(
            "rapl",
            f"{places.sysfs}/class/powercap leads nowhere: containers hide RAPL (GHSA-jq35-85cj-fj4p)",
            "start it with -v /sys:/host/sys:ro and use -d 'host?sysfs=/host/sys' as root, or measure outside of it",
        )
    if hypervisor := virtual_machine(places):
        return Unavailable(
            "rapl",
            f"a virtual machine ({hypervisor}) without RAPL: its processor's energy cannot be seen from inside",
            f"run on the machine itself, or {METER}",
        )
    if inside := container(places):
        return Unavailable(
            "rapl",
            f"no powercap zones under {places.sysfs} in this container ({inside})",
            "start it with -v /sys/devices/virtual/powercap:/sys/devices/virtual/powercap:ro",
        )
    if has_rapl(places):
        return Unavailable(
            "rapl",
            f"no powercap zones under {places.sysfs}, though the processor may have RAPL",
            "sudo modprobe intel_rapl_msr  (AMD: from kernel 5.11 on)",
        )
    return Unavailable("rapl", f"no powercap zones under {places.sysfs}: a processor without RAPL", METER)


def denied(label: str, path: Path, places: Places) -> Unavailable:
    """The counter exists and may not be read; what lets it be."""
    boot = f"keep it: echo 'z {path.resolve()} 0444' | sudo tee /etc/tmpfiles.d/edgewatt-rapl.conf"
    fix = f"{chmod(path)}  (until the next boot; to {boot}; or give the reader CAP_DAC_READ_SEARCH)"
    if container(places):
        fix = f"on the host, outside of this container: {fix}"
    return Unavailable(f"{label}.energy_j", f"{path}: permission denied; {CVE}", fix)


def _roots(places: Places) -> list[Path]:
    virtual = places.sysfs / "devices/virtual/powercap"
    return [places.sysfs / "class/powercap", *(virtual / control for control in _CONTROL_TYPES)]


def _walk(folder: Path, depth: int = 0) -> Iterator[tuple[Path, tuple[int, ...], bool]]:
    """The zones in a folder and, at most four deep, in them."""
    for name in names_in(folder):
        found = _ZONE.fullmatch(name)
        if found is None or not (folder / name).is_dir():
            continue
        yield folder / name, tuple(int(part) for part in found["ids"].split(":")), found["mmio"] is not None
        if depth < 3:
            yield from _walk(folder / name, depth + 1)


def _name(folder: Path) -> str:
    return read_text(folder / "name") or folder.name


def _leads_nowhere(root: Path) -> bool:
    return any(_ZONE.fullmatch(name) and not (root / name).exists() for name in names_in(root))

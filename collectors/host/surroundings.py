"""Whether this is a machine, a virtual one, or a container in either: what decides which sensors can exist."""

import re
from typing import Final

from edgewatt.collectors.generic.sysfs import read_bytes, read_text
from edgewatt.collectors.host.places import Places

CPUINFO_LIMIT: Final = 1 << 20

# What firmware calls the machines of each hypervisor. "Amazon EC2" is left out: on ARM its bare metal says it too.
_PRODUCTS: Final = (
    ("qemu", "QEMU"),
    ("kvm", "KVM"),
    ("firecracker", "Firecracker"),
    ("vmware", "VMware"),
    ("virtualbox", "VirtualBox"),
    ("google compute engine", "Google Compute Engine"),
    ("microsoft corporation virtual machine", "Hyper-V"),
    ("xen", "Xen"),
    ("bochs", "Bochs"),
    ("parallels", "Parallels"),
    ("bhyve", "bhyve"),
)
_CONTAINER_FILES: Final = (("run/.containerenv", "podman"), (".dockerenv", "docker"))
_CONTAINER_GROUPS: Final = re.compile(r"(docker|kubepods|libpod|cri-containerd|lxc)(?:[/-]|\.slice|\.payload)")


def virtual_machine(places: Places) -> str | None:
    """The hypervisor below this system, "unknown hypervisor" if it hides its name; None on a real machine.

    On x86 its flag decides (CPUID leaf 1, ECX bit 31) and the firmware only gives the name: bare-metal instances of
    clouds have the firmware of their virtual ones. Elsewhere there is no flag, and the firmware decides.
    """
    flags = (_cpu_field(places, "flags") or "").split()
    if flags and "hypervisor" not in flags:
        return None
    firmware = " ".join(read_text(places.dmi / name) or "" for name in ("sys_vendor", "product_name")).lower()
    named = next((name for key, name in _PRODUCTS if key in firmware), None)
    named = named or read_text(places.sysfs / "hypervisor/type", 64)
    return named or ("unknown hypervisor" if flags else None)


def container(places: Places) -> str | None:
    """The kind of container around this process, None if there is no sign of one."""
    for file, name in _CONTAINER_FILES:
        if (places.root / file).exists():
            return name
    if manager := read_text(places.root / "run/systemd/container"):
        return manager[:40]
    found = _CONTAINER_GROUPS.search(read_text(places.proc / "self/cgroup", CPUINFO_LIMIT) or "")
    return found[1] if found else None


def has_rapl(places: Places) -> bool:
    """True if the processor's vendor makes processors with RAPL (Intel, AMD, Hygon)."""
    return _cpu_field(places, "vendor_id") in {"GenuineIntel", "AuthenticAMD", "HygonGenuine"}


def cpu_model(places: Places) -> str | None:
    """What the processor calls itself; where it says nothing, as on ARM, the board's name from the device tree."""
    model = _cpu_field(places, "model name")
    if model is None:
        tree = read_text(places.sysfs / "firmware/devicetree/base/model")
        return tree.strip("\0 ") if tree else None
    return " ".join(re.sub(r"\((?:R|TM|tm)\)|CPU|Processor|@.*", " ", model).split()) or None


def _cpu_field(places: Places, name: str) -> str | None:
    """The field of the first processor in /proc/cpuinfo."""
    try:
        lines = read_bytes(places.proc / "cpuinfo", CPUINFO_LIMIT).decode(errors="replace").splitlines()
    except OSError:
        return None
    for line in lines:
        key, colon, value = line.partition(":")
        if colon and key.strip() == name:
            return value.strip() or None
    return None

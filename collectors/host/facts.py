"""What a measurement on a Linux host depends on, and who this host is."""

import hashlib
import hmac
import os
import platform
from typing import Any, Final

from edgewatt.collectors.generic.sysfs import read_bytes, read_text
from edgewatt.collectors.host.frequency import Policy, find_policies
from edgewatt.collectors.host.kernel import parse_meminfo
from edgewatt.collectors.host.places import HERE, Places
from edgewatt.collectors.host.supply import supply_facts
from edgewatt.collectors.host.surroundings import container, cpu_model, virtual_machine
from edgewatt.collectors.host.temperature import find_sensors, processor_c

# machine-id(5) asks not to show the id itself but a keyed hash of it, with a key of the application's own.
APPLICATION_KEY: Final = b"edgewatt device_id 1"


def host_facts(places: Places = HERE) -> dict[str, Any]:
    """The conditions of this host as plain JSON; a key that cannot be read is None."""
    policies = find_policies(places)
    temperatures_c = _temperatures_c(places)
    return {
        **static_facts(places),
        "os_build": _os_build(places),
        "boot_id": read_text(places.proc / "sys/kernel/random/boot_id", 256),
        "governor": _governors(policies),
        "frequency_min_hz": _caps_hz(policies, "scaling_min_freq"),
        "frequency_max_hz": _caps_hz(policies, "scaling_max_freq"),
        "turbo": _turbo(places),
        **supply_facts(places),
        "cpuset": _ranges(sorted(os.sched_getaffinity(0))),
        "load_before": _load_average(places),
        "temperature_c": processor_c(temperatures_c),
        "temperatures_c": temperatures_c,
    }


def static_facts(places: Places = HERE) -> dict[str, Any]:
    """What does not change while the machine runs."""
    return {
        "cpu_model": cpu_model(places),
        "cpu_count": os.cpu_count(),
        "architecture": platform.machine(),
        "memory_total_b": _memory_total_b(places),
        "virtual_machine": virtual_machine(places) or "no",
        "container": container(places) or "no",
        "python": platform.python_version(),
        "device_id_basis": _identity(places)[1],
    }


def device_id(places: Places = HERE) -> str:
    """16 hex digits that stay with this installation of the system: HMAC-SHA-256 of its machine-id.

    Without a machine-id (containers often have none) of the D-Bus id, else of the board's serial number, else of the
    host's name and processor, which `device_id_basis` in the facts then says: two such hosts may share an id.
    """
    return hmac.new(APPLICATION_KEY, _identity(places)[0].encode(), hashlib.sha256).hexdigest()[:16]


def _identity(places: Places) -> tuple[str, str]:
    for path, basis in (
        (places.root / "etc/machine-id", "machine-id"),
        (places.root / "var/lib/dbus/machine-id", "dbus machine-id"),
        (places.dmi / "product_uuid", "dmi product_uuid"),
        (places.sysfs / "firmware/devicetree/base/serial-number", "devicetree serial-number"),
    ):
        text = read_text(path, 256)
        if text and text != "uninitialized":
            return text, basis
    return f"{platform.node()} {cpu_model(places)}", "host name and processor"


def _os_build(places: Places) -> str | None:
    kernel = read_text(places.proc / "sys/kernel/osrelease", 256)
    release = read_text(places.root / "etc/os-release") or ""
    named = release.partition("PRETTY_NAME=")[2]
    distribution = named[1:].partition(named[0])[0] if named[:1] in {'"', "'"} else named.partition(" ")[0]
    return " ".join(part for part in (distribution, kernel) if part) or None


def _governors(policies: list[Policy]) -> str | None:
    return ",".join(sorted({name for policy in policies if (name := policy.governor())})) or None


def _caps_hz(policies: list[Policy], name: str) -> list[float] | None:
    """The different limits of the clusters, ascending."""
    return sorted({value for policy in policies if (value := policy.cap_hz(name)) is not None}) or None


def _turbo(places: Places) -> bool | None:
    """Whether the processor may exceed its nominal frequency (intel_pstate/no_turbo, cpufreq/boost)."""
    if (off := read_text(places.cpus / "intel_pstate/no_turbo", 16)) in {"0", "1"}:
        return off == "0"
    boost = read_text(places.cpufreq / "boost", 16)
    return boost == "1" if boost in {"0", "1"} else None


def _load_average(places: Places) -> float | None:
    """Processes that ran or wanted to, averaged over the last minute."""
    try:
        return float((read_text(places.proc / "loadavg", 256) or "").split(" ")[0])
    except ValueError:
        return None


def _memory_total_b(places: Places) -> int | None:
    try:
        return parse_meminfo(read_bytes(places.proc / "meminfo"))[0]
    except OSError:
        return None


def _temperatures_c(places: Places) -> dict[str, float]:
    found = {}
    for sensor in find_sensors(places)[0]:
        try:
            (value_c,) = sensor.read()
        except OSError:
            continue
        if value_c is not None:
            found[sensor.name] = value_c
    return found


def _ranges(numbers: list[int]) -> str:
    """Processor numbers as the kernel writes them: "0-3,8"."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in parts)

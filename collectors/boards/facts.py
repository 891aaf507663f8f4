"""Who a Linux board is and what a measurement on it depends on, from its files: keys as of a host's facts."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any, Final

from edgewatt.collectors.android.files import cpu
from edgewatt.collectors.android.files.look import clean, folder, natural, whole
from edgewatt.collectors.host.facts import APPLICATION_KEY
from edgewatt.collectors.host.frequency import to_hz
from edgewatt.collectors.host.kernel import parse_meminfo
from edgewatt.collectors.host.temperature import processor_c
from edgewatt.collectors.jetson import facts as jetson
from edgewatt.collectors.jetson import heat
from edgewatt.collectors.jetson.look import BoardLook

_POLICY: Final = "{sysfs}/devices/system/cpu/cpufreq/policy*"
_SUPPLY: Final = "{sysfs}/class/power_supply/*"
_DMI: Final = "{sysfs}/class/dmi/id"
# What changes while a board runs, and what does not.
CONDITIONS: Final = (
    *("{root}/etc/os-release", "{proc}/sys/kernel/osrelease", "{proc}/sys/kernel/random/boot_id", "{proc}/loadavg"),
    *(f"{_POLICY}/{file}" for file in ("scaling_min_freq", "scaling_max_freq", "scaling_governor")),
    "{sysfs}/devices/system/cpu/intel_pstate/no_turbo",
    "{sysfs}/devices/system/cpu/cpufreq/boost",
    *(f"{_SUPPLY}/{file}" for file in ("type", "scope", "status", "online")),
    "{proc}/self/status",
    *heat.CANDIDATES,
)
IDENTITY: Final = (
    *("{proc}/cpuinfo", "{proc}/meminfo", "{proc}/sys/kernel/hostname"),
    *("{root}/etc/machine-id", "{root}/var/lib/dbus/machine-id"),
    *(f"{_DMI}/{file}" for file in ("sys_vendor", "product_name", "board_name")),
)
CANDIDATES: Final = (*CONDITIONS, *IDENTITY, *cpu.CANDIDATES)

_BOOT_ID: Final = re.compile(r"[0-9a-f-]{8,64}")
_RANGES: Final = re.compile(r"^Cpus_allowed_list:\s*([0-9][0-9,-]{0,127})\s*$", re.MULTILINE)
_PRETTY: Final = re.compile(r"^PRETTY_NAME=[\"']?([^\"'\n]{1,128})", re.MULTILINE)
_MODEL: Final = re.compile(r"^model name\s*:\s*(.{1,200})$", re.MULTILINE)
_PROCESSOR: Final = re.compile(r"^processor\s*:", re.MULTILINE)
_LOAD: Final = re.compile(r"([0-9]{1,6}\.[0-9]{1,3}) ")
# Placeholders of firmware that nobody filled in.
_UNNAMED: Final = re.compile(r"(?i)(to be filled.*|default string|system product name|none|unknown|o\.e\.m\.)")


def name_of_board(look: BoardLook) -> str | None:
    """Its name for people: of the device tree, of the firmware, else its host name."""
    firmware = [look.fact(look.at(f"{_DMI}/{file}")) for file in ("sys_vendor", "product_name")]
    named = " ".join(part for part in firmware if part and not _UNNAMED.fullmatch(part))
    return jetson.model_of(look) or clean(named) or look.fact(look.at("{proc}/sys/kernel/hostname"))


def device_id_of_board(look: BoardLook, address: str) -> tuple[str, str]:
    """16 hex digits that stay with it, and what they come from: its serial number, else its machine-id, else `address`.

    HMAC-SHA-256, as machine-id(5) asks for.
    """
    paths = (look.at("{root}/etc/machine-id"), look.at("{root}/var/lib/dbus/machine-id"))
    found = next((text for path in paths if (text := look.fact(path)) and text != "uninitialized"), None)
    said, basis = (found, "machine-id") if found else (address, "address")
    digits = hmac.new(APPLICATION_KEY, said.encode(), hashlib.sha256).hexdigest()[:16]
    return jetson.device_id_of(look, (digits, basis))


def static_facts(look: BoardLook) -> dict[str, Any]:
    """What does not change while it runs."""
    info = look.text(look.at("{proc}/cpuinfo")) or ""
    named = _MODEL.search(info)
    total_b, _ = parse_meminfo((look.text(look.at("{proc}/meminfo")) or "").encode(errors="replace"))
    return {
        "cpu_model": clean(named[1]) if named else None,
        "cpu_count": len(_PROCESSOR.findall(info)) or None,
        "memory_total_b": total_b,
    }


def conditions(look: BoardLook) -> dict[str, Any]:
    """What may change, as plain JSON; a key that cannot be read is None."""
    boot = (look.text(look.at("{proc}/sys/kernel/random/boot_id")) or "").strip()
    pretty = _PRETTY.search(look.text(look.at("{root}/etc/os-release")) or "")
    kernel = look.fact(look.at("{proc}/sys/kernel/osrelease"))
    load = _LOAD.match(look.text(look.at("{proc}/loadavg")) or "")
    ranges = _RANGES.search(look.text(look.at("{proc}/self/status")) or "")
    governors = {look.fact(path) for path in look.matching(f"{_POLICY}/scaling_governor")} - {None}
    temperatures_c = _temperatures_c(look)
    supply, charging = _power_supply(look)
    return {
        "os_build": " ".join(part for part in (clean(pretty[1]) if pretty else "", kernel) if part) or None,
        "boot_id": boot if _BOOT_ID.fullmatch(boot) else None,
        "governor": ",".join(sorted(map(str, governors))) or None,
        "frequency_min_hz": _caps_hz(look, "scaling_min_freq"),
        "frequency_max_hz": _caps_hz(look, "scaling_max_freq"),
        "turbo": _turbo(look),
        "power_supply": supply,
        "charging": charging,
        "cpuset": ranges[1] if ranges else None,
        "load_before": float(load[1]) if load else None,
        "temperature_c": processor_c(temperatures_c),
        "temperatures_c": temperatures_c,
    }


def _caps_hz(look: BoardLook, file: str) -> list[float] | None:
    """The different limits of the clusters, ascending."""
    values = (to_hz(whole(look.text(path) or "")) for path in look.matching(f"{_POLICY}/{file}"))
    return sorted({value for value in values if value is not None}) or None


def _turbo(look: BoardLook) -> bool | None:
    """As on a host: intel_pstate/no_turbo, cpufreq/boost."""
    off = look.fact(look.at("{sysfs}/devices/system/cpu/intel_pstate/no_turbo"))
    if off in {"0", "1"}:
        return off == "0"
    boost = look.fact(look.at("{sysfs}/devices/system/cpu/cpufreq/boost"))
    return boost == "1" if boost in {"0", "1"} else None


def _temperatures_c(look: BoardLook) -> dict[str, float]:
    found = {}
    for node in heat.find(look).nodes:
        value = node.parse(look.text(node.path) or "")[0]
        if node.channels[0].column.endswith(".temperature_c") and value is not None:
            found[node.channels[0].name] = float(value)
    return found


def _power_supply(look: BoardLook) -> tuple[str | None, bool | None]:
    """What feeds it ("mains", "battery", None where it does not say), and whether its battery is charging."""
    places = sorted({folder(path) for path in look.matching(f"{_SUPPLY}/type")}, key=natural)
    supplies = [_supply(look, place) for place in places if look.fact(f"{place}/scope") != "Device"]
    states = [one["status"] for one in supplies if one["type"] == "Battery"]
    online = [one["online"] for one in supplies if one["type"] not in {"Battery", None}]
    known = [state for state in states if state not in {None, "Unknown"}]
    charging = None if not known else "Charging" in known
    if "1" in online:
        return "mains", charging
    if "Discharging" in known or (states and "0" in online):
        return "battery", charging
    return None, charging


def _supply(look: BoardLook, place: str) -> Mapping[str, str | None]:
    return {file: look.fact(f"{place}/{file}") for file in ("type", "status", "online")}

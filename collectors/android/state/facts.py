"""The conditions of a phone that a measurement depends on, asked in one round trip."""

import re
import shlex
from collections.abc import Mapping
from typing import Any, Final

from edgewatt.collectors.android.files import battery, thermal_zones
from edgewatt.collectors.android.files.look import Look, clean, whole
from edgewatt.collectors.android.files.nodes import Seen
from edgewatt.collectors.android.phone import Phone
from edgewatt.collectors.android.sampler.survey import parse_survey, survey_script
from edgewatt.collectors.android.services import batteryservice, thermalservice
from edgewatt.collectors.android.state.flow import ANY_PHONE, CHARGING, Flow, flow_of
from edgewatt.collectors.android.state.sections import ask
from edgewatt.collectors.android.state.switches import QUESTIONS, parse_switches
from edgewatt.collectors.android.state.wakefulness import POWER_SH, Power, parse_power
from edgewatt.collectors.host.conditions.clusters import HZ_PER_KHZ, PATTERNS, parse_policies
from edgewatt.collectors.host.frequency import to_hz
from edgewatt.device_profiles.loader import DeviceProfile
from edgewatt.profiler.errors import DeviceError

# A phone of 2016 needs some 50 ms for each of the services.
FACTS_TIMEOUT_S: Final = 40.0
SENSORS_LIMIT: Final = 128
# Of `idle_state`, beside "screen_on".
AWAKE, SUSPENDED = "awake", "suspended"

_PATTERNS: Final[Mapping[str, tuple[str, ...]]] = {
    "cpu": PATTERNS,
    "thermal": tuple(pattern for pattern in thermal_zones.CANDIDATES if "thermal_zone" in pattern),
    "battery": battery.CANDIDATES,
}
_SETTINGS: Final = (
    "system screen_brightness",
    "system screen_brightness_mode",
    "global stay_on_while_plugged_in",
    "global low_power",
)
# Zones and sensors in the processor by the names that makers give them (Qualcomm cpu-0-0-usr, MediaTek mtktscpu, Tensor
# BIG; "tsens" and "apc" remembered). What sits beside it on the board, such as mtktsAP, is not.
_PROCESSOR: Final = re.compile(r"(.*[^a-z])?(hal_)?(type_)?(mtkts)?(cpu|soc|big|mid|little|apc|tsens|cluster).*")
_SKIN: Final = re.compile(r".*skin.*")
_BOOT_ID: Final = re.compile(r"[0-9a-f-]{8,64}")
_CPUSET: Final = re.compile(r"[0-9][0-9,-]{0,127}")
_PLUGS: Final = {1: "mains", 2: "usb", 4: "wireless", 8: "dock"}
_FULL: Final = 5
_WHY_STATUS: Final = {None: "the current's sign is not decided", "none": "no current flows"}
_CURRENT: Final = "the current's sign"
_NO_SUPPLY: Final = "the gauge's status; no supply is connected, and current flows"
# What the commands are that a run needs, of those that a phone may lack.
_TOOLS: Final = ("timeout", "taskset", "grep", "stat")


def phone_facts(phone: Phone, profile: DeviceProfile = ANY_PHONE) -> dict[str, Any]:
    """The conditions as plain JSON; a key that cannot be read is None.

    The sign of the battery's current is `profile`'s, or learnt. Raises DeviceError if the phone does not answer.
    """
    proc, tmp = shlex.quote(phone.proc), shlex.quote(phone.tmp)
    questions = {
        "id": "id -u",
        "selinux": "getenforce",
        "build": "getprop ro.build.fingerprint",
        "kernel": f"read -r l <{proc}/sys/kernel/osrelease; echo $l",
        "boot": f"read -r l <{proc}/sys/kernel/random/boot_id; echo $l",
        "uptime": f"read -r l <{proc}/uptime; echo $l",
        "load": f"read -r l <{proc}/loadavg; echo $l",
        "cpuset": f"while read -r k v; do case $k in Cpus_allowed_list:) echo $v;; esac; done <{proc}/self/status",
        "space": f"stat -f -c '%a %S' {tmp}",
        "clock": "echo $EPOCHREALTIME",
        "tools": f"for t in {' '.join(_TOOLS)}; do command -v $t >/dev/null && echo $t; done",
        "power": POWER_SH,
        "service": f"$within {batteryservice.COMMAND}",
        "hal": f"$within {thermalservice.COMMAND}",
        **QUESTIONS,
        **{key: f"$within settings get {key}" for key in _SETTINGS},
        **{key: f"$within sh -c {shlex.quote(survey_script(phone, asked))}" for key, asked in _PATTERNS.items()},
    }
    return parse_facts(ask(phone, questions, timeout_s=FACTS_TIMEOUT_S), phone, profile)


def parse_facts(answers: Mapping[str, str], phone: Phone, profile: DeviceProfile = ANY_PHONE) -> dict[str, Any]:
    """The facts behind the answers to what `phone_facts` asks; takes any text."""
    power = parse_power(answers["power"])
    service = batteryservice.battery(answers["service"])
    flow = flow_of(_seen(answers["battery"]), phone, profile)
    switches = parse_switches(answers)
    user = whole(answers["id"])
    return {
        "os_build": clean(answers["build"]) or clean(answers["kernel"]) or None,
        "kernel": clean(answers["kernel"]) or None,
        "boot_id": answers["boot"].strip() if _BOOT_ID.fullmatch(answers["boot"].strip()) else None,
        "uptime_s": _first_number(answers["uptime"]),
        "root": None if user is None else user == 0,
        "selinux": clean(answers["selinux"]).lower() or None,
        "tools": {tool: tool in answers["tools"].split() for tool in _TOOLS} if answers["tools"] else None,
        "has_epochrealtime": bool(re.fullmatch(r"[0-9]{9,11}[.,][0-9]{6}", answers["clock"].strip())),
        **_frequencies(answers["cpu"]),
        "cpuset": answers["cpuset"] if _CPUSET.fullmatch(answers["cpuset"]) else None,
        **_power_supply(service, flow),
        "battery_level_ratio": None if service.level_percent is None else service.level_percent / 100,
        "battery_charge_ah": None if service.charge_coulomb is None else service.charge_coulomb / 3600,
        "battery_voltage_v": service.voltage_v,
        "battery_faked": service.faked,
        **_screen(answers, power),
        "idle_state": _idle_state(power),
        "wake_locks": power.wake_locks,
        "stay_on_while_plugged_in": whole(answers["global stay_on_while_plugged_in"]),
        "battery_saver": power.saver if power.saver is not None else _truth(answers["global low_power"]),
        "airplane_mode": switches.airplane,
        "wifi": switches.wifi,
        "bluetooth": switches.bluetooth,
        **_temperatures(answers, phone),
        "thermal_status": thermalservice.status(answers["hal"]),
        "free_space_b": _space_b(answers["space"]),
        **_load(answers["load"]),
    }


def _seen(answer: str) -> dict[str, Seen]:
    """What a survey saw; nothing where it did not come to its end, as of a file whose driver hangs."""
    try:
        return parse_survey(answer.encode(errors="replace"))
    except DeviceError:
        return {}


def _frequencies(answer: str) -> dict[str, Any]:
    """Per cluster in their order; None for one that does not say."""
    policies = parse_policies(_seen(answer))
    governors = {policy.governor for policy in policies} - {None}
    limits = {
        f"frequency_{end}_hz": [to_hz(policy.khz(f"scaling_{end}_freq")) for policy in policies] or None
        for end in ("min", "max")
    }
    tops = [policy.khz("cpuinfo_max_freq") for policy in policies]
    return {
        "governor": ",".join(sorted(str(name) for name in governors)) or None,
        **limits,
        "frequency_steps_hz": [[float(khz * HZ_PER_KHZ) for khz in policy.steps_khz] for policy in policies] or None,
        "frequency_highest_hz": [None if khz is None else float(khz * HZ_PER_KHZ) for khz in tops] or None,
    }


def _power_supply(service: batteryservice.Battery, flow: Flow) -> dict[str, Any]:
    """What feeds the phone, and whether current flows into its battery, with what that was told by."""
    plugged = None if service.plugged is None else [name for bit, name in _PLUGS.items() if service.plugged & bit]
    named = list(flow.supplies) if plugged is None and flow.supplies is not None else plugged
    charging, basis = _charging(service, flow)
    return {
        "power_supply": None if named is None else "+".join(named) or "battery",
        "charging": charging,
        "charging_basis": basis,
    }


def _charging(service: batteryservice.Battery, flow: Flow) -> tuple[bool | None, str | None]:
    if flow.direction in ("in", "out"):
        return flow.direction == "in", _CURRENT if flow.sign_is_stated else _NO_SUPPLY
    for status, where in ((flow.status, "the gauge's status"), (service.status, "dumpsys battery")):
        if status is not None and CHARGING <= status <= _FULL:
            why = _WHY_STATUS[flow.direction] if flow.raw is not None else "the current cannot be read"
            return status == CHARGING, f"{where}; {why}"
    return None, "faked by dumpsys battery set or unplug" if service.faked else None


def _screen(answers: Mapping[str, str], power: Power) -> dict[str, Any]:
    """A screen that is off has brightness 0, whatever is set; one that adapts by itself has "auto"."""
    level = whole(answers["system screen_brightness"])
    setting = "auto" if answers["system screen_brightness_mode"].strip() == "1" else level
    return {
        "screen": power.screen,
        "brightness": 0 if power.screen == "off" else setting,
        "brightness_setting": setting,
    }


def _idle_state(power: Power) -> str | None:
    """What the phone falls to when nothing runs, as far as it says; one on a cable may be kept awake by that."""
    if power.screen in ("on", "doze"):
        return "screen_on"
    if power.screen is None or power.wake_locks is None:
        return None
    if power.wake_locks:
        return AWAKE
    return SUSPENDED if power.powered is False else None


def _temperatures(answers: Mapping[str, str], phone: Phone) -> dict[str, Any]:
    """Every sensor by name, and the hottest in the processor: of the kernel's zones, else of the HAL, else the skin."""
    seen = _seen(answers["thermal"])
    look = Look(seen, ANY_PHONE, phone.sysfs, phone.proc)
    found: dict[str, float] = {}
    for node in thermal_zones.find(look).nodes[:SENSORS_LIMIT]:
        value = next(iter(node.parse(look.text(node.path) or "")), None)
        if value is not None:
            found[node.channels[0].name] = float(value)
    hal = {
        f"hal_{clean(sensor.name, 48).lower()}": sensor.value_c
        for sensor in thermalservice.sensors(answers["hal"])
        if sensor.value_c is not None
    }
    processor = _hottest(found, _PROCESSOR) or _hottest(hal, _PROCESSOR) or _hottest({**found, **hal}, _SKIN)
    return {
        "temperature_c": None if processor is None else round(processor[1], 3),
        "temperature_channel": None if processor is None else processor[0],
        "temperatures_c": {name: round(value, 3) for name, value in {**found, **hal}.items()},
    }


def _hottest(sensors: Mapping[str, float], names: re.Pattern[str]) -> tuple[str, float] | None:
    named = ((name, value) for name, value in sensors.items() if names.fullmatch(name))
    return max(named, key=lambda sensor: sensor[1], default=None)


def _space_b(answer: str) -> int | None:
    """Free blocks times their size (stat -f, toybox)."""
    sizes = [whole(word) for word in answer.split()]
    match sizes:
        case [int(free), int(size)] if free >= 0 and size > 0:
            return free * size
    return None


def _load(answer: str) -> dict[str, Any]:
    """/proc/loadavg (proc(5)): the last minute's load, and how many tasks run or want to of how many there are."""
    hit = re.match(r"([0-9]{1,6}\.[0-9]{1,3}) \S+ \S+ ([0-9]{1,7})/([0-9]{1,7})(?:\s|$)", answer)
    return {
        "load_before": float(hit[1]) if hit else None,
        "background": {"runnable": int(hit[2]), "tasks": int(hit[3])} if hit else None,
    }


def _first_number(answer: str) -> float | None:
    hit = re.match(r"[0-9]{1,10}(?:\.[0-9]{1,3})?(?=\s|$)", answer)
    return float(hit[0]) if hit else None


def _truth(answer: str) -> bool | None:
    return {"1": True, "0": False}.get(answer.strip())

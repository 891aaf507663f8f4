"""Power mode, clocks and fan of a Jetson: nvpmodel, jetson_clocks, and the fan's duty.

`nvpmodel -m ID` and `nvpmodel -q`, `jetson_clocks [--store FILE | --restore FILE]`: NVIDIA's Jetson Linux Developer
Guide (remembered). A mode that needs a reboot is refused by the program, whose question nobody answers. What
jetson_clocks does is seen in the limits of the processors and the graphics unit; the memory's clock, which it holds
too, shows to root alone and is not verified.
"""

import re
from collections.abc import Mapping
from typing import Final

from edgewatt.collectors.android.files.look import natural, whole
from edgewatt.collectors.android.files.nodes import Seen
from edgewatt.collectors.host.conditions.change import PROGRAM_S, Change, Condition
from edgewatt.collectors.host.conditions.clusters import CLUSTERS, FOLDER, HIGHEST, LOWEST
from edgewatt.collectors.host.conditions.system import Execute, System, Write
from edgewatt.collectors.jetson.facts import parse_nvpmodel
from edgewatt.profiler.errors import DeviceError, UsageError

ON, OFF = "on", "off"
NVPMODEL, CLOCKS = "nvpmodel", "jetson_clocks"
# Where only root writes; gone after a reboot, as is what it restores.
STORE: Final = "{root}/run/edgewatt-jetson_clocks.conf"
MOST: Final = 255

_MODES: Final = "{root}/etc/nvpmodel.conf"
_MODE: Final = re.compile(r"<\s*POWER_MODEL\s+ID=([0-9]{1,3})\s+NAME=([^\s>]{1,64})\s*>")
_ID: Final = re.compile(r"[0-9]{1,3}")
_CPUS: Final = f"{{sysfs}}/{FOLDER}/policy*"
_GPUS: Final = "{sysfs}/class/devfreq/*"
_UNITS: Final = tuple(f"{_CPUS}/{file}" for file in (LOWEST, HIGHEST)) + tuple(
    f"{_GPUS}/{file}" for file in ("min_freq", "max_freq")
)
_LOWEST: Final = (LOWEST, "min_freq")
# A unit's name, and its least and highest clock: in kHz of a cluster, in Hz of another unit.
_UNIT: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}=[0-9]{1,12}-[0-9]{1,12}")
_FANS: Final = ("{sysfs}/class/hwmon/hwmon*/pwm1", "{sysfs}/devices/pwm-fan/target_pwm")
_FAN_NAMES: Final = "{sysfs}/class/hwmon/hwmon*/name"
_FAN: Final = "pwmfan"
_PATH: Final = re.compile(r"(hwmon[0-9]{1,3}/pwm1|pwm-fan/target_pwm)=([0-9]{1,3})")


def nvpmodel(system: System, value: str) -> Change:
    """`nvpmodel=ID|NAME`: the power mode."""
    modes = _modes(system)
    number = next((one for one, name in modes.items() if value in (one, name)), None)
    if number is None and (modes or not _ID.fullmatch(value)):
        listed = ", ".join(f"{one} ({name})" for one, name in modes.items()) or "a number such as 0"
        raise UsageError(f"nvpmodel={value!r}: {system.where} has no such power mode; expected {listed}")
    return _mode(system, number or str(int(value)), f"nvpmodel={value}")


def noted_nvpmodel(system: System, text: str) -> Change:
    """The mode that there was."""
    modes = _modes(system)
    if not _ID.fullmatch(text) or (modes and text not in modes):
        raise DeviceError(f"{system.where}: a note says that its power mode was {text[:80]!r}, which it has not")
    return _mode(system, text, "nvpmodel")


def _modes(system: System) -> dict[str, str]:
    """The names of the modes by their numbers, as its configuration lists them."""
    said = system.read((_MODES,)).get(system.at(_MODES))
    return {str(int(hit[1])): hit[2] for hit in _MODE.finditer((said and said.text) or "")}


def _mode(system: System, number: str, asked: str) -> Change:
    program = _program(system, NVPMODEL, asked)

    def look(s: System) -> str:
        now = parse_nvpmodel(s.ask((program, "-q")) or "").get("nvpmodel_id")
        return "unknown" if now is None else str(now)

    before = look(system)
    if not _ID.fullmatch(before):
        raise DeviceError(f"{system.where}: cannot set {asked}: `nvpmodel -q` does not say which mode there is now")
    hint = "A mode that needs a reboot cannot be set by a run: set it there, reboot, and run again"
    return Change(before, number, (Execute((program, "-m", number)),), look, hint, PROGRAM_S)


def jetson_clocks(system: System, value: str) -> Change:
    """`jetson_clocks=on`: every clock at its highest; the limits that there were are stored on the board first."""
    asked = f"jetson_clocks={value}"
    if value != ON:
        raise UsageError(f"{asked!r}: expected jetson_clocks=on; what there was is put back at the end")
    program, store = _program(system, CLOCKS, asked), system.at(STORE)
    before = _clocks(system)
    if before == OFF:
        raise DeviceError(f"{system.where}: cannot set {asked}: no limit of its clocks can be read to verify it")
    wanted = before if before.startswith(ON) else ON
    hint = "`sudo jetson_clocks --show` on the board says what it holds"
    look = _clocks if wanted == before else _held
    steps = (Execute((program, "--store", store)), Execute((program,)))
    return Change(before, wanted, steps, look, hint, PROGRAM_S)


def noted_jetson_clocks(system: System, text: str) -> Change:
    """The limits that there were, as the program restores them."""
    word, *units = text.split(" ")[: CLUSTERS + 1]
    if word != OFF or not units or not all(_UNIT.fullmatch(unit) for unit in units):
        raise DeviceError(f"{system.where}: a note says that the clocks were {text[:80]!r}, which are none")
    program, store = _program(system, CLOCKS, CLOCKS), system.at(STORE)
    steps = (Execute((program, "--restore", store)), Execute(("rm", "-f", store)))
    hint = "Reboot the board: it begins with the clocks of its power mode"
    return Change(_clocks(system), text, steps, _clocks, hint, PROGRAM_S)


def _held(system: System) -> str:
    """On, or what the clocks are instead."""
    now = _clocks(system)
    return ON if now.startswith(ON) else now


def _clocks(system: System) -> str:
    """`on` or `off`, by whether every least clock is the highest, and the limits of each unit."""
    pairs: dict[str, list[int]] = {}
    for path, one in sorted(system.read(_UNITS).items(), key=lambda item: natural(item[0])):
        value = whole(one.text or "")
        if value is None or "*" in path:
            continue
        unit, file = path.split("/")[-2:]
        pairs.setdefault(unit, [-1, -1])[0 if file in _LOWEST else 1] = value
    known = {unit: (low, high) for unit, (low, high) in pairs.items() if low >= 0 and high >= 0}
    word = ON if known and all(low >= high for low, high in known.values()) else OFF
    return " ".join([word, *(f"{unit}={low}-{high}" for unit, (low, high) in known.items())])


def fan(system: System, value: str) -> Change:
    """`fan=0..255`: how hard it is driven."""
    if not re.fullmatch(r"[0-9]{1,3}", value) or int(value) > MOST:
        raise UsageError(f"fan={value!r}: expected a whole number from 0 (off) to {MOST}")
    now = _duties(system)
    if not now:
        raise DeviceError(f"{system.where}: cannot set fan={value}: it has no {_FAN} whose duty can be read")
    return _duty(system, dict.fromkeys(now, int(value)))


def noted_fan(system: System, text: str) -> Change:
    """The duty that there was. A service that drives the fan goes on from there."""
    hits = [_PATH.fullmatch(word) for word in text.split(" ")[:8]]
    goals = {hit[1]: int(hit[2]) for hit in hits if hit}
    if len(goals) < len(hits) or not goals.keys() <= _duties(system).keys() or max(goals.values()) > MOST:
        raise DeviceError(f"{system.where}: a note says that the fan was driven by {text[:80]!r}, which it cannot be")
    return _duty(system, goals)


def _duty(system: System, goals: Mapping[str, int]) -> Change:
    places = {"hwmon": "{sysfs}/class/hwmon", "pwm-fan": "{sysfs}/devices"}
    steps = [
        Write(f"{places['pwm-fan' if name.startswith('pwm-fan') else 'hwmon']}/{name}", str(duty))
        for name, duty in goals.items()
    ]
    hint = "A service drives it: `sudo systemctl stop nvfancontrol` on the board, and start it again after the run"
    return Change(_listed(_duties(system)), _listed(goals), steps, lambda s: _listed(_duties(s)), hint)


def _duties(system: System) -> dict[str, int]:
    """What each fan is driven with, by the end of its file's path."""
    seen = system.read((*_FANS, _FAN_NAMES))
    found = {}
    for path, one in seen.items():
        end = "/".join(path.split("/")[-2:])
        duty = whole(one.text or "")
        if duty is not None and 0 <= duty <= MOST and _PATH.fullmatch(f"{end}={duty}") and _is_fan(path, seen):
            found[end] = duty
    return found


def _is_fan(path: str, seen: Mapping[str, Seen]) -> bool:
    folder = path.rpartition("/")[0]
    named = seen.get(f"{folder}/name")
    return folder.endswith("pwm-fan") or (named is not None and (named.text or "").strip() == _FAN)


def _listed(duties: Mapping[str, int]) -> str:
    return " ".join(f"{name}={duty}" for name, duty in sorted(duties.items())) or "unknown"


def _program(system: System, name: str, asked: str) -> str:
    path = system.find(name)
    if path is None:
        raise DeviceError(f"{system.where}: cannot set {asked}: no {name} is installed there; it comes with L4T")
    return path


JETSON: Final[Mapping[str, Condition]] = {
    "nvpmodel": Condition(nvpmodel, noted_nvpmodel),
    "jetson_clocks": Condition(jetson_clocks, noted_jetson_clocks),
    "fan": Condition(fan, noted_fan),
}

"""The files of a phone that do not change by themselves, in a folder: sys, proc, data, and what its commands keep.

Paths and formats: kernel Documentation/ABI (cpufreq, power supply, thermal), proc(5), and for ODPM, Adreno, Mali and
the nodes of Samsung and MediaTek what owners of phones published (see personalities.py).
"""

import contextlib
import json
import os
import shutil
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from importlib.resources import files
from pathlib import Path
from random import Random
from typing import Final

from edgewatt.virtual_lab.phone.gpu_steps import GPU_HZ
from edgewatt.virtual_lab.phone.layers import layers
from edgewatt.virtual_lab.phone.personality import Personality

LAB: Final = "lab"
TMP: Final = "data/local/tmp"
POLICIES: Final = "sys/devices/system/cpu/cpufreq"
SUPPLY: Final = "sys/class/power_supply"
THERMAL: Final = "sys/class/thermal"
IIO: Final = "sys/bus/iio/devices"
WAKE_LOCK: Final = "sys/power/wake_lock"
WAKE_UNLOCK: Final = "sys/power/wake_unlock"
_SHELL_UID: Final = 2000
_FELLING_S: Final = 10.0
# A Mali's power policy, `[always_on] coarse_demand` of which a driver lists all (remembered); here the word alone.
GPU_POLICY: Final = "power_policy"
_SETTABLE: Final = ("scaling_min_freq", "scaling_max_freq", "scaling_governor")
# The same for every phone of a generation, so that results name one tool; the environment says which phone it is on.
_LAUNCHER: Final = """\
#!/bin/sh
# The virtual phone's benchmark_model of {generation}. {mark}
exec '{python}' -m edgewatt.virtual_lab.phone.benchmark_model "$@"
"""


@dataclass(frozen=True, slots=True)
class Tree:
    """Where a virtual phone keeps its files; its root is a folder of the host."""

    root: Path

    @property
    def lab(self) -> Path:
        """What only the lab's own programs look at."""
        return self.root / LAB

    @property
    def bin(self) -> Path:
        """The phone's commands, first in its PATH."""
        return self.root / "bin"

    @property
    def tmp(self) -> Path:
        """Where the shell may write and execute."""
        return self.root / TMP

    @property
    def launcher(self) -> Path:
        """The phone's benchmark_model."""
        return self.lab / "benchmark_model"

    def where(self) -> dict[str, str]:
        """The roots that a client has to name."""
        roots = {"sysfs": self.root / "sys", "proc": self.root / "proc", "tmp": self.tmp}
        return {name: str(path) for name, path in roots.items()}


def grow(root: Path, phone: Personality, seed: int) -> Tree:
    """Make the tree of a phone in an empty folder. Raises OSError."""
    tree = Tree(root)
    for name, text in {**static_sysfs(phone), **static_proc(phone, seed)}.items():
        write(tree.root / name, text)
    tree.tmp.mkdir(parents=True)
    (tree.root / "proc/self").symlink_to("/proc/self")
    for name in failing(phone):
        (tree.root / name).mkdir(parents=True)
    _commands(tree, phone, seed)
    return tree


def deny(tree: Tree, phone: Personality) -> None:
    """Take away what the shell of this phone may not read or list; after every file is there once."""
    for path in sorted(tree.root.rglob("*")):
        name = path.relative_to(tree.root).as_posix()
        if is_denied(name, phone) and path.is_file():
            path.chmod(0)
    for path in (tree.root / POLICIES).glob("*/*"):
        if path.name in _SETTABLE and not phone.rooted:
            path.chmod(0o444)
    for name in sorted(phone.unlisted, reverse=True):
        if (tree.root / name).is_dir():
            (tree.root / name).chmod(0o311)


def is_denied(name: str, phone: Personality) -> bool:
    """Whether the shell may not read this file."""
    return any(fnmatch(name, pattern) for pattern in phone.denied)


def write(path: Path, text: str) -> None:
    """A file with this text, in folders that are made for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def fell(tree: Tree) -> None:
    """Remove everything, also what was denied."""
    end_s = time.monotonic() + _FELLING_S
    while tree.root.exists() and time.monotonic() < end_s:  # whoever still writes in it makes a file anew
        for folder, names, _ in os.walk(tree.root):
            for name in names:
                with contextlib.suppress(FileNotFoundError):
                    if not (path := Path(folder, name)).is_symlink():
                        path.chmod(0o755)
        shutil.rmtree(tree.root, ignore_errors=True)


def static_sysfs(phone: Personality) -> dict[str, str]:
    """The files below sys that do not change, by their name below the root."""
    online = ",".join(f"{one.cpus[0]}-{one.cpus[-1]}" for one in phone.clusters if one.online)
    found: dict[str, str] = {
        "sys/devices/system/cpu/present": f"0-{phone.cpus - 1}\n",
        "sys/devices/system/cpu/possible": f"0-{phone.cpus - 1}\n",
        "sys/devices/system/cpu/online": f"{online}\n",
        "sys/power/suspend_stats/success": "0\n",
    }
    if phone.rooted:
        found |= {WAKE_LOCK: "\n", WAKE_UNLOCK: "\n"}
    for cluster in phone.clusters:
        found |= _policy(cluster.cpus, cluster.khz)
        # What a kernel makes a link of, cpuN/cpufreq, is not there for a processor that is offline.
        for cpu in cluster.cpus if cluster.online else ():
            found[f"sys/devices/system/cpu/cpu{cpu}/cpufreq/cpuinfo_max_freq"] = f"{cluster.khz[-1]}\n"
    for number, zone in enumerate(phone.zones):
        found[f"{THERMAL}/thermal_zone{number}/type"] = f"{zone.kind}\n"
    for number, cluster in enumerate(phone.clusters):
        found[f"{THERMAL}/cooling_device{number}/type"] = f"cpufreq-cpu{cluster.cpus[0]}\n"
        found[f"{THERMAL}/cooling_device{number}/max_state"] = f"{len(cluster.khz) - 1}\n"
        found[f"{THERMAL}/cooling_device{number}/cur_state"] = "0\n"
    return found | dict(_supplies(phone)) | dict(_odpm(phone)) | _gpu(phone)


def failing(phone: Personality) -> Iterator[str]:
    """What opens and fails to read, as the clock of an offline cluster does; a folder does the same."""
    for cluster in phone.clusters:
        if not cluster.online:
            yield f"{POLICIES}/policy{cluster.cpus[0]}/scaling_cur_freq"
    for number, zone in enumerate(phone.zones):
        if not zone.readable:
            yield f"{THERMAL}/thermal_zone{number}/temp"


def _policy(cpus: tuple[int, ...], khz: tuple[int, ...]) -> dict[str, str]:
    at = f"{POLICIES}/policy{cpus[0]}"
    numbers = " ".join(map(str, cpus))
    return {
        f"{at}/related_cpus": f"{numbers}\n",
        f"{at}/affected_cpus": f"{numbers}\n",
        f"{at}/scaling_governor": "schedutil\n",
        f"{at}/scaling_available_governors": "performance powersave schedutil \n",
        f"{at}/scaling_available_frequencies": f"{' '.join(map(str, khz))} \n",
        f"{at}/scaling_min_freq": f"{khz[0]}\n",
        f"{at}/scaling_max_freq": f"{khz[-1]}\n",
        f"{at}/cpuinfo_min_freq": f"{khz[0]}\n",
        f"{at}/cpuinfo_max_freq": f"{khz[-1]}\n",
    }


def _supplies(phone: Personality) -> Iterator[tuple[str, str]]:
    yield f"{SUPPLY}/usb/type", "USB\n"
    yield f"{SUPPLY}/usb/online", f"{int(phone.plugged)}\n"
    yield f"{SUPPLY}/usb/present", f"{int(phone.plugged)}\n"
    if not phone.gauge_readable:
        return
    at = f"{SUPPLY}/{phone.gauge_node}"
    yield f"{at}/type", "Battery\n"
    yield f"{at}/present", "1\n"
    yield f"{at}/technology", "Li-ion\n"
    yield f"{at}/health", "Good\n"
    if phone.second_gauge:
        other = f"{SUPPLY}/bms"
        yield f"{other}/type", "BMS\n"
        yield f"{other}/voltage_now", "3900000\n"
        yield f"{other}/current_now", "0\n"


def _odpm(phone: Personality) -> Iterator[tuple[str, str]]:
    for pmic in sorted({rail.pmic for rail in phone.rails}) if phone.odpm else ():
        rails = [rail for rail in phone.rails if rail.pmic == pmic]
        at = f"{IIO}/iio:device{pmic}"
        yield f"{at}/name", f"s2mpg1{pmic}-odpm\n"
        yield f"{at}/enabled_rails", "".join(f"CH{n}[{r.label}]:{r.subsystem}\n" for n, r in enumerate(rails))
        yield f"{at}/sampling_rate", "250.000000\n"


def _gpu(phone: Personality) -> dict[str, str]:
    at = gpu_folder(phone)
    models = {"adreno": "gpu_model", "samsung": "gpu_model", "tensor": "gpuinfo"}
    names = {"adreno": "Adreno730v1", "samsung": "MALI-G78", "tensor": "Mali-G78 20 cores r1p1 0x9202"}
    found = {f"{at}/{models[phone.gpu]}": f"{names[phone.gpu]}\n"} if phone.gpu in models else {}
    if phone.gpu == "tensor":
        khz = [f"{hz / 1e3:.0f}" for hz in GPU_HZ]
        found |= {
            f"{at}/available_frequencies": f"{' '.join(khz)} \n",
            f"{at}/scaling_min_freq": f"{khz[0]}\n",
            f"{at}/scaling_max_freq": f"{khz[-1]}\n",
            f"{at}/{GPU_POLICY}": "coarse_demand\n",
        }
    return found


def gpu_folder(phone: Personality) -> str:
    """Where the GPU of this phone shows itself."""
    return {
        "adreno": "sys/class/kgsl/kgsl-3d0",
        "samsung": "sys/kernel/gpu",
        "tensor": "sys/devices/platform/1c500000.mali",
        "mediatek": "proc/gpufreqv2",
        "none": "sys/none",
    }[phone.gpu]


def static_proc(phone: Personality, seed: int) -> dict[str, str]:
    """The files below proc that do not change."""
    # A boot id is a random UUID; this one is as seeded as the rest.
    boot = uuid.UUID(int=Random(seed).getrandbits(128), version=4)  # noqa: S311  (a simulator's, not a secret)
    cpu = "".join(f"processor\t: {n}\nBogoMIPS\t: 49.15\nCPU implementer\t: 0x41\n\n" for n in range(phone.cpus))
    return {
        "proc/cpuinfo": f"{cpu}Hardware\t: {phone.soc_maker} {phone.soc}\n",
        "proc/sys/kernel/random/boot_id": f"{boot}\n",
        "proc/sys/kernel/osrelease": "5.10.157-android13-4-virtual\n",
        "proc/version": "Linux version 5.10.157-android13-4-virtual (edgewatt virtual lab)\n",
        "proc/meminfo": "MemTotal:        7812340 kB\nMemFree:          912340 kB\nMemAvailable:    4123400 kB\n",
        "proc/loadavg": "0.42 0.51 0.48 1/1834 12345\n",
    }


def _commands(tree: Tree, phone: Personality, seed: int) -> None:
    tree.bin.mkdir()
    for script in files("edgewatt.virtual_lab.phone").joinpath("programs").iterdir():
        if script.name.endswith(".sh"):
            program = tree.bin / script.name.removesuffix(".sh")
            program.write_text(script.read_text())
            program.chmod(0o755)
    for folder in ("run/affinity", "state", "props", "settings/system", "settings/global", "settings/secure"):
        (tree.lab / folder).mkdir(parents=True)
    for name, value in properties(phone, seed).items():
        write(tree.lab / "props" / name, f"{value}\n")
    for name, value in _settings().items():
        write(tree.lab / "settings" / name, f"{value}\n")
    states = {
        "screen": "on" if phone.screen else "off",
        "uid": 0 if phone.rooted else _SHELL_UID,
        "powered": str(phone.plugged).lower(),
        "online_mask": f"{sum(1 << cpu for one in phone.clusters if one.online for cpu in one.cpus):x}",
    }
    for name, state in states.items():
        write(tree.lab / "state" / name, f"{state}\n")
    write(tree.lab / "state/layers", layers())
    tool = {"generation": phone.generation, "delegates": phone.fates, "late_lines": phone.late_lines}
    write(tree.lab / "tool.json", json.dumps(tool))
    mark = "========== BENCHMARK RESULTS ==========" if phone.generation == "litert" else ""
    write(tree.launcher, _LAUNCHER.format(generation=phone.generation, python=sys.executable, mark=mark))
    tree.launcher.chmod(0o755)


def properties(phone: Personality, seed: int) -> Mapping[str, str]:
    """What getprop says."""
    kind = "userdebug/dev-keys" if phone.rooted else "user/release-keys"
    build = f"{phone.brand}/{phone.device}/{phone.device}:{phone.android}/VIRTUAL.{seed}/1:{kind}"
    chip = {"ro.soc.manufacturer": phone.soc_maker, "ro.soc.model": phone.soc} if phone.sdk >= 31 else {}
    return {
        "ro.product.brand": phone.brand,
        "ro.product.manufacturer": phone.manufacturer,
        "ro.product.model": phone.model,
        "ro.product.device": phone.device,
        "ro.product.name": phone.device,
        "ro.build.version.release": phone.android,
        "ro.build.version.sdk": str(phone.sdk),
        "ro.build.fingerprint": build,
        "ro.build.type": kind.partition("/")[0],
        "ro.serialno": f"VIRTUAL{phone.name.upper()}{seed}",
        "ro.board.platform": phone.soc.lower(),
        "ro.hardware": phone.soc.lower(),
        "ro.product.cpu.abi": _abi(),
        "ro.product.cpu.abilist": _abi(),
        "sys.boot_completed": "1",
        "ro.edgewatt.simulated": "1",  # for whoever reads it, by whatever address
        **chip,
        **phone.properties,
    }


def _abi() -> str:
    """Of this machine: what is pushed is executed here."""
    return {"x86_64": "x86_64", "aarch64": "arm64-v8a", "armv7l": "armeabi-v7a"}.get(os.uname().machine, "x86_64")


def _settings() -> Mapping[str, str]:
    return {
        "system/screen_brightness": "102",
        "system/screen_brightness_mode": "0",
        "system/screen_off_timeout": "30000",
        "global/stay_on_while_plugged_in": "0",
        "global/low_power": "0",
        "global/airplane_mode_on": "0",
        "global/airplane_mode_radios": "cell,bluetooth,uwb,wifi,wimax",
        "global/wifi_on": "1",
        "global/bluetooth_on": "0",
    }

"""The files of a board that do not change, with the links that sysfs has, below a folder that stands for its root.

Paths: the facts of part E (jetson_stats, Zeus, the kernel's ina3221.c); buses of devices are made up.
"""

import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from edgewatt.virtual_lab.jetson.board import GATED, Board, Chip

I2C: Final = "sys/bus/i2c"
THERMAL: Final = "sys/devices/virtual/thermal"
HWMON: Final = "sys/class/hwmon"
DEVFREQ: Final = "sys/class/devfreq"
CPUS: Final = "sys/devices/system/cpu"
DEBUG: Final = "sys/kernel/debug"
TREE: Final = "sys/firmware/devicetree/base"
# Among what it is compatible with, so that whoever reads it knows.
SIMULATED: Final = "edgewatt,simulated"
TEGRASTATS: Final = "usr/bin/tegrastats"
_FIRST_HWMON: Final = 2  # others come before it, a fan's among them
_PROGRAM: Final = """\
#!/bin/sh
# {what} of a virtual Jetson.
{body}
"""


def grow(root: Path, board: Board, *, seed: int = 0, user: bool = False) -> None:
    """Make the tree in an empty folder; its serial number has the seed. Raises OSError.

    `user`: as one who is not root sees it, without debugfs.
    """
    for name, text in _static(board, seed, user=user):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for link, target in _links(board):
        path = root / link
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(os.path.relpath(root / target, path.parent))
    for name, what, body in _programs(root, board, user=user):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_PROGRAM.format(what=what, body=body))
        path.chmod(0o755)


def chip_folder(board: Board, chip: Chip) -> str:
    """Where a chip's readings are."""
    number = board.chips.index(chip)
    if board.old:
        return f"{_device(chip)}/iio:device{number}"
    return f"{_device(chip)}/hwmon/hwmon{_FIRST_HWMON + number}"


def gpu_folder(board: Board) -> str:
    """The device of the GPU, which its devfreq node is of."""
    return f"sys/devices/platform/{board.gpu.node}"


def zone_folders(board: Board) -> Iterator[tuple[str, str | float]]:
    """The thermal zones with what each shows."""
    for number, shown in enumerate(board.zones.values()):
        yield f"{THERMAL}/thermal_zone{number}", shown


def _device(chip: Chip) -> str:
    bus = chip.at.partition("-")[0]
    return f"sys/devices/platform/bus@0/{bus}.i2c/i2c-{bus}/{chip.at}"


def _static(board: Board, seed: int, *, user: bool) -> Iterator[tuple[str, str]]:
    release, revision = board.release
    said = f"# R{release} (release), REVISION: {revision}, GCID: 41062509, BOARD: generic, EABI: aarch64, "
    yield "etc/nv_tegra_release", f"{said}DATE: Wed Jan  8 01:49:37 UTC 2025\n"
    yield f"{TREE}/model", f"{board.model}\0"
    yield f"{TREE}/compatible", "".join(f"{one}\0" for one in (*board.compatible[:-1], SIMULATED, board.compatible[-1]))
    yield f"{TREE}/serial-number", f"14205{seed % 10**8:08d}\0"
    yield "var/lib/nvpmodel/status", f"pmode:{board.mode:04d}\n"
    free = "".join(f"{name:16}{board.ram_mb * 512:8d} kB\n" for name in ("MemFree:", "MemAvailable:"))
    yield "proc/meminfo", f"MemTotal:       {board.ram_mb * 1024:8d} kB\n{free}"
    yield "proc/version", "Linux version 5.15.148-tegra (edgewatt virtual lab)\n"
    yield from _chips(board)
    yield from _gpu(board)
    yield from _cpus(board)
    for number, zone in enumerate(board.zones):
        yield f"{THERMAL}/thermal_zone{number}/type", f"{zone}\n"
    for number, kind in enumerate(("cpu", "gpu", "hot-surface")):
        yield f"{THERMAL}/cooling_device{number}/type", f"{kind}-throttle-alert\n"
        yield f"{THERMAL}/cooling_device{number}/cur_state", "0\n"
    yield from _fan(board)
    if not user:
        yield from _emc(board)


def _chips(board: Board) -> Iterator[tuple[str, str]]:
    for chip in board.chips:
        at = chip_folder(board, chip)
        if chip.kind == "ina238":
            yield f"{at}/name", "ina238\n"
            continue
        for number, rail in enumerate(chip.rails):
            label = "NC" if rail is None else rail.label
            if board.old:
                yield f"{at}/rail_name_{number}", f"{label}\n"
                yield f"{at}/warn_current_limit_{number}", "32760 ma\n"
                yield f"{at}/crit_current_limit_{number}", "32760 ma\n"
            else:
                yield f"{at}/in{number + 1}_label", f"{label}\n"
                yield f"{at}/curr{number + 1}_max", "32760\n"
                yield f"{at}/curr{number + 1}_crit", "32760\n"
        if not board.old:
            yield f"{at}/name", "ina3221\n"
            yield f"{at}/in7_label", "sum of shunt voltages\n"
            yield f"{at}/samples", "1\n"
            yield f"{at}/update_interval", "7\n"
        else:
            yield f"{at}/name", "ina3221x\n"


def _gpu(board: Board) -> Iterator[tuple[str, str]]:
    at, mhz = gpu_folder(board), board.gpu.mhz
    node = f"{at}/devfreq/{board.gpu.node}"
    yield f"{at}/of_node/name", f"{board.gpu.of_name}\0"
    yield f"{at}/railgate_enable", "1\n"
    yield f"{node}/min_freq", f"{mhz[0] * 10**6}\n"
    yield f"{node}/max_freq", f"{mhz[-1] * 10**6}\n"
    yield f"{node}/available_frequencies", f"{' '.join(str(one * 10**6) for one in mhz)}\n"
    yield f"{node}/governor", "nvhost_podgov\n"


def _cpus(board: Board) -> Iterator[tuple[str, str]]:
    on = board.cpus - board.offline
    yield f"{CPUS}/present", f"0-{board.cpus - 1}\n"
    yield f"{CPUS}/possible", f"0-{board.cpus - 1}\n"
    yield f"{CPUS}/online", f"0-{on - 1}\n"
    yield f"{CPUS}/offline", f"{on}-{board.cpus - 1}\n" if board.offline else "\n"
    for number in range(board.cpus):
        yield f"{CPUS}/cpu{number}/online", f"{int(number < on)}\n"
        if number < on:
            at = f"{CPUS}/cpu{number}/cpufreq"
            for name, mhz in (("min", board.cpu_mhz[0]), ("max", board.cpu_mhz[-1])):
                yield f"{at}/scaling_{name}_freq", f"{mhz * 1000}\n"
                yield f"{at}/cpuinfo_{name}_freq", f"{mhz * 1000}\n"
            yield f"{at}/scaling_governor", "schedutil\n"


def _fan(board: Board) -> Iterator[tuple[str, str]]:
    if board.old:
        yield "sys/devices/pwm-fan/cur_pwm", "80\n"
        yield "sys/devices/pwm-fan/target_pwm", "80\n"
        return
    for number, files in enumerate(({"name": "pwmfan", "pwm1": "88"}, {"name": "pwm_tach", "rpm": "1840"})):
        for name, text in files.items():
            yield f"{HWMON}/hwmon{number}/{name}", f"{text}\n"
    at = f"{HWMON}/hwmon{_FIRST_HWMON + len(board.chips)}"
    yield f"{at}/name", "soctherm_oc\n"
    for number in (1, 2, 3):
        yield f"{at}/oc{number}_event_cnt", "0\n"
        yield f"{at}/oc{number}_throt_en", "1\n"


def _emc(board: Board) -> Iterator[tuple[str, str]]:
    low, high = (mhz * 10**6 for mhz in board.emc_mhz)
    if board.line in ("r38", "r39"):
        yield f"{DEVFREQ}/bwmgr/max_freq", f"{high}\n"
        yield f"{DEVFREQ}/bwmgr/min_freq", f"{low}\n"
        return
    if "nvidia,tegra210" in board.compatible:
        yield f"{DEBUG}/tegra_bwmgr/emc_max_rate", f"{high}\n"
        yield f"{DEBUG}/tegra_bwmgr/emc_min_rate", f"{low}\n"
        return
    for name, value in (("max_rate", high), ("min_rate", low), ("mrq_rate_locked", 0)):
        yield f"{DEBUG}/bpmp/debug/clk/emc/{name}", f"{value}\n"


def emc_files(board: Board) -> tuple[str, str]:
    """Where the memory's clock is, in Hz, and how active it is, in kHz of that clock."""
    if board.line in ("r38", "r39"):
        return f"{DEVFREQ}/bwmgr/cur_freq", f"{DEBUG}/bpmp/debug/actmon/mc_all_avg_activity"
    if "nvidia,tegra210" in board.compatible:
        return f"{DEBUG}/clk/override.emc/clk_rate", "sys/kernel/actmon_avg_activity/mc_all"
    return f"{DEBUG}/bpmp/debug/clk/emc/rate", f"{DEBUG}/cactmon/mc_all"


def _links(board: Board) -> Iterator[tuple[str, str]]:
    yield "proc/device-tree", TREE
    for chip in board.chips:
        driver = chip.kind if chip.kind == "ina238" or not board.old else "ina3221x"
        yield f"{I2C}/drivers/{driver}/{chip.at}", _device(chip)
        yield f"{I2C}/devices/{chip.at}", _device(chip)
        at = chip_folder(board, chip)
        yield (f"sys/bus/iio/devices/{Path(at).name}" if board.old else f"{HWMON}/{Path(at).name}"), at
    gpu = gpu_folder(board)
    yield f"{DEVFREQ}/{board.gpu.node}", f"{gpu}/devfreq/{board.gpu.node}"
    yield f"{gpu}/devfreq/{board.gpu.node}/device", gpu
    yield "sys/devices/gpu.0" if board.old else "sys/devices/platform/gpu.0", gpu
    for number in range(len(board.zones)):
        yield f"sys/class/thermal/thermal_zone{number}", f"{THERMAL}/thermal_zone{number}"
    for number in range(3):
        yield f"sys/class/thermal/cooling_device{number}", f"{THERMAL}/cooling_device{number}"


def _programs(root: Path, board: Board, *, user: bool) -> Iterator[tuple[str, str, str]]:
    words = [sys.executable, "-m", "edgewatt.virtual_lab.jetson.tegrastats", "--board", board.name, "--root", str(root)]
    yield TEGRASTATS, "tegrastats", f'exec {shlex.join([*words, *(["--user"] if user else [])])} "$@"'
    asked = '[ "$1" = -q ] || { echo "usage: nvpmodel -q" >&2; exit 1; }'
    mode = board.modes[board.mode]
    yield "usr/sbin/nvpmodel", "nvpmodel", f"{asked}\necho 'NV Power Mode: {mode}'\necho {board.mode}"
    low, high = board.gpu.mhz[0] * 10**6, board.gpu.mhz[-1] * 10**6
    lines = [f"SOC family:{board.compatible[-1].partition(',')[2]}  Machine:{board.model}"]
    lines += [f"Online CPUs: 0-{board.cpus - board.offline - 1}"]
    khz = board.cpu_mhz[0] * 1000, board.cpu_mhz[-1] * 1000
    of_cpu = f"Online=1 Governor=schedutil MinFreq={khz[0]} MaxFreq={khz[1]} CurrentFreq={khz[0]}"
    lines += [f"cpu{number}: {of_cpu}" for number in range(board.cpus - board.offline)]
    lines += [f"GPU MinFreq={low} MaxFreq={high} CurrentFreq={low}"]
    lines += [f"EMC MinFreq={board.emc_mhz[0] * 10**6} MaxFreq={board.emc_mhz[1] * 10**6} FreqOverride=0"]
    lines += [f"NV Power Mode: {mode}"]
    refuse = "echo 'Error: run jetson_clocks as root!' >&2; exit 1"
    show = refuse if user else "\n".join(f"echo {shlex.quote(line)}" for line in lines)
    yield "usr/bin/jetson_clocks", "jetson_clocks", f'[ "$1" = --show ] || {{ echo ok; exit 0; }}\n{show}'


def gated(board: Board) -> Iterator[str]:
    """Temperatures whose sensor is off."""
    return (f"{at}/temp" for at, shown in zone_folders(board) if shown == GATED)

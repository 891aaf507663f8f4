"""Folders that look like Jetson boards: /sys, /proc and /etc of one, as the facts describe them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgewatt.collectors.android.files.look import Found
from edgewatt.collectors.jetson.finding import find, look_at
from edgewatt.collectors.jetson.here import look_below
from edgewatt.collectors.jetson.look import BoardLook, Roots
from tests.trees import link, policy, write

# (label, millivolt, milliampere): None for a channel without a label.
Rails = Sequence[tuple[str | None, int, int]]

AGX_ORIN: Mapping[str, Rails] = {
    "1-0040": (("VDD_GPU_SOC", 19992, 240), ("VDD_CPU_CV", 19992, 0), ("VIN_SYS_5V0", 5000, 800)),
    "1-0041": (("NC", 0, 0), ("VDDQ_VDD2_1V8AO", 5000, 140), ("NC", 0, 0)),
}
ORIN_NX: Mapping[str, Rails] = {
    "1-0040": (("VDD_IN", 5000, 1050), ("VDD_CPU_GPU_CV", 5000, 100), ("VDD_SOC", 5000, 280))
}
XAVIER_NX: Mapping[str, Rails] = {"7-0040": ORIN_NX["1-0040"]}
THOR: Mapping[str, Rails] = {
    "1-0040": (("VDD_GPU", 12000, 0), ("VDD_CPU_SOC_MSS", 12000, 352), ("VIN_SYS_5V0", 5000, 820))
}
AGX_XAVIER: Mapping[str, Rails] = {
    "1-0040": (("GPU", 19000, 0), ("CPU", 19000, 20), ("SOC", 19000, 50)),
    "1-0041": (("CV", 19000, 0), ("VDDRQ", 19000, 30), ("SYS5V", 5000, 300)),
}
NANO: Mapping[str, Rails] = {"6-0040": (("POM_5V_IN", 5000, 400), ("POM_5V_GPU", 5000, 8), ("POM_5V_CPU", 5000, 41))}
TX1: Mapping[str, Rails] = {"1-0040": (("VDD_IN", 19000, 140), ("VDD_CPU", 19000, 9), ("VDD_GPU", 19000, 1))}
TX2: Mapping[str, Rails] = {
    "0-0040": (("VDD_SYS_GPU", 19000, 8), ("VDD_SYS_SOC", 19000, 20), ("VDD_4V0_WIFI", 4000, 0)),
    "0-0041": (("VDD_IN", 19000, 98), ("VDD_SYS_CPU", 19000, 12), ("VDD_SYS_DDR", 19000, 7)),
}


@dataclass(frozen=True, slots=True)
class Board:
    """A board in the folder `root`."""

    root: Path

    @property
    def sysfs(self) -> Path:
        return self.root / "sys"

    @property
    def debugfs(self) -> Path:
        return self.sysfs / "kernel/debug"

    def hwmon(self, address: str, rails: Rails, number: int) -> Path:
        """An INA3221 of JetPack 5 and later: millivolt and milliampere, shunts and their sum beside them."""
        device = self.sysfs / "bus/i2c/devices" / address
        folder = device / f"hwmon/hwmon{number}"
        write(folder / "name", "ina3221")
        write(folder / "update_interval", 7)
        for at, (label, millivolt, milliampere) in enumerate(rails, 1):
            if label is not None:
                write(folder / f"in{at}_label", label)
            write(folder / f"in{at}_input", millivolt)
            write(folder / f"curr{at}_input", milliampere)
            write(folder / f"in{at + 3}_input", milliampere * 5)
            write(folder / f"shunt{at}_resistor", 5000)
        write(folder / "in7_input", 12345)
        write(folder / "in7_label", "sum of shunt voltages")
        write(folder / "curr4_input", 4321)
        link(self.sysfs / "bus/i2c/drivers/ina3221" / address, device)
        link(self.sysfs / f"class/hwmon/hwmon{number}", folder)
        return folder

    def iio(self, address: str, rails: Rails, number: int) -> Path:
        """An INA3221 of JetPack 4: milliwatt."""
        device = self.sysfs / "bus/i2c/devices" / address
        folder = device / f"iio:device{number}"
        for at, (label, millivolt, milliampere) in enumerate(rails):
            write(folder / f"rail_name_{at}", label or "")
            write(folder / f"in_power{at}_input", millivolt * milliampere // 1000)
            write(folder / f"in_voltage{at}_input", millivolt)
            write(folder / f"in_current{at}_input", milliampere)
            write(folder / f"warn_current_limit_{at}", "32760 ma")
        link(self.sysfs / "bus/i2c/drivers/ina3221x" / address, device)
        return folder

    def ina238(self, number: int, label: str | None, microwatt: int) -> Path:
        """The chip on the carrier board of a Thor."""
        folder = self.sysfs / f"bus/i2c/devices/2-0044/hwmon/hwmon{number}"
        files: dict[str, str | int] = {
            "name": "ina238",
            "in0_input": 3,
            "in1_input": 12000,
            "curr1_input": 3000,
            "power1_input": microwatt,
        }
        for name, content in files.items():
            write(folder / name, content)
        if label:
            write(folder / "in1_label", label)
        link(self.sysfs / "bus/i2c/drivers/ina238/2-0044", self.sysfs / "bus/i2c/devices/2-0044")
        link(self.sysfs / f"class/hwmon/hwmon{number}", folder)
        return folder

    def zone(self, number: int, kind: str, text: str | int) -> Path:
        folder = self.sysfs / f"devices/virtual/thermal/thermal_zone{number}"
        write(folder / "type", kind)
        write(folder / "temp", text)
        link(self.sysfs / f"class/thermal/thermal_zone{number}", folder)
        return folder

    def named(self, model: str, compatible: Sequence[str], *, release: str = "") -> "Board":
        """What the device tree and /etc say."""
        tree = self.sysfs / "firmware/devicetree/base"
        write(tree / "model", f"{model}\0".encode())
        write(tree / "compatible", "".join(f"{name}\0" for name in compatible).encode())
        write(tree / "serial-number", b"1424921055981\0")
        if release:
            text = f"# {release}, GCID: 1, BOARD: generic, EABI: aarch64, DATE: Mon Jan  1 00:00:00 UTC 2026"
            write(self.root / "etc/nv_tegra_release", text)
        return self


def board(root: Path, rails: Mapping[str, Rails] = ORIN_NX, *, old: bool = False, first: int = 2) -> Board:
    """A board with these chips, by JetPack 4's driver where `old`."""
    made = Board(root)
    for number, (address, of) in enumerate(rails.items(), first):
        (made.iio if old else made.hwmon)(address, of, number)
    return made


def orin_nx(root: Path) -> Board:
    """An Orin NX with everything that a board has."""
    made = board(root).named(
        "NVIDIA Jetson Orin NX Engineering Reference Developer Kit",
        ("nvidia,p3768-0000+p3767-0000", "nvidia,p3767-0000", "nvidia,tegra234"),
        release="R36 (release), REVISION: 4.4",
    )
    policy(made.sysfs, 0, 729600, cpus="0 1 2 3")
    write(made.root / "proc/stat", "cpu 10 0 10 80 0 0 0 0 0 0\ncpu0 10 0 10 80 0 0 0 0 0 0\n")
    write(made.root / "proc/meminfo", "MemTotal: 16000 kB\nMemAvailable: 4000 kB\n")
    gpu = made.sysfs / "class/devfreq/17000000.gpu"
    clocks: dict[str, str | int] = {
        "cur_freq": 306000000,
        "min_freq": 306000000,
        "max_freq": 918000000,
        "governor": "nvhost_podgov",
    }
    for name, content in clocks.items():
        write(gpu / name, content)
    write(gpu / "device/of_node/name", b"gpu\0")
    write(gpu / "device/load", 430)
    write(made.debugfs / "bpmp/debug/clk/emc/rate", 2133000000)
    write(made.debugfs / "cactmon/mc_all", 42660000)
    write(made.debugfs / "clk/nvenc/clk_rate", 716800000)
    write(made.debugfs / "clk/nvenc/clk_enable_count", 0)
    for number, (kind, text) in enumerate((("cpu-thermal", 45843), ("gpu-thermal", -256000), ("PMIC-Die", 100000))):
        made.zone(number, kind, text)
    fan = made.sysfs / "class/hwmon/hwmon0"
    write(fan / "name", "pwmfan")
    write(fan / "pwm1", 51)
    write(fan / "rpm", 1200)
    for number, (kind, state) in enumerate((("cpu-throttle-alert", 1), ("gpu-throttle-alert", 0))):
        write(made.sysfs / f"class/thermal/cooling_device{number}/type", kind)
        write(made.sysfs / f"class/thermal/cooling_device{number}/cur_state", state)
    write(made.sysfs / "class/hwmon/hwmon1/name", "soctherm_oc")
    write(made.sysfs / "class/hwmon/hwmon1/oc1_event_cnt", 3)
    write(made.root / "var/lib/nvpmodel/status", "pmode:0002 fmode:fanNull")
    write(made.root / "etc/nvpmodel.conf", "< POWER_MODEL ID=0 NAME=MAXN >\n< POWER_MODEL ID=2 NAME=15W >\n")
    return made


def looked(made: Board) -> BoardLook:
    roots = Roots.below(str(made.root))
    return look_at(look_below(roots), roots)


def found(made: Board) -> Found:
    """What finding makes of a board."""
    return find(looked(made))


def columns(of: Found) -> set[str]:
    return {channel.column for node in of.nodes for channel in node.channels}


def watts(of: Found, look: BoardLook) -> dict[str, float]:
    """The power of each rail, from the first look."""
    power: dict[str, float] = {}
    for node in of.nodes:
        if node.stream == "rails":
            (value,) = node.parse(look.text(node.path) or "")
            name = node.channels[0].name
            power[name] = power.get(name, 1.0) * (float("nan") if value is None else value)
    return power

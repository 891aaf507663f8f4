"""Boards of L4T 34 and later, whose kernels have the mainline driver. Where its figures come from: boards.py."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from edgewatt.virtual_lab.jetson.board import GATED, Board, Chip, Gpu, Part, Rail
from edgewatt.virtual_lab.jetson.boards_r32 import NX_RAILS

_T234_ENGINES: Final = "NVENC off NVDEC off NVJPG off NVJPG1 off VIC off OFA off"
_ORIN_PARTS: Final = {
    "cpu": Part(0.25, 6.0),
    "gpu": Part(0.20, 9.0, rise_s=0.008),
    "cv": Part(0.05),
    "soc": Part(1.2, 1.0),
    "memory": Part(0.6, 2.0),
    "rest": Part(1.6),
}
_ORIN_ZONES: Final[Mapping[str, str | float]] = {
    "cpu-thermal": "cpu",
    "gpu-thermal": "gpu",
    "cv0-thermal": GATED,
    "cv1-thermal": GATED,
    "cv2-thermal": GATED,
    "soc0-thermal": "soc",
    "soc1-thermal": "soc",
    "soc2-thermal": "soc",
    "tj-thermal": "cpu",
}

ORIN_NANO: Final = Board(
    "orin-nano",
    "NVIDIA Jetson Orin Nano Developer Kit",
    ("nvidia,p3768-0000+p3767-0005", "nvidia,p3767-0005", "nvidia,tegra234"),
    (36, "4.3"),
    "r36",
    (Chip("1-0040", NX_RAILS),),
    _ORIN_PARTS,
    cpus=6,
    cpu_mhz=(729, 1190, 1510),
    gpu=Gpu("17000000.gpu", "gpu", (305, 510, 624)),
    zones=_ORIN_ZONES,
    ram_mb=7620,
    emc_mhz=(204, 2133),
    modes={0: "15W", 1: "7W"},
    mode=0,
    swap_mb=3810,
    engines_mid="NVDEC off NVJPG off VIC off OFA off",
    engines="APE 200",
)

ORIN_NX: Final = Board(
    "orin-nx",
    "NVIDIA Orin NX Developer Kit",
    ("nvidia,p3768-0000+p3767-0000", "nvidia,p3767-0000", "nvidia,tegra234"),
    (35, "4.1"),
    "r35",
    (Chip("1-0040", NX_RAILS),),
    _ORIN_PARTS,
    cpus=8,
    offline=4,
    cpu_mhz=(729, 1190, 1984),
    gpu=Gpu("17000000.ga10b", "ga10b", (306, 611, 918)),
    zones={
        "CV0-therm": GATED,
        "CPU-therm": "cpu",
        "SOC2-therm": "soc",
        "SOC0-therm": "soc",
        "CV1-therm": GATED,
        "GPU-therm": "gpu",
        "tj-therm": "cpu",
        "SOC1-therm": "soc",
        "CV2-therm": GATED,
    },
    ram_mb=15388,
    emc_mhz=(204, 3199),
    modes={0: "MAXN", 1: "10W", 2: "15W", 3: "25W"},
    mode=2,
    swap_mb=7694,
    engines_mid="VIC_FREQ 729",
    engines="APE 174",
)

AGX_ORIN: Final = Board(
    "agx-orin",
    "NVIDIA Jetson AGX Orin Developer Kit",
    ("nvidia,p3737-0000+p3701-0005", "nvidia,p3701-0005", "nvidia,tegra234"),
    (36, "4.4"),
    "r36",
    (
        Chip(
            "1-0040",
            (
                Rail("VDD_GPU_SOC", 20.0, 2, ("gpu", "soc")),
                Rail("VDD_CPU_CV", 20.0, 2, ("cpu", "cv")),
                Rail("VIN_SYS_5V0", 5.0, 2, ("rest", "memory")),
            ),
        ),
        # Inside VIN_SYS_5V0: what it measures is measured twice.
        Chip("1-0041", (None, Rail("VDDQ_VDD2_1V8AO", 5.0, 2, ("memory",), printed=False), None)),
    ),
    {
        "cpu": Part(0.5, 15.0),
        "gpu": Part(0.4, 25.0, rise_s=0.008),
        "cv": Part(0.05),
        "soc": Part(2.0, 2.0),
        "memory": Part(0.5, 4.0),
        "rest": Part(3.6),
    },
    cpus=12,
    cpu_mhz=(729, 1190, 2201),
    gpu=Gpu("17000000.gpu", "gpu", (306, 612, 1300), gpcs=2),
    zones=_ORIN_ZONES,
    ram_mb=62841,
    emc_mhz=(204, 3199),
    modes={0: "MAXN", 1: "MODE_15W", 2: "MODE_30W", 3: "MODE_50W"},
    mode=0,
    swap_mb=31420,
    engines_mid=f"{_T234_ENGINES} NVDLA0 off NVDLA1 off PVA0_FREQ off",
    engines="APE 174",
)

THOR: Final = Board(
    "thor",
    "NVIDIA Jetson AGX Thor Developer Kit",
    ("nvidia,p4071-0000+p3834-0008", "nvidia,p3834-0008", "nvidia,tegra264"),
    (38, "4.0"),
    "r38",
    (
        Chip(
            "2-0040",
            (
                Rail("VDD_GPU", 12.0, 1.25, ("gpu",)),
                Rail("VDD_CPU_SOC_MSS", 12.0, 1.25, ("cpu", "soc", "memory")),
                Rail("VIN_SYS_5V0", 12.0, 1.25, ("rest",)),
            ),
        ),
        Chip("2-0044", (Rail("VIN", 19.6, 2, total=True),), "ina238"),
    ),
    {
        "cpu": Part(0.7, 25.0),
        "gpu": Part(0.0, 40.0, rise_s=0.008),
        "soc": Part(2.2, 3.0),
        "memory": Part(1.2, 8.0),
        "rest": Part(4.1),
    },
    cpus=14,
    cpu_mhz=(972, 1512, 2601),
    gpu=Gpu("gpu-gpc-0", "gb10b", (0, 1050, 1574), gpcs=3),
    zones={
        "cpu-thermal": "cpu",
        "tj-thermal": "cpu",
        "soc012-thermal": "soc",
        "soc345-thermal": "soc",
        "gpu-thermal": GATED,
    },
    ram_mb=125773,
    emc_mhz=(665, 4266),
    modes={0: "MAXN", 1: "120W"},
    mode=1,
    swap_mb=2048,
    engines_mid="NVENC0_FREQ @0 NVENC1_FREQ @0 NVDEC0_FREQ @0 NVDEC1_FREQ @0 NVJPG0_FREQ @0 "
    "VIC off OFA_FREQ @0 PVA0_FREQ off",
    engines="APE 300",
)

_OF_R35: Final = Chip("1-0041", (None, Rail("VDDQ_VDD2_1V8AO", 5.0, 2, ("memory",)), None))

AGX_ORIN_R35: Final = replace(
    AGX_ORIN,
    name="agx-orin-r35",
    release=(35, "2.1"),
    line="r35",
    chips=(AGX_ORIN.chips[0], _OF_R35),
    zones=ORIN_NX.zones,
    engines_mid="NVJPG1 729 VIC_FREQ 729",
    engines="APE 233",
)

THOR_R39: Final = replace(THOR, name="thor-r39", release=(39, "2.0"), line="r39", engines_mid="VIC off")

"""Boards of L4T 32, whose kernel is NVIDIA's 4.9. Where its figures come from: boards.py."""

from typing import Final

from edgewatt.virtual_lab.jetson.board import Board, Chip, Gpu, Part, Rail

# Of Xavier NX and, with the same names, of Orin NX and Nano.
NX_RAILS: Final = (
    Rail("VDD_IN", 5.04, 5, total=True),
    Rail("VDD_CPU_GPU_CV", 5.04, 5, ("cpu", "gpu", "cv")),
    Rail("VDD_SOC", 5.04, 5, ("soc",)),
)

TX2: Final = Board(
    "tx2",
    "quill",
    ("nvidia,p2771-0000", "nvidia,quill", "nvidia,tegra186"),
    (32, "7.1"),
    "r32",
    (
        Chip(
            "0-0040",
            (
                Rail("VDD_SYS_GPU", 19.136, 10, ("gpu",)),
                Rail("VDD_SYS_SOC", 19.136, 10, ("soc",)),
                Rail("VDD_4V0_WIFI", 4.8, 10, ("wifi",)),
            ),
        ),
        Chip(
            "0-0041",
            (
                Rail("VDD_IN", 19.136, 20, total=True),
                Rail("VDD_SYS_CPU", 19.136, 10, ("cpu",)),
                Rail("VDD_SYS_DDR", 4.8, 10, ("memory",)),
            ),
        ),
    ),
    {
        "cpu": Part(0.25, 6.0),
        "gpu": Part(0.15, 8.0, rise_s=0.008),
        "soc": Part(0.38, 1.2),
        "memory": Part(0.13, 2.4),
        "wifi": Part(0.0),
        "rest": Part(0.7),
    },
    cpus=6,
    cpu_mhz=(345, 1113, 2035),
    gpu=Gpu("17000000.gp10b", "gp10b", (114, 828, 1300)),
    zones={
        "PLL-therm": "soc",
        "MCPU-therm": "cpu",
        "PMIC-Die": 100.0,
        "Tboard_tegra": 28.0,
        "GPU-therm": "gpu",
        "BCPU-therm": "cpu",
        "thermal-fan-est": "soc",
        "Tdiode_tegra": 30.25,
    },
    ram_mb=7852,
    emc_mhz=(408, 1866),
    modes={0: "MAXN", 1: "MAXQ", 2: "MAXP_CORE_ALL", 3: "MAXP_CORE_ARM", 4: "MAXP_CORE_DENVER"},
    mode=0,
    engines="APE 150 MTS fg 0% bg 0%",
)

NANO: Final = Board(
    "nano",
    "NVIDIA Jetson Nano Developer Kit",
    ("nvidia,p3449-0000-b00+p3448-0000-b00", "nvidia,jetson-nano", "nvidia,tegra210"),
    (32, "7.1"),
    "r32",
    (
        Chip(
            "6-0040",
            (
                Rail("POM_5V_IN", 5.04, 5, total=True),
                Rail("POM_5V_GPU", 5.04, 5, ("gpu",)),
                Rail("POM_5V_CPU", 5.04, 5, ("cpu",)),
            ),
        ),
    ),
    {
        "cpu": Part(0.25, 3.5),
        "gpu": Part(0.03, 4.0, rise_s=0.008),
        "soc": Part(0.3, 0.4),
        "memory": Part(0.1, 0.8),
        "rest": Part(0.3),
    },
    cpus=4,
    cpu_mhz=(102, 918, 1479),
    gpu=Gpu("57000000.gpu", "gpu", (76, 460, 921)),
    zones={
        "PLL-therm": "soc",
        "CPU-therm": "cpu",
        "PMIC-Die": 100.0,
        "GPU-therm": "gpu",
        "AO-therm": 39.5,
        "thermal-fan-est": "soc",
    },
    ram_mb=3956,
    emc_mhz=(204, 1600),
    modes={0: "MAXN", 1: "5W"},
    mode=0,
    swap_mb=1978,
    engines="APE 25",
)

XAVIER_NX: Final = Board(
    "xavier-nx",
    "NVIDIA Jetson Xavier NX Developer Kit",
    ("nvidia,p3509-0000+p3668-0000", "nvidia,p3668-0000", "nvidia,tegra194"),
    (32, "7.1"),
    "r32",
    (Chip("7-0040", NX_RAILS),),
    {
        "cpu": Part(0.25, 6.0),
        "gpu": Part(0.20, 7.0, rise_s=0.008),
        "cv": Part(0.0),
        "soc": Part(1.2, 1.0),
        "memory": Part(0.6, 2.0),
        "rest": Part(1.6),
    },
    cpus=6,
    cpu_mhz=(1190, 1420, 1907),
    gpu=Gpu("17000000.gv11b", "gv11b", (114, 675, 1109)),
    zones={
        "AO-therm": 41.5,
        "GPU-therm": "gpu",
        "PMIC-Die": 100.0,
        "AUX-therm": "soc",
        "CPU-therm": "cpu",
        "thermal-fan-est": "soc",
    },
    ram_mb=7772,
    emc_mhz=(204, 1600),
    modes={0: "MODE_15W_2CORE", 1: "MODE_15W_4CORE", 2: "MODE_15W_6CORE", 3: "MODE_10W_2CORE", 4: "MODE_10W_4CORE"},
    mode=2,
    swap_mb=3886,
    engines="APE 150 MTS fg 1% bg 9%",
)

AGX_XAVIER: Final = Board(
    "agx-xavier",
    "Jetson-AGX",
    ("nvidia,p2822-0000+p2888-0001", "nvidia,p2972-0000", "nvidia,tegra194"),
    (32, "7.1"),
    "r32",
    (
        Chip(
            "1-0040",
            (Rail("GPU", 19.4, 5, ("gpu",)), Rail("CPU", 19.4, 5, ("cpu",)), Rail("SOC", 19.4, 5, ("soc",))),
        ),
        Chip(
            "1-0041",
            (Rail("CV", 19.4, 5, ("cv",)), Rail("VDDRQ", 19.4, 5, ("memory",)), Rail("SYS5V", 5.04, 5, ("rest",))),
        ),
    ),
    {
        "cpu": Part(0.4, 14.0),
        "gpu": Part(0.05, 20.0, rise_s=0.008),
        "cv": Part(0.0),
        "soc": Part(0.95, 2.0),
        "memory": Part(0.6, 3.0),
        "rest": Part(1.5),
    },
    cpus=8,
    offline=4,
    cpu_mhz=(1190, 1420, 2265),
    gpu=Gpu("17000000.gv11b", "gv11b", (318, 675, 1377)),
    zones={
        "AO-therm": 37.5,
        "GPU-therm": "gpu",
        "Tdiode_tegra": 40.0,
        "PMIC-Die": 100.0,
        "AUX-therm": "soc",
        "CPU-therm": "cpu",
        "thermal-fan-est": "soc",
        "Tboard_tegra": 37.0,
    },
    ram_mb=31927,
    emc_mhz=(665, 2133),
    modes={0: "MAXN", 1: "MODE_10W", 2: "MODE_15W", 3: "MODE_30W_ALL"},
    mode=2,
    swap_mb=15963,
    engines="APE 150 MTS fg 0% bg 0%",
)

"""The phones that the lab has, each with the defects that owners of such phones reported.

"second-hand" below: issues and scripts of other projects. Marketing names are not used: these are likenesses, made of
what was said of several models, and none is a recording.
"""

from collections.abc import Sequence
from typing import Final

from edgewatt.profiler.errors import UsageError
from edgewatt.virtual_lab.phone.personality import Cluster, Personality, Rail, Zone, with_quirk

_LITTLE: Final = (300_000, 574_000, 738_000, 930_000, 1_098_000, 1_197_000, 1_328_000, 1_491_000, 1_598_000, 1_803_000)
_MID: Final = (400_000, 696_000, 910_000, 1_024_000, 1_197_000, 1_491_000, 1_836_000, 2_130_000, 2_253_000)
_BIG: Final = (500_000, 851_000, 1_106_000, 1_277_000, 1_582_000, 1_826_000, 2_048_000, 2_401_000, 2_802_000)

_QUALCOMM_ZONES: Final = (
    Zone("cpu-0-0-usr", above_c=6.0),
    Zone("cpu-1-0-usr", above_c=9.0),
    Zone("gpuss-0-usr", above_c=5.0),
    Zone("pm8150-tz", above_c=3.0),
    Zone("battery", above_c=-1.0),
    Zone("skin-therm-usr"),
    # Current limiters of Qualcomm hold millivolt under a thermal zone (second-hand).
    Zone("vbat", per_c=140, above_c=0.0),
    Zone("quiet-therm-usr", readable=False),
)

# ODPM with two PMICs whose T have different bases, and rails named as on a Pixel 6; a userdebug build, on which scripts
# read them as root (second-hand: LISA, ANGLE).
PIXEL: Final = Personality(
    name="pixel",
    title="virtual Pixel (ODPM)",
    manufacturer="Google",
    brand="google",
    model="Pixel 6",
    device="oriole",
    android="14",
    sdk=34,
    soc_maker="Google",
    soc="Tensor",
    clusters=(
        Cluster((0, 1, 2, 3), _LITTLE, 0.9, "S4M_VDD_CPUCL0"),
        Cluster((4, 5), _MID, 1.9, "S3M_VDD_CPUCL1"),
        Cluster((6, 7), _BIG, 3.6, "S2M_VDD_CPUCL2"),
    ),
    rooted=True,
    odpm=True,
    odpm_second_base_s=2728.0,
    power_stats=True,
    gpu="tensor",
    gpu_work=True,
    delegate_nnapi="some",
    rails=(
        Rail(0, "S10M_VDD_TPU", "Tensor", "npu"),
        Rail(0, "VSYS_PWR_MODEM", "Cellular", "other", 0.10),
        Rail(0, "VSYS_PWR_RFFE", "Cellular", "none", 0.0),
        Rail(0, "S2M_VDD_CPUCL2", "CPU", "cpu2"),
        Rail(0, "S3M_VDD_CPUCL1", "CPU", "cpu1"),
        Rail(0, "S4M_VDD_CPUCL0", "CPU", "cpu0"),
        Rail(0, "S5M_VDD_INT", "SoC", "other", 0.15),
        Rail(0, "S1M_VDD_MIF", "Memory", "memory"),
        Rail(1, "VSYS_PWR_WLAN_BT", "WiFi", "radio"),
        Rail(1, "L2S_VDD_AOC_RET", "AOC-Memory", "other", 0.02),
        Rail(1, "S9S_VDD_AOC", "AOC-Logic", "other", 0.03),
        Rail(1, "S5S_VDDQ_MEM", "DDR", "memory", 0.2),
        Rail(1, "S10S_VDD2L", "DDR", "memory", 0.2),
        Rail(1, "S4S_VDD2H_MEM", "DDR", "memory", 0.3),
        Rail(1, "S2S_VDD_G3D", "GPU", "gpu"),
        Rail(1, "VSYS_PWR_DISPLAY", "Display", "screen"),
    ),
    zones=(
        Zone("BIG", above_c=12.0),
        Zone("MID", above_c=8.0),
        Zone("LITTLE", above_c=6.0),
        Zone("G3D", above_c=5.0),
        Zone("TPU", above_c=4.0),
        Zone("battery", above_c=-1.0),
        Zone("skin_therm"),
    ),
)

# Current in mA, types of thermalservice shifted by one, `current now` in dumpsys battery (second-hand: S21, A52s, and a
# recording of 2018).
SAMSUNG: Final = Personality(
    name="samsung",
    title="virtual Galaxy (mA gauge)",
    manufacturer="samsung",
    brand="samsung",
    model="SM-G991B",
    device="o1s",
    android="12",
    sdk=31,
    soc_maker="Samsung",
    soc="s5e9840",
    clusters=(
        Cluster((0, 1, 2, 3), _LITTLE, 1.0, ""),
        Cluster((4, 5, 6), _MID, 2.4, ""),
        Cluster((7,), _BIG, 2.6, ""),
    ),
    generation="2023",
    gauge_unit="mA",
    gauge_counts_charge=False,
    service_tells_current=True,
    gpu="samsung",
    thermal_service="shifted",
    delegate_gpu="some",
    zones=(
        Zone("BIG", above_c=11.0),
        Zone("LITTLE", above_c=6.0),
        Zone("G3D", above_c=5.0),
        Zone("battery", per_c=10, above_c=-1.0),
        Zone("ac"),
    ),
)

# Positive on discharge, against Android's rule (second-hand: Mi 8 and Poco F1), and in mA, as Mi phones with LineageOS;
# a second node of type Battery beside it that does not move.
XIAOMI: Final = Personality(
    name="xiaomi",
    title="virtual Xiaomi (mA, inverted)",
    manufacturer="Xiaomi",
    brand="Xiaomi",
    model="MI 8",
    device="dipper",
    android="10",
    sdk=29,
    soc_maker="QTI",
    soc="SDM845",
    clusters=(Cluster((0, 1, 2, 3), _LITTLE, 1.1, ""), Cluster((4, 5, 6, 7), _BIG, 4.2, "")),
    generation="2021",
    gauge_unit="mA",
    gauge_sign=1,
    gauge_voltage_unit="mV",
    second_gauge=True,
    gpu="adreno",
    delegate_gpu="none",
    delegate_nnapi="fails",
    wifi_status=False,
    zones=_QUALCOMM_ZONES,
    properties={"ro.product.marketname": "virtual Xiaomi (mA, inverted)"},
)

# The gauge gives a new value every 10 s on discharge (second-hand: BatteryRecorder#74, a OnePlus 11).
ONEPLUS: Final = Personality(
    name="oneplus",
    title="virtual OnePlus (10 s gauge)",
    manufacturer="OnePlus",
    brand="OnePlus",
    model="PHB110",
    device="OP591BL1",
    android="13",
    sdk=33,
    soc_maker="QTI",
    soc="SM8550",
    clusters=(Cluster((0, 1, 2), _LITTLE, 0.8, ""), Cluster((3, 4, 5, 6), _MID, 3.4, ""), Cluster((7,), _BIG, 2.9, "")),
    gauge_sign=1,
    gauge_unit="mA",
    gauge_period_s=10.0,
    gauge_window_s=10.0,
    gpu="adreno",
    gpu_work=True,
    zones=_QUALCOMM_ZONES,
)

# kgsl is denied as a whole and its folder cannot be listed; one cluster is offline (second-hand: Honor Magic7 Pro).
SNAPDRAGON: Final = Personality(
    name="snapdragon",
    title="virtual Snapdragon (kgsl denied)",
    manufacturer="HONOR",
    brand="HONOR",
    model="PTP-AN10",
    device="HNPTP",
    android="16",
    sdk=36,
    soc_maker="QTI",
    soc="SM8750",
    clusters=(Cluster((0, 1, 2, 3, 4, 5), _MID, 3.8, ""), Cluster((6, 7), _BIG, 4.4, "", online=False)),
    generation="litert",
    gpu="adreno",
    gpu_work=True,
    delegate_gpu="fails",
    delegate_npu="all",
    denied=("sys/class/kgsl/kgsl-3d0/*", "sys/class/power_supply/battery/charge_counter"),
    unlisted=("sys/class/kgsl", "sys/class/kgsl/kgsl-3d0"),
    zones=_QUALCOMM_ZONES,
)

# MediaTek's own places for the GPU's clock; no gauge that the shell may read (second-hand: vtools#31).
MEDIATEK: Final = Personality(
    name="mediatek",
    title="virtual Dimensity (gpufreqv2)",
    manufacturer="Xiaomi",
    brand="Redmi",
    model="22041211AC",
    device="rubens",
    android="13",
    sdk=33,
    soc_maker="Mediatek",
    soc="MT6895",
    clusters=(Cluster((0, 1, 2, 3), _LITTLE, 0.9, ""), Cluster((4, 5, 6, 7), _BIG, 4.0, "")),
    generation="2023",
    gpu="mediatek",
    gauge_readable=False,
    delegate_gpu="all",
    zones=(Zone("mtktscpu", above_c=9.0), Zone("mtktsAP", above_c=1.0), Zone("mtktsbattery", above_c=-1.0)),
    properties={"ro.mediatek.platform": "MT6895"},
)

# Android 8, here without shell_v2; no thermalservice, a tool of 2019; mA, negative on discharge (second-hand, of 2017).
OLD: Final = Personality(
    name="old",
    title="virtual phone of 2017 (Android 8, no shell_v2)",
    manufacturer="HUAWEI",
    brand="HUAWEI",
    model="PRA-LX1",
    device="HWPRA-H",
    android="8.0.0",
    sdk=26,
    soc="hi6250",
    clusters=(Cluster((0, 1, 2, 3), _LITTLE, 1.2, ""), Cluster((4, 5, 6, 7), _MID, 2.4, "")),
    generation="2019",
    shell_v2=False,
    gauge_node="Battery",
    gauge_unit="mA",
    thermal_service="none",
    wifi_status=False,
    delegate_gpu="absent",
    delegate_nnapi="none",
    zones=(Zone("soc_thermal", per_c=1, above_c=8.0), Zone("Battery", per_c=1, above_c=-1.0)),
)

PERSONALITIES: Final = {p.name: p for p in (PIXEL, SAMSUNG, XIAOMI, ONEPLUS, SNAPDRAGON, MEDIATEK, OLD)}
DEFAULT: Final = PIXEL.name


def personality(name: str, quirks: Sequence[str] = ()) -> Personality:
    """The phone of that name, with `NAME=VALUE` set for each quirk. Raises UsageError."""
    if name not in PERSONALITIES:
        raise UsageError(f"personality {name!r}: the lab has {', '.join(PERSONALITIES)}")
    phone = PERSONALITIES[name]
    for quirk in quirks:
        key, equals, value = quirk.partition("=")
        if not equals:
            raise UsageError(f"quirk {quirk!r}: expected NAME=VALUE, such as gauge_period_s=10")
        phone = with_quirk(phone, key, value)
    return phone

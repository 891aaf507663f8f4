"""`adreno`: a Snapdragon whose kgsl folder cannot be listed, an offline cluster, zones that fail, a gauge in uA."""

import math
from collections.abc import Mapping
from typing import Final

from tests.adbd import parts
from tests.adbd.personality import Denied, Failing, Link, Moment, Node, Nodes, Personality, Truth

KGSL: Final = "/sys/devices/platform/soc/3d00000.qcom,kgsl-3d0/kgsl/kgsl-3d0"
GAUGE_S: Final = 0.5
OFFLINE: Final = 7
WINDOW_US: Final = 1_000_000  # of gpubusy

TRUTH: Final = Truth(
    battery_v=3.88,
    battery_w=(0.7, 6.1),
    charging_w=9.0,
    level=50,
    frequencies_hz={
        0: (300_000_000, 1_075_200_000, 1_804_800_000),
        4: (710_400_000, 1_574_400_000, 2_419_200_000),
        7: (844_800_000, 1_862_400_000, 2_841_600_000),
    },
    cpus={0: (0, 1, 2, 3), 4: (4, 5, 6), 7: (7,)},
    temperatures_c={
        "cpu-0-0-usr": 44.3,
        "cpu-1-3-usr": 47.9,
        "gpuss-0-usr": 42.6,
        "pm8350-tz": 37.0,
        "battery": 29.0,
        "xo-therm-usr": 35.1,
    },
    gpu_hz=(315_000_000, 587_000_000, 840_000_000),
    gpu_busy=(0.03, 0.8),
    rssi_dbm=-70,
    full_c=4_600 * 3.6,
)


def _nodes() -> Nodes:
    zones: dict[str, float | Node] = dict(TRUTH.temperatures_c)
    zones |= {f"modem-lte-sub6-pa{number}": -274.0 for number in range(4)}
    zones |= {f"cpu-1-{number}-step": Failing() for number in range(8)}
    zones |= {f"mmw{number}": Denied("-40000") for number in range(4)}
    zones |= {"ddr-usr": 39.4, "vbat-lvl0": 3.88, "soc": 0.05}
    return {
        "/sys/power/wake_lock": Denied(""),
        "/sys/power/wake_unlock": Denied(""),
        **parts.cpufreq(TRUTH, offline=[OFFLINE]),
        **parts.zones(zones),
        **parts.cooling({"cpufreq-cpu0": 0, "cpufreq-cpu4": 1, "kgsl-3d0": 0}),
        **parts.supply(
            "battery",
            "/sys/devices/platform/soc/c440000.qcom,spmi/qcom,battery_charger",
            {"type": "Battery", "present": "1", "health": "Good", "technology": "Li-ion", "temp": "290"}
            | {"input_suspend": Denied("0")},
        ),
        **parts.supply("dc", "/sys/devices/platform/soc/c440000.qcom,spmi/qcom,dc", {"type": "Mains", "online": "0"}),
        **parts.supply(
            "usb",
            "/sys/devices/platform/soc/c440000.qcom,spmi/qcom,usb",
            {"type": "USB", "online": "0", "current_now": Failing()},
        ),
        f"{KGSL}/gpu_model": "Adreno660v2",
        f"{KGSL}/gpubusy": Denied("0 0"),
        f"{KGSL}/gpu_available_frequencies": "840000000 587000000 315000000 ",
        f"{KGSL}/max_gpuclk": "840000000",
        f"{KGSL}/temp": Denied("42600"),
        f"{KGSL}/devfreq/governor": "msm-adreno-tz",
        "/sys/class/kgsl/kgsl-3d0": Link(KGSL),
    }


def _live(moment: Moment) -> Mapping[str, str]:
    volts, amps = parts.gauge(TRUTH, moment, GAUGE_S)
    battery, hz = "/sys/class/power_supply/battery", TRUTH.gpu_hz[int(moment.t_s / parts.STEP_S) % len(TRUTH.gpu_hz)]
    busy = moment.between(TRUTH.gpu_busy)
    return {
        **parts.cpufreq_live(TRUTH, moment, offline=[OFFLINE]),
        f"{battery}/status": parts.status(moment),
        f"{battery}/capacity": str(TRUTH.level),
        f"{battery}/voltage_now": str(round(volts * 1e6)),
        f"{battery}/current_now": str(-round(amps * 1e6)),
        f"{battery}/charge_counter": str(math.floor(parts.charge_c(TRUTH, moment) / 3.6e-3)),
        "/sys/class/power_supply/usb/online": str(int(moment.plugged)),
        f"{KGSL}/gpuclk": str(hz),
        f"{KGSL}/devfreq/cur_freq": str(hz),
        f"{KGSL}/gpu_busy_percentage": f"{round(100 * busy)} %",
        f"{KGSL}/gpubusy": f"{round(busy * WINDOW_US):7d} {WINDOW_US:7d}",
    }


def _services(moment: Moment) -> Mapping[str, str]:
    return {"battery": parts.battery_service(TRUTH, moment, temperature_c=TRUTH.temperatures_c["battery"])}


ADRENO: Final = Personality(
    name="adreno",
    truth=TRUTH,
    properties={
        "ro.product.manufacturer": "OnePlus",
        "ro.product.brand": "OnePlus",
        "ro.product.model": "LE2123",
        "ro.product.device": "OnePlus9Pro",
        "ro.product.cpu.abi": "arm64-v8a",
        "ro.board.platform": "lahaina",
        "ro.hardware": "qcom",
        "ro.soc.manufacturer": "QTI",
        "ro.soc.model": "SM8350",
        "ro.build.version.release": "12",
        "ro.build.version.sdk": "31",
        "ro.build.type": "user",
        "ro.build.fingerprint": "OnePlus/OnePlus9Pro_EEA/OnePlus9Pro:12/SKQ1.210216.001/R.2022011819:user/release-keys",
        "sys.boot_completed": "1",
    },
    nodes=_nodes(),
    live=_live,
    live_services=_services,
    services={
        "thermalservice": parts.thermal_service(
            {"CPU0": (0, 44.3, 0), "GPU0": (1, 42.6, 0), "battery": (2, 29.0, 0), "skin": (3, 34.0, 1)}, 20.0, status=1
        ),
        "wifi_status": parts.wifi_status(TRUTH.rssi_dbm),
        "gpu": "GLES: Qualcomm, Adreno (TM) 660, OpenGL ES 3.2 V@0530.0\nMemory snapshot for GPU 0:\nGlobal total: 0",
    },
    unlistable=(KGSL,),
)

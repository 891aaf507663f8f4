"""`xiaomi_ma`: a gauge in mA that is positive on discharge, supplies that never move, no GPU node but `dumpsys gpu`."""

import math
from collections.abc import Mapping
from typing import Final

from tests.adbd import parts
from tests.adbd.personality import Denied, Failing, Moment, Nodes, Personality, Truth

GAUGE_S: Final = 1.0
SHELL_APP: Final = 2000

TRUTH: Final = Truth(
    battery_v=4.12,
    battery_w=(1.1, 5.0),
    charging_w=8.0,
    level=64,
    frequencies_hz={
        0: (500_000_000, 1_200_000_000, 2_000_000_000),
        4: (774_000_000, 1_800_000_000, 2_850_000_000),
    },
    cpus={0: (0, 1, 2, 3), 4: (4, 5, 6, 7)},
    temperatures_c={"mtktscpu": 48.0, "mtktsAP": 37.5, "mtktsbattery": 33.0, "mtktspmic": 41.0},
    gpu_busy=(0.05, 0.7),
    rssi_dbm=-61,
)


def _nodes() -> Nodes:
    still = {"type": "Battery", "status": "Unknown", "present": "1", "voltage_now": "4000000", "current_now": "0"}
    return {
        "/sys/power/wake_lock": Denied(""),
        "/sys/power/wake_unlock": Denied(""),
        "/sys/kernel/ged/hal/gpu_utilization": Denied("12 0 88"),
        "/sys/kernel/ged/hal/current_freqency": Denied("12 390000"),
        **parts.cpufreq(TRUTH),
        **parts.zones({**TRUTH.temperatures_c, "mtktsbtsnrpa": Failing(), "mtktsdram": -274.0}),
        **parts.cooling({"cpufreq-cpu0": 0, "cpufreq-cpu4": 2, "mtk-cl-shutdown00": 0}),
        **parts.supply("bbc", "/sys/devices/platform/bbc", still),
        **parts.supply(
            "battery",
            "/sys/devices/platform/mt-battery",
            {"type": "Battery", "present": "1", "health": "Good", "technology": "Li-poly", "temp": "330"},
        ),
        **parts.supply("bms", "/sys/devices/platform/bms", {**still, "type": "BMS", "capacity": str(TRUTH.level)}),
        **parts.supply("usb", "/sys/devices/platform/mt_charger", {"type": "USB", "online": "0"}),
        **parts.supply("wireless", "/sys/devices/platform/wls", {"type": "Wireless", "online": "0"}),
    }


def _live(moment: Moment) -> Mapping[str, str]:
    volts, amps = parts.gauge(TRUTH, moment, GAUGE_S)
    battery = "/sys/class/power_supply/battery"
    return {
        **parts.cpufreq_live(TRUTH, moment),
        f"{battery}/status": parts.status(moment),
        f"{battery}/capacity": str(TRUTH.level),
        f"{battery}/voltage_now": str(round(volts * 1e6)),
        f"{battery}/current_now": str(-round(amps * 1e3)),
        f"{battery}/charge_counter": str(math.floor(parts.charge_c(TRUTH, moment) / 3.6e-3)),
        "/sys/class/power_supply/usb/online": str(int(moment.plugged)),
    }


def _services(moment: Moment) -> Mapping[str, str]:
    active_ns = int(moment.integral(TRUTH.gpu_busy) * 1e9)
    return {
        "battery": parts.battery_service(TRUTH, moment, temperature_c=TRUTH.temperatures_c["mtktsbattery"]),
        "gpu": "GLES: ARM, Mali-G610 MC6, OpenGL ES 3.2 v1.r38p1\nMemory snapshot for GPU 0:\nGlobal total: 301105152\n"
        "Proc 1123 total: 98881536\nGPU work information.\n"
        "gpu_id uid total_active_duration_ns total_inactive_duration_ns\n"
        f"0 1000 {5_000_000_000 + active_ns // 4} {91_000_000_000 + int(moment.t_s * 1e9) - active_ns // 4}\n"
        f"[errors:3]0 10166 {44_000_000} {1_000_000_000}\n"
        f"0 {SHELL_APP} {active_ns - active_ns // 4} {int(moment.t_s * 1e9) - active_ns + active_ns // 4}",
    }


XIAOMI_MA: Final = Personality(
    name="xiaomi_ma",
    truth=TRUTH,
    properties={
        "ro.product.manufacturer": "Xiaomi",
        "ro.product.brand": "Redmi",
        "ro.product.model": "22041216G",
        "ro.product.device": "rubens",
        "ro.product.cpu.abi": "arm64-v8a",
        "ro.board.platform": "mt6895",
        "ro.hardware": "mt6895",
        "ro.soc.manufacturer": "Mediatek",
        "ro.soc.model": "MT6895",
        "ro.build.version.release": "13",
        "ro.build.version.sdk": "33",
        "ro.build.type": "user",
        "ro.build.fingerprint": "Redmi/rubens/rubens:13/TP1A.220624.014/V14.0.3.0.TLNMIXM:user/release-keys",
        "sys.boot_completed": "1",
    },
    nodes=_nodes(),
    live=_live,
    live_services=_services,
    services={
        "thermalservice": parts.thermal_service({"mtktscpu": (0, 48.0, 0)}, 30.0, ready=False),
        "wifi_status": parts.wifi_status(TRUTH.rssi_dbm),
    },
)

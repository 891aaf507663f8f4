"""`samsung`: /sys/kernel/gpu, a gauge in mA, `dumpsys battery` with a current, thermal types shifted by one."""

from collections.abc import Mapping
from typing import Final

from tests.adbd import parts
from tests.adbd.personality import Denied, Moment, Nodes, Personality, Truth

GPU: Final = "/sys/kernel/gpu"
GAUGE_S: Final = 1.0

TRUTH: Final = Truth(
    battery_v=4.02,
    battery_w=(0.8, 4.6),
    charging_w=7.0,
    level=84,
    frequencies_hz={
        0: (500_000_000, 1_300_000_000, 2_000_000_000),
        6: (725_000_000, 1_600_000_000, 2_200_000_000),
    },
    cpus={0: (0, 1, 2, 3, 4, 5), 6: (6, 7)},
    temperatures_c={"BIG": 41.0, "LITTLE": 39.0, "G3D": 38.0, "ac": 30.5},
    gpu_hz=(100_000_000, 550_000_000, 1_100_000_000),
    gpu_busy=(0.04, 0.66),
    rssi_dbm=-45,
)


def _nodes() -> Nodes:
    return {
        "/sys/power/wake_lock": Denied(""),
        "/sys/power/wake_unlock": Denied(""),
        **parts.cpufreq(TRUTH),
        **parts.zones({"BIG": 410.0, "LITTLE": 390.0, "G3D": 380.0, "ac": 30.5}, scale=1),
        **parts.cooling({"thermal-cpufreq-0": 0, "thermal-gpu-0": 0}),
        **parts.supply(
            "battery",
            "/sys/devices/platform/battery",
            {"type": "Battery", "present": "1", "health": "Good", "technology": "Li-ion", "temp": "305"},
        ),
        **parts.supply("ac", "/sys/devices/platform/battery", {"type": "Mains", "online": "0"}),
        **parts.supply("usb", "/sys/devices/platform/battery", {"type": "USB", "online": "0"}),
        f"{GPU}/gpu_model": "Mali-G76",
        f"{GPU}/gpu_freq_table": "1100000 550000 100000 ",
        f"{GPU}/gpu_max_clock": "1100000",
        f"{GPU}/gpu_min_clock": "100000",
        f"{GPU}/gpu_governor": "Dynamic",
        f"{GPU}/gpu_tmu": Denied("38000"),
    }


def _live(moment: Moment) -> Mapping[str, str]:
    volts, amps = parts.gauge(TRUTH, moment, GAUGE_S)
    battery, at = "/sys/class/power_supply/battery", int(moment.t_s / parts.STEP_S)
    return {
        **parts.cpufreq_live(TRUTH, moment),
        f"{battery}/status": parts.status(moment),
        f"{battery}/capacity": str(TRUTH.level),
        f"{battery}/voltage_now": str(round(volts * 1e6)),
        f"{battery}/current_now": str(round(amps * 1e3)),
        "/sys/class/power_supply/usb/online": str(int(moment.plugged)),
        f"{GPU}/gpu_clock": str(TRUTH.gpu_hz[at % len(TRUTH.gpu_hz)] // 1000),
        f"{GPU}/gpu_busy": f"{round(100 * moment.between(TRUTH.gpu_busy))} %",
    }


def _services(moment: Moment) -> Mapping[str, str]:
    _, amps = parts.gauge(TRUTH, moment, GAUGE_S)
    more = (
        "  batteryMiscEvent: 0",
        "  batteryCurrentEvent: 0",
        "  mSecPlugTypeSummary: 2",
        "  LED Charging: true",
        f"  current now: {round(amps * 1e3)}",
        "  charge counter: 0",
        "  Adaptive Fast Charging Settings: true",
        "FEATURE_WIRELESS_FAST_CHARGER_CONTROL: true",
        "LLB CAL:",
        "BatteryInfoBackUp",
        "  mSavedBatteryAsoc: 77",
        "  mSavedBatteryMaxTemp: 490",
        "  mSavedBatteryMaxCurrent: 2872",
    )
    return {"battery": parts.battery_service(TRUTH, moment, temperature_c=TRUTH.temperatures_c["ac"], more=more)}


SAMSUNG: Final = Personality(
    name="samsung",
    truth=TRUTH,
    properties={
        "ro.product.manufacturer": "samsung",
        "ro.product.brand": "samsung",
        "ro.product.model": "SM-A155M",
        "ro.product.device": "a15",
        "ro.product.cpu.abi": "arm64-v8a",
        "ro.board.platform": "mt6789",
        "ro.hardware": "mt6789",
        "ro.build.version.release": "16",
        "ro.build.version.sdk": "36",
        "ro.build.type": "user",
        "ro.build.fingerprint": "samsung/a15ub/a15:16/BP2A.250605.031/A155MUBU6DYI1:user/release-keys",
        "sys.boot_completed": "1",
    },
    nodes=_nodes(),
    live=_live,
    live_services=_services,
    services={
        "thermalservice": parts.thermal_service(
            {
                "TYPE_CPU": (1, 41.0, 0),
                "TYPE_GPU": (2, 38.0, 0),
                "TYPE_BATTERY": (3, 30.5, 0),
                "TYPE_SKIN": (4, 33.3, 0),
                "TYPE_POWER_AMPLIFIER": (6, -99.9, 0),
            },
            25.0,
        ),
        "wifi_status": parts.wifi_status(TRUTH.rssi_dbm),
        "gpu": "GPU work information is not available.",
    },
)

"""`pixel`: power rails on two devices with two time bases, Tensor's Mali, a gauge in uA with Android's sign."""

import math
from collections.abc import Mapping
from typing import Final

from tests.adbd import parts
from tests.adbd.personality import Denied, Link, Moment, Nodes, Personality, Truth

MALI: Final = "/sys/devices/platform/28000000.mali"
GAUGE_S: Final = 0.25

# By device: (channel, subsystem) in the order of the chip, and how far its time base is ahead of the boot, in ms.
DEVICES: Final = (
    (
        {
            "VSYS_PWR_WLAN_BT": "WLAN-BT",
            "L2S_VDD_AOC_RET": "AOC",
            "S9S_VDD_AOC": "AOC",
            "S5S_VDDQ_MEM": "DDR",
            "S10S_VDD2L": "DDR",
            "S4S_VDD2H_MEM": "DDR",
            "S2S_VDD_G3D": "GPU",
            "L9S_GNSS_CORE": "GPS",
        },
        251_000_000,
    ),
    (
        {
            "PPVAR_VSYS_PWR_DISP": "Display",
            "VSYS_PWR_MODEM": "Cellular",
            "VSYS_PWR_RFFE": "Cellular",
            "S2M_VDD_CPUCL2": "CPU(BIG)",
            "S3M_VDD_CPUCL1": "CPU(MID)",
            "S4M_VDD_CPUCL0": "CPU(LITTLE)",
            "S5M_VDD_INT": "SoC",
            "S1M_VDD_MIF": "Memory",
        },
        16_000_000,
    ),
)

TRUTH: Final = Truth(
    battery_v=3.95,
    battery_w=(0.9, 4.2),
    charging_w=5.5,
    level=81,
    frequencies_hz={
        0: (300_000_000, 955_000_000, 1_803_000_000),
        4: (400_000_000, 1_328_000_000, 2_253_000_000),
        6: (500_000_000, 1_826_000_000, 2_802_000_000),
    },
    cpus={0: (0, 1, 2, 3), 4: (4, 5), 6: (6, 7)},
    temperatures_c={"BIG": 46.2, "MID": 43.7, "LITTLE": 42.1, "G3D": 41.5, "TPU": 39.9, "battery": 31.2},
    rails_w={
        "VSYS_PWR_WLAN_BT": (0.120, 0.150),
        "L2S_VDD_AOC_RET": (0.004, 0.004),
        "S9S_VDD_AOC": (0.018, 0.019),
        "S5S_VDDQ_MEM": (0.010, 0.080),
        "S10S_VDD2L": (0.012, 0.110),
        "S4S_VDD2H_MEM": (0.030, 0.240),
        "S2S_VDD_G3D": (0.006, 0.300),
        "L9S_GNSS_CORE": (0.001, 0.001),
        "PPVAR_VSYS_PWR_DISP": (0.220, 0.220),
        "VSYS_PWR_MODEM": (0.060, 0.060),
        "VSYS_PWR_RFFE": (0.0, 0.0),
        "S2M_VDD_CPUCL2": (0.040, 1.800),
        "S3M_VDD_CPUCL1": (0.035, 0.600),
        "S4M_VDD_CPUCL0": (0.090, 0.350),
        "S5M_VDD_INT": (0.080, 0.160),
        "S1M_VDD_MIF": (0.060, 0.200),
    },
    gpu_hz=(151_000_000, 471_000_000, 848_000_000),
    gpu_busy=(0.02, 0.6),
    full_c=4_355 * 3.6,
)


def counter_uj(rail: str, moment: Moment) -> int:
    """What a rail's counter shows: its energy before the phone started, and since."""
    before = 1_000_000_000 + 7_654_321 * (len(rail) + ord(rail[0]))
    return before + int(moment.integral(TRUTH.rails_w[rail]) * 1e6)


def _energy(number: int, moment: Moment) -> str:
    rails, ahead_ms = DEVICES[number]
    time_ms = ahead_ms + int(moment.boot_s * 1000)
    lines = [f"t={time_ms}"]
    lines += [f"CH{at}(T={time_ms})[{rail}], {counter_uj(rail, moment)}" for at, rail in enumerate(rails)]
    return "\n".join(lines)


def _hal(moment: Moment) -> str:
    lines = ["", "============= PowerStats HAL 2.0 energy meter =============="]
    lines.append(f"  {'Channel':>32}   {'Cumulative Energy':>18}")
    for rails, _ in DEVICES:
        lines += [
            f"  {f'[{rail}]:{subsystem}':>32}   {counter_uj(rail, moment) / 1000:14.2f} mWs"
            for rail, subsystem in rails.items()
        ]
    lines.append("========== End of PowerStats HAL 2.0 energy meter ==========")
    return "\n".join(lines)


def _nodes() -> Nodes:
    nodes: Nodes = {
        "/sys/power/wake_lock": Denied(""),
        "/sys/power/wake_unlock": Denied(""),
        "/sys/kernel/debug": Denied(""),
        **parts.cpufreq(TRUTH),
        **parts.zones({**TRUTH.temperatures_c, "soc": 0.0, "charger_therm": Denied("30000")}),
        **parts.cooling({"thermal-cpufreq-0": 0, "thermal-cpufreq-1": 0, "thermal-cpufreq-2": 1, "tpu_cooling": 0}),
        **parts.supply("usb", "/sys/devices/platform/10d60000.hsi2c/i2c-7/7-0025", {"type": "USB", "online": "0"}),
        **parts.supply(
            "battery",
            "/sys/devices/platform/google,battery",
            {"type": "Battery", "present": "1", "health": "Good", "technology": "Li-ion", "temp": "312"},
        ),
        **parts.supply(
            "maxfg",
            "/sys/devices/platform/10d50000.hsi2c/i2c-6/6-0036",
            {"type": "Battery", "present": "1", "voltage_now": "3950000", "capacity": str(TRUTH.level)},
        ),
    }
    for number, (rails, _) in enumerate(DEVICES):
        folder = f"/sys/devices/platform/acpm_mfd_bus/i2c-{number}/s2mpg1{number}-odpm/iio:device{number}"
        nodes |= {
            f"{folder}/name": f"s2mpg1{number}-odpm",
            f"{folder}/enabled_rails": "\n".join(
                f"CH{at}[{rail}]:{subsystem}" for at, (rail, subsystem) in enumerate(rails.items())
            ),
            f"{folder}/sampling_rate": "250.000000",
            f"{folder}/energy_value": "",
            f"/sys/bus/iio/devices/iio:device{number}": Link(folder),
        }
    nodes |= {
        f"{MALI}/gpuinfo": "Mali-G78 20 cores r0p1 0x90020010",
        f"{MALI}/available_frequencies": "848000 762000 471000 151000 ",
        f"{MALI}/scaling_min_freq": "151000",
        f"{MALI}/scaling_max_freq": "848000",
        f"{MALI}/power_policy": "coarse_demand [adaptive] always_on ",
    }
    return nodes


def _live(moment: Moment) -> Mapping[str, str]:
    volts, amps = parts.gauge(TRUTH, moment, GAUGE_S)
    battery, at = "/sys/class/power_supply/battery", int(moment.t_s / parts.STEP_S)
    return {
        **parts.cpufreq_live(TRUTH, moment),
        f"{battery}/status": parts.status(moment),
        f"{battery}/capacity": str(TRUTH.level),
        f"{battery}/voltage_now": str(round(volts * 1e6)),
        f"{battery}/current_now": str(round(amps * 1e6)),
        f"{battery}/charge_counter": str(math.floor(parts.charge_c(TRUTH, moment) / 3.6e-3)),
        "/sys/class/power_supply/usb/online": str(int(moment.plugged)),
        "/sys/class/power_supply/maxfg/current_now": str(-round(amps * 1e6)),
        "/sys/bus/iio/devices/iio:device0/energy_value": _energy(0, moment),
        "/sys/bus/iio/devices/iio:device1/energy_value": _energy(1, moment),
        f"{MALI}/cur_freq": str(TRUTH.gpu_hz[at % len(TRUTH.gpu_hz)] // 1000),
        f"{MALI}/time_in_state": "\n".join(
            f"{hz // 1000} {int(moment.t_s * 1000) // len(TRUTH.gpu_hz)}" for hz in reversed(TRUTH.gpu_hz)
        ),
        f"{MALI}/utilization": str(round(100 * moment.between(TRUTH.gpu_busy))),
    }


def _services(moment: Moment) -> Mapping[str, str]:
    return {
        "battery": parts.battery_service(TRUTH, moment, temperature_c=TRUTH.temperatures_c["battery"]),
        "android.hardware.power.stats.IPowerStats/default": _hal(moment),
    }


PIXEL: Final = Personality(
    name="pixel",
    truth=TRUTH,
    properties={
        "ro.product.manufacturer": "Google",
        "ro.product.brand": "google",
        "ro.product.model": "Pixel 6",
        "ro.product.device": "oriole",
        "ro.product.cpu.abi": "arm64-v8a",
        "ro.board.platform": "gs101",
        "ro.hardware": "oriole",
        "ro.soc.manufacturer": "Google",
        "ro.soc.model": "GS101",
        "ro.build.version.release": "15",
        "ro.build.version.sdk": "35",
        "ro.build.type": "user",
        "ro.build.fingerprint": "google/oriole/oriole:15/AP4A.250105.002/12701944:user/release-keys",
        "sys.boot_completed": "1",
    },
    nodes=_nodes(),
    live=_live,
    live_services=_services,
    services={
        "thermalservice": parts.thermal_service(
            {
                "VIRTUAL-SKIN": (3, 33.4, 0),
                "battery": (2, 31.2, 0),
                "BIG": (0, 46.2, 0),
                "G3D": (1, 41.5, 0),
                "TPU": (9, 39.9, 0),
                "usb_pwr_therm": (4, -99.9, 0),
            },
            37.0,
        ),
        "wifi_status": parts.wifi_status(TRUTH.rssi_dbm),
        "gpu": "GPU work information is not available.",
    },
    suspendable=True,
)

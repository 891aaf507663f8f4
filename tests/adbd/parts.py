"""Parts that phones have in common, in the kernel's and Android's own formats: clusters, batteries, zones, services."""

import math
from collections.abc import Iterable, Mapping
from typing import Final

from tests.adbd.personality import Failing, Link, Moment, Node, Nodes, Truth

STEP_S: Final = 0.5  # how long a cluster keeps a frequency
CPU: Final = "/sys/devices/system/cpu"
TICKS_PER_S: Final = 100  # of time_in_state
# What time_in_state had before the phone started, by the frequency's position.
BEFORE_TICKS: Final = 1000
THRESHOLDS: Final = "NaN, 39.0, 43.0, 45.0, 46.5, 52.0, 55.0"
RIPPLE_V: Final = 0.002


def cpufreq(truth: Truth, *, offline: Iterable[int] = ()) -> Nodes:
    """The clusters' nodes; those in `offline` have a current frequency that cannot be read."""
    nodes: Nodes = {
        f"{CPU}/possible": f"0-{max(cpu for cpus in truth.cpus.values() for cpu in cpus)}",
        f"{CPU}/present": f"0-{max(cpu for cpus in truth.cpus.values() for cpu in cpus)}",
        f"{CPU}/online": _ranges(cpu for policy, cpus in truth.cpus.items() if policy not in offline for cpu in cpus),
    }
    for policy, steps in truth.frequencies_hz.items():
        folder, cpus = f"{CPU}/cpufreq/policy{policy}", truth.cpus[policy]
        khz = [hz // 1000 for hz in steps]
        off = policy in offline
        nodes |= {
            f"{folder}/affected_cpus": "" if off else " ".join(map(str, cpus)),
            f"{folder}/related_cpus": " ".join(map(str, cpus)),
            f"{folder}/cpuinfo_min_freq": str(khz[0]),
            f"{folder}/cpuinfo_max_freq": str(khz[-1]),
            f"{folder}/scaling_min_freq": str(khz[0]),
            f"{folder}/scaling_max_freq": str(khz[-1]),
            f"{folder}/scaling_available_frequencies": " ".join(map(str, khz)) + " ",
            f"{folder}/scaling_available_governors": "conservative powersave performance schedutil ",
            f"{folder}/scaling_governor": "schedutil",
            f"{folder}/scaling_driver": "cpufreq-dt",
            f"{folder}/scaling_cur_freq": Failing() if off else str(khz[0]),
            f"{folder}/stats/time_in_state": Failing() if off else "",
        }
        for cpu in cpus:
            nodes[f"{CPU}/cpu{cpu}/cpufreq"] = Link(folder)
            nodes[f"{CPU}/cpu{cpu}/online"] = str(int(not off))
    return nodes


def cpufreq_live(truth: Truth, moment: Moment, *, offline: Iterable[int] = ()) -> dict[str, str]:
    """The frequency of each cluster, and the time at each."""
    texts = {}
    for policy, (runs, ran_s) in moment.clusters.items():
        if policy in offline:
            continue
        folder, steps = f"{CPU}/cpufreq/policy{policy}", truth.frequencies_hz[policy]
        texts[f"{folder}/scaling_cur_freq"] = str(steps[runs] // 1000)
        lines = [
            f"{hz // 1000} {BEFORE_TICKS * (number + 1) + int(spent_s * TICKS_PER_S)}"
            for number, (hz, spent_s) in enumerate(zip(steps, ran_s, strict=True))
        ]
        texts[f"{folder}/stats/time_in_state"] = "\n".join(lines)
    return texts


def zones(temperatures_c: Mapping[str, float | Node], *, scale: int = 1000) -> Nodes:
    """Thermal zones in this order, a number in degC or a node of its own; links as sysfs has them."""
    nodes: Nodes = {}
    for number, (kind, value) in enumerate(temperatures_c.items()):
        folder = f"/sys/devices/virtual/thermal/thermal_zone{number}"
        nodes[f"{folder}/type"] = kind
        nodes[f"{folder}/temp"] = str(round(value * scale)) if isinstance(value, int | float) else value
        nodes[f"{folder}/mode"] = "enabled"
        nodes[f"/sys/class/thermal/thermal_zone{number}"] = Link(folder)
    return nodes


def cooling(kinds: Mapping[str, int]) -> Nodes:
    """Cooling devices by their type, with their state."""
    nodes: Nodes = {}
    for number, (kind, state) in enumerate(kinds.items()):
        folder = f"/sys/devices/virtual/thermal/cooling_device{number}"
        nodes |= {f"{folder}/type": kind, f"{folder}/cur_state": str(state), f"{folder}/max_state": "10"}
        nodes[f"/sys/class/thermal/cooling_device{number}"] = Link(folder)
    return nodes


def supply(name: str, behind: str, files: Mapping[str, Node]) -> Nodes:
    """One power supply, its folder behind a link."""
    folder = f"{behind}/power_supply/{name}"
    nodes: Nodes = {f"{folder}/{file}": node for file, node in files.items()}
    nodes[f"/sys/class/power_supply/{name}"] = Link(folder)
    return nodes


def gauge(truth: Truth, moment: Moment, period_s: float) -> tuple[float, float]:
    """Voltage and current into the battery, as a gauge with this period sees them; their product is the truth."""
    volts = truth.battery_v + RIPPLE_V * math.sin(math.floor(moment.t_s / period_s))
    watts = truth.charging_w if moment.charging else -moment.between(truth.battery_w)
    return volts, watts / volts


def charge_c(truth: Truth, moment: Moment) -> float:
    """Coulombs in the battery: those at the start, and what has flowed since."""
    return truth.level / 100 * truth.full_c + moment.flowed_j / truth.battery_v


def status(moment: Moment) -> str:
    """As power_supply's `status` says it."""
    return "Charging" if moment.charging else "Not charging" if moment.plugged else "Discharging"


def battery_service(truth: Truth, moment: Moment, *, temperature_c: float, more: Iterable[str] = ()) -> str:
    """What `dumpsys battery` prints."""
    volts, _ = gauge(truth, moment, 10.0)
    code = {"Charging": 2, "Discharging": 3, "Not charging": 4}["Discharging" if not moment.plugged else status(moment)]
    lines = (
        "Current Battery Service state:",
        *(["  (UPDATES STOPPED -- use 'reset' to restart)"] if moment.faked else []),
        "  AC powered: false",
        f"  USB powered: {str(moment.plugged).lower()}",
        "  Wireless powered: false",
        "  Dock powered: false",
        f"  Max charging current: {500_000 if moment.plugged else 0}",
        f"  Max charging voltage: {5_000_000 if moment.plugged else 0}",
        f"  Charge counter: {round(charge_c(truth, moment) / 3.6e-3)}",
        f"  status: {code}",
        "  health: 2",
        "  present: true",
        f"  level: {truth.level}",
        "  scale: 100",
        f"  voltage: {round(volts * 1000)}",
        f"  temperature: {round(temperature_c * 10)}",
        "  technology: Li-ion",
        *more,
    )
    return "\n".join(lines)


def thermal_service(
    now: Mapping[str, tuple[int, float, int]], cached_c: float, *, status: int = 0, ready: bool = True
) -> str:
    """What `dumpsys thermalservice` prints: (type, degC, severity) by name; the cached block has `cached_c` for all."""

    def lines(values: Mapping[str, tuple[int, float, int]]) -> list[str]:
        return [
            f"\tTemperature{{mValue={value:.1f}, mType={kind}, mName={name}, mStatus={severity}}}"
            for name, (kind, value, severity) in values.items()
        ]

    text = ["IsStatusOverride: false", "ThermalEventListeners:", "\tcallbacks: 2", "\tkilled: false"]
    text += ["\tbroadcasts count: -1", f"Thermal Status: {status}", "Cached temperatures:"]
    text += lines({name: (kind, cached_c, severity) for name, (kind, _, severity) in now.items()})
    text += [f"HAL Ready: {str(ready).lower()}"]
    if ready:
        text += ["HAL connection:", "\tThermalHAL AIDL 2 connected: yes", "Current temperatures from HAL:", *lines(now)]
        text += ["Current cooling devices from HAL:"]
        text += ["\tCoolingDevice{mValue=0, mType=2, mName=thermal-cpufreq-0}"]
        text += ["Temperature static thresholds from HAL:"]
        text += [f"\tTemperatureThreshold{{mType=3, mName=VIRTUAL-SKIN, mHotThrottlingThresholds=[{THRESHOLDS}]}}"]
    return "\n".join(text)


def wifi_status(rssi_dbm: int) -> str:
    """What `cmd wifi status` prints; the names and addresses are what must not be kept."""
    return (
        "Wifi is enabled\nWifi scanning is only available when wifi is enabled\n"
        "==== Primary ClientModeManager instance ====\n"
        'Wifi is connected to "MyHomeNetwork"\n'
        'WifiInfo: SSID: "MyHomeNetwork", BSSID: aa:bb:cc:dd:ee:ff, MAC: 02:00:00:11:22:33, IP: /192.168.1.23, '
        f"Security type: 2, Supplicant state: COMPLETED, Wi-Fi standard: 6, RSSI: {rssi_dbm}, Link speed: 516Mbps, "
        "Tx Link speed: 516Mbps, Max Supported Tx Link speed: 1200Mbps, Rx Link speed: 573Mbps, Frequency: 5180MHz, "
        "Net ID: 0, Metered hint: false, score: 60"
    )


def _ranges(numbers: Iterable[int]) -> str:
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in found)

"""What the system services print: the texts that dumpsys and cmd give, in AOSP's and in makers' formats."""

from collections.abc import Mapping
from typing import Final

from edgewatt.profiler.clock import NS_PER_S
from edgewatt.virtual_lab.phone.body import Body
from edgewatt.virtual_lab.phone.gauge import Seen
from edgewatt.virtual_lab.phone.radio_law import link_bit_per_s, rssi_dbm

# ThermalService's own numbers (AOSP Temperature.java), and those of a phone that counts from one (second-hand).
_TYPES: Final[Mapping[str, int]] = {"CPU": 0, "GPU": 1, "BATTERY": 2, "SKIN": 3}
_ZONES: Final = {"CPU": ("soc", 6.0), "GPU": ("soc", 3.0), "BATTERY": ("battery", 0.0), "SKIN": ("skin", 0.0)}
# What ThermalService cached is stale (second-hand: 37 cached, 66.5 real).
_STALE_C: Final = -9.5


def battery(body: Body, seen: Seen) -> str:
    """`dumpsys battery`: level, millivolt, tenths of a degree; on some phones `current now` in mA."""
    phone = body.phone
    lines = [
        "Current Battery Service state:",
        "  AC powered: false",
        f"  USB powered: {str(phone.plugged).lower()}",
        "  Wireless powered: false",
        "  Max charging current: 500000",
        f"  Charge counter: {(seen.charge_uah or 0) if phone.gauge_counts_charge else 0}",
        f"  status: {seen.status_code}",
        "  health: 2",
        "  present: true",
        f"  level: {100 * seen.level:.0f}",
        "  scale: 100",
        f"  voltage: {(seen.voltage_v or 0.0) * 1e3:.0f}",
        f"  temperature: {10 * seen.temperature_c:.0f}",
        "  technology: Li-ion",
    ]
    if phone.service_tells_current and seen.current_a is not None:
        lines.append(f"  current now: {-seen.current_a * 1e3:.0f}")
    return "\n".join([*lines, ""])


def thermal(body: Body, t_ns: int) -> str | None:
    """`dumpsys thermalservice`; None on a phone without it."""
    kind = body.phone.thermal_service
    if kind == "none":
        return None
    throttled = [int(body.throttled_steps(n, t_ns)) for n in range(len(body.phone.clusters))]
    shift = 1 if kind == "shifted" else 0
    now = {name: body.temperature_c(zone, t_ns) + above for name, (zone, above) in _ZONES.items()}
    name_of = "TYPE_{}" if shift else "{}"
    rows = [
        f"\tTemperature{{mValue={value:.1f}, mType={_TYPES[name] + shift}, mName={name_of.format(name)}, mStatus=0}}"
        for name, value in now.items()
    ]
    absent = f"\tTemperature{{mValue=-99.9, mType={5 + shift}, mName={name_of.format('POWER_AMPLIFIER')}, mStatus=0}}"
    cached = [
        row.replace(f"={value:.1f},", f"={value + _STALE_C:.1f},")
        for row, value in zip(rows, now.values(), strict=True)
    ]
    head = ["IsStatusOverride: false", f"Thermal Status: {int(any(throttled))}", "Cached temperatures:", *cached]
    if kind == "not_ready":
        return "\n".join([*head, "HAL Ready: false", ""])
    current = [
        "HAL Ready: true",
        "HAL connection:",
        "\tThermalHAL 2.0 connected: yes",
        "Current temperatures from HAL:",
    ]
    cooling = [
        f"\tCoolingDevice{{mValue={steps}, mType={2 + shift}, mName=thermal-cpufreq-{n}}}"
        for n, steps in enumerate(throttled)
    ]
    return "\n".join([*head, *current, *rows, absent, "Current cooling devices from HAL:", *cooling, ""])


def power_stats(body: Body, uws: Mapping[str, int]) -> str | None:
    """`dumpsys android.hardware.power.stats.IPowerStats/default`: cumulative mWs by rail; None without rails."""
    if not body.phone.power_stats:
        return None
    title = "PowerStats HAL 2.0 energy meter"
    subsystem = {rail.label: rail.subsystem for rail in body.phone.rails}
    rows = [f"     {f'[{label}]:{subsystem[label]}':<40}{count / 1e3:20.2f} mWs" for label, count in uws.items()]
    head = f"     {'Channel':<40}{'Cumulative Energy':>24}"
    return "\n".join(
        [f"============= {title} ==============", head, *rows, f"========== End of {title} ==========", ""]
    )


def gpu_work(body: Body, t_ns: int) -> str | None:
    """`dumpsys gpu`, its section of GPU work (Android 13 and later); None on a phone that has none."""
    if not body.phone.gpu_work:
        return None
    active = body.busy_s("gpu", t_ns)
    idle = (t_ns - body.origin_ns) / 1e9 - active
    return (
        "GPU work information.\n"
        "gpu_id                  uid total_active_duration_ns total_inactive_duration_ns\n"
        f"{0:6d}{2000:21d}{round(active * 1e9):25d}{round(max(idle, 0.0) * 1e9):27d}\n"
    )


def wifi(body: Body, t_ns: int) -> str | None:
    """`cmd wifi status` (Android 11 and later), with names that a client has to leave out; None where it has none."""
    if not body.phone.wifi_status:
        return None
    return (
        "Wifi is enabled\nWifi scanning is only available when wifi is enabled\n"
        "==== Primary ClientModeManager instance ====\n"
        f'Wifi is connected to "virtual lab"\nWifiInfo: {_wifi_info(body, t_ns)}\n'
    )


def wifi_dump(body: Body, t_ns: int) -> str:
    """`dumpsys wifi`, of which there are thousands of lines (AOSP's WifiServiceImpl and WifiInfo, remembered)."""
    return (
        "Wi-Fi is enabled\nVerbose logging is off\nmInIdleMode false\nmScanPending false\n"
        f"Dump of ClientModeImpl id=1\nmWifiInfo {_wifi_info(body, t_ns)}\nmLinkProperties {{}}\n"
    )


def _wifi_info(body: Body, t_ns: int) -> str:
    """What Android asked its radio for last; the strength wavers by 2 dB."""
    dbm = rssi_dbm(body.phone, (t_ns - body.origin_ns) / NS_PER_S)
    said_dbm = round(dbm) + 2 - t_ns // NS_PER_S % 5
    up, down = (round(link_bit_per_s(body.phone, dbm, down=down) / 1e6) for down in (False, True))
    return (
        'SSID: "virtual lab", BSSID: 02:00:5e:10:00:01, MAC: 02:00:5e:10:00:02, IP: /192.0.2.7, '
        f"Security type: 2, Supplicant state: COMPLETED, Wi-Fi standard: 11ac, RSSI: {said_dbm}, "
        f"Link speed: {up}Mbps, Tx Link speed: {up}Mbps, Max Supported Tx Link speed: 866Mbps, "
        f"Rx Link speed: {down}Mbps, Max Supported Rx Link speed: 866Mbps, Frequency: 5180MHz, Net ID: 0, "
        "Metered hint: false, score: 60"
    )

"""What the services but the battery's print, in the formats of AOSP and of makers, and what is made of it."""

import math

import numpy as np
import pytest

from edgewatt.collectors.android.services import GPU_WORK, THERMAL, WIFI, Offer, power_stats
from edgewatt.collectors.android.services.gpu_work import busy, sums, uptime_s
from edgewatt.collectors.android.services.power_stats import rails, resolution_j
from edgewatt.collectors.android.services.thermalservice import sensors, status
from edgewatt.collectors.android.services.wifi import Radio, radio
from edgewatt.device_profiles.loader import load, parse
from tests import services_phone as said

ANY = load("linux_hwmon")


def offered(offer: Offer | str) -> Offer:
    assert isinstance(offer, Offer), offer
    return offer


# thermalservice


def test_only_what_the_hal_says_now_is_a_temperature() -> None:
    assert {s.name: s.value_c for s in sensors(said.THERMAL)} == {"skin": 66.5, "CPU0": 51.25, "pa": None}
    assert status(said.THERMAL) == 2
    assert sensors(said.THERMAL.partition("Current temperatures")[0]) == []


@pytest.mark.parametrize("change", [("\n", "\r\n"), ("66.5", "66,5"), ("\tT", "T"), ("mType=3,", "mType=-1,")])
def test_thermal_text_is_read_however_it_is_laid_out(change: tuple[str, str]) -> None:
    found = {s.name: s.value_c for s in sensors(said.THERMAL.replace(*change))}
    assert (found["skin"], found["CPU0"]) == (66.5, 51.25)


def test_garbage_between_and_a_cut_leave_the_lines_that_are_whole() -> None:
    lines = said.THERMAL.splitlines()
    at = lines.index("Current temperatures from HAL:") + 2
    text = "\n".join([*lines[:at], "W libc: \x00\ufffd Access denied:", *lines[at:]])
    assert [s.name for s in sensors(text)] == ["skin", "CPU0", "pa"]
    assert [s.name for s in sensors(text[: text.index("mName=CPU0")])] == ["skin"]


def line(value: str, kind: int, name: str) -> str:
    return f"\tTemperature{{mValue={value}, mType={kind}, mName={name}, mStatus=0}}\n"


def current(*lines: str) -> str:
    return "HAL Ready: true\nCurrent temperatures from HAL:\n" + "".join(lines)


def test_types_that_a_maker_counts_from_one_do_not_hide_a_sensor() -> None:
    shifted = current(line("24.0", 1, "TYPE_CPU"), line("25.0", 4, "TYPE_SKIN"), line("31.0", 6, "PA"))
    assert [s.name for s in sensors(shifted)] == ["TYPE_CPU", "TYPE_SKIN", "PA"]
    standard = current(line("24.0", 0, "TYPE_CPU"), line("25.0", 3, "TYPE_SKIN"), line("31.0", 6, "ibat"))
    assert [s.name for s in sensors(standard)] == ["TYPE_CPU", "TYPE_SKIN"]


@pytest.mark.parametrize("value", ["-99.9", "-273.15", "NaN", "1.0E10", "9999", "", "١٢"])
def test_a_sensor_that_is_not_there_is_a_reason_and_no_channel(value: str) -> None:
    text = "Thermal Status: 0\n" + current(line("30.5", 0, "cpu"), line(value, 3, "skin"))
    found = offered(THERMAL.offer("dumpsys thermalservice", text))
    assert [c.column for c in found.service.channels] == ["hal_cpu.temperature_c", "thermal_status.state_code"]
    assert found.service.parse(text) == [30.5, 0]
    assert [u.what for u in found.unavailable] == (["hal_skin.temperature_c"] if value else [])


def test_a_sensor_that_goes_away_is_null() -> None:
    found = offered(THERMAL.offer("dumpsys thermalservice", said.THERMAL))
    assert found.service.parse(said.THERMAL) == [66.5, 51.25, 2]
    assert found.service.parse(current(line("40.0", 0, "CPU0"))) == [None, 40.0, None]


def test_hostile_names_are_channels_of_their_own() -> None:
    names = ["A/B", "a b", "$(reboot)", "ä" * 100, "x, mStatus=0"]
    found = offered(THERMAL.offer("dumpsys thermalservice", current(*(line("30.0", 0, name) for name in names))))
    columns = [c.column for c in found.service.channels]
    assert columns[:3] == ["hal_a_b.temperature_c", "hal_a_b_2.temperature_c", "hal__reboot.temperature_c"]
    assert len(set(columns)) == 5


def test_a_hal_that_is_not_ready_is_the_reason() -> None:
    text = "Thermal Status: 0\nCached temperatures:\n" + line("30.0", 0, "cpu") + "HAL Ready: false\n"
    found = offered(THERMAL.offer("dumpsys thermalservice", text))
    assert [c.column for c in found.service.channels] == ["thermal_status.state_code"]
    assert "HAL Ready: false" in found.unavailable[0].reason
    assert "HAL Ready: false" in str(THERMAL.offer("dumpsys thermalservice", "HAL Ready: false\n"))


# dumpsys gpu

GPU = said.GPU + "uptime 1000.00\n"


def later(text: str, active: dict[int, int], uptime: str) -> str:
    for old, new in active.items():
        text = text.replace(f" {old} ", f" {new} ")
    return text.replace("1000.00", uptime)


def test_the_share_is_active_time_over_time() -> None:
    found = offered(GPU_WORK.offer("dumpsys gpu; x", GPU))
    assert [(c.column, c.source) for c in found.service.channels] == [("gpu_work.load_ratio", "dumpsys gpu")]
    now = later(GPU, {5_000_000_000: 5_300_000_000, 2_000_000_000: 2_200_000_000}, "1002.00")
    assert found.service.parse(now) == [pytest.approx(0.25)]
    new_user = now.replace("1002.00", "1003.00") + "0 10200 600000000 0\nuptime 1003.00\n"
    assert found.service.parse(new_user) == [pytest.approx(0.6)]


def test_sums_that_fell_or_vanished_tell_nothing() -> None:
    before = {(0, 1): 100, (0, 2): 50, (1, 1): 10**9}
    assert busy(0, before, {(0, 1): 10**9, (0, 2): 50}, 2.0) == pytest.approx(0.5, rel=1e-6)
    assert busy(0, before, {(0, 1): 10**9}, 2.0) is None
    assert busy(0, before, {(0, 1): 99, (0, 2): 10**9}, 2.0) is None
    assert busy(0, before, before, 0.0) is None
    assert busy(0, before, {**before, (0, 3): 10**12}, 1.0) == 1.0


def test_each_gpu_has_its_share_and_the_next_look_goes_on_after_a_bad_one() -> None:
    two = GPU.replace("[errors", "7 10123 1000000000 0\n[errors")
    found = offered(GPU_WORK.offer("dumpsys gpu", two))
    assert [c.name for c in found.service.channels] == ["gpu_work", "gpu_work_7"]
    assert found.service.parse("Can't find service: gpu") == [None, None]
    assert found.service.parse(later(two, {1_000_000_000: 1_500_000_000}, "1001.00")) == [0.0, pytest.approx(0.5)]


def test_what_has_no_section_has_its_reason() -> None:
    assert sums("GPU work information is not available.\n") is None
    reason = str(GPU_WORK.offer("dumpsys gpu", "GPU work information is not available.\nuptime 7.00\n"))
    assert "GPU work information is not available." in reason
    assert "7.00" not in reason
    assert sums("GPU work information.\ngpu_id uid total_active_duration_ns total_inactive_duration_ns\n") == {}
    assert uptime_s("uptime 12\n") is None


# power stats


def test_rails_are_counted_in_hundredths_of_a_millijoule() -> None:
    assert rails(said.RAILS) == {"S4M_VDD_CPUCL0": 123456789, "S2S_VDD_G3D": 40000025, "VSYS_PWR_DEAD": 0}
    delta = said.RAILS.replace("1234567.89 mWs", "1234567.89 mWs (         12.00)")
    assert rails(delta) == rails(said.RAILS)
    assert rails(said.RAILS.replace(".89", ",89").replace("\n", "\r\n")) == rails(said.RAILS)
    assert rails(said.RAILS_1) == {"C1_VDD_APC0": 123456, "MODEM": 7700}
    assert rails(said.RAILS.partition("energy meter")[0]) is None


def test_consumers_are_no_rails_and_an_old_hal_names_no_subsystem() -> None:
    assert "CPU" not in (rails(said.RAILS) or {})
    assert rails(said.RAILS.replace("[S2S_VDD_G3D]:GPU", "S2S_VDD_G3D"))["S2S_VDD_G3D"] == 40000025  # type: ignore[index]


def test_joules_follow_the_profiles_rules_and_still_rails_do_not_count() -> None:
    profile = parse(
        b"""
name = "a"
kind = "phone"
title = "a"
[rails.cpu]
label = "s{n}m_vdd_cpucl*"
covers = ["cpu"]
boundary = "rail"
alone = true
source = "a test"
[rails.gpu]
label = "s2s_vdd_g3d"
covers = ["gpu"]
boundary = "rail"
alone = false
source = "a test"
[rails.dead]
label = "vsys_pwr_dead"
covers = ["dead"]
boundary = "rail"
alone = false
source = "a test"
[totals.both]
name = "compute"
add = ["cpu", "gpu"]
source = "a test"
[totals.never]
name = "never"
add = ["gpu", "dead"]
source = "a test"
""",
        "a.toml",
    )
    candidate = power_stats(profile)
    found = offered(candidate.offer(candidate.commands[0], said.RAILS))
    assert [(s.name, s.terms) for s in found.sources] == [
        ("services/s4m_vdd_cpucl0", (("power_stats_s4m_vdd_cpucl0.energy_j",),)),
        (
            "services/compute",
            (("power_stats_s4m_vdd_cpucl0.energy_j",), ("power_stats_s2s_vdd_g3d.energy_j",)),
        ),
    ]
    assert [u.what for u in found.unavailable] == ["power_stats_vsys_pwr_dead.energy_j"]
    assert found.service.parse(said.RAILS) == [123456789, 40000025]
    assert found.service.parse("") == [None, None]
    channel = found.service.channels[0]
    assert (channel.kind, channel.scale, channel.covers) == ("counter", 1e-5, ("cpu",))


@pytest.mark.parametrize("joules", [1.0, 100.0, 2_000.0, 50_000.0, 3e6])
def test_a_rails_resolution_is_that_of_a_float(joules: float) -> None:
    step = float(np.spacing(np.float32(joules * 1e6))) * 1e-6
    assert resolution_j(round(joules / 1e-5)) == pytest.approx(max(step, 1e-5))


def test_a_phone_without_rails_has_its_reason() -> None:
    candidate = power_stats(ANY)
    assert "no energy meter" in str(candidate.offer("x", "============= PowerStats HAL 2.0 state residencies =====\n"))
    header = said.RAILS[said.RAILS.index("============= PowerStats HAL 2.0 energy meter") :].splitlines()
    assert "no rails" in str(candidate.offer("x", "\n".join([*header[:2], header[-1]])))
    assert "which is not 0 J" in str(candidate.offer("x", "\n".join([*header[:2], header[4]])))


# Wi-Fi


def test_wifi_is_three_numbers() -> None:
    assert radio(said.WIFI) == Radio(-47, 516e6, 5.18e9)
    old = "mWifiInfo SSID: a, BSSID: 02:00:00:00:01:00, MAC: 02:00:00:44:55:66, Supplicant state: COMPLETED, RSSI: -50,"
    assert radio(f"{old} Link speed: 58Mbps, Frequency: 2447MHz, Net ID: 0") == Radio(-50, 58e6, 2.447e9)
    assert radio("WifiInfo: RSSI: -26, Link speed: 516Mbps, Frequency: 2437MHz") == Radio(-26, 516e6, 2.437e9)
    assert radio(said.WIFI.replace("516Mbps", "-1Mbps").replace("5180", "-1")) == Radio(-47, None, None)


@pytest.mark.parametrize("name", ['x", RSSI: -1, Link speed: 9Mbps', "RSSI: -2, Link speed: 1Mbps, Fre"])
def test_a_network_cannot_say_how_well_it_is_heard(name: str) -> None:
    assert len(name.encode()) <= 32
    assert radio(said.WIFI.replace("Nest of Otters", name)) == Radio(-47, 516e6, 5.18e9)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Wifi is disabled\n", "off"),
        ("Wifi is enabled\nWifi is not connected\n", "not connected"),
        (said.WIFI.replace("-47", "-127"), "not connected"),
        (said.WIFI.replace("COMPLETED", "SCANNING"), "not connected"),
        ('Wifi is connected to "Nest of Otters"\n', "not shown"),
    ],
)
def test_without_wifi_there_is_a_reason_without_a_name(text: str, reason: str) -> None:
    assert radio(text) == Radio()
    told = str(WIFI.offer("cmd wifi status", text))
    assert reason in told
    assert "Otters" not in told
    found = offered(WIFI.offer("cmd wifi status", said.WIFI))
    assert found.service.parse(text) == [None, None, None]
    assert not any(math.isnan(value) for value in found.service.parse(said.WIFI) if value is not None)

"""Who a phone is and in which condition: from texts in the formats that phones print, and from any text."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.collectors.android.state.facts import parse_facts, phone_facts
from edgewatt.collectors.android.state.identity import KEYS, identify, parse_identity
from edgewatt.collectors.android.state.sections import ask, split
from edgewatt.collectors.android.state.switches import parse_switches
from edgewatt.collectors.android.state.wakefulness import parse_power
from edgewatt.device_profiles.loader import DeviceProfile, Fact
from edgewatt.profiler.analysis.conditions import COMPARABILITY_KEYS
from tests.stub_phone import StubPhone, stub_phone

POWER = """\
POWER MANAGER (dumpsys power)

  mWakefulness=Awake
  mIsPowered=true
  mStayOn=false
  mLastWakeTime=52000 (3100 ms ago)
  mLastSleepTime=1000 (54100 ms ago)
  mLastGlobalWakeTimeRealtime=9999999 (1 ms ago)
Wake Locks: size=2
  PARTIAL_WAKE_LOCK              'AudioMix' ACQ=-1s204ms (uid=1041)
  PARTIAL_WAKE_LOCK              '*job*' DISABLED ACQ=-2s (uid=1000)
Display Power: state=ON
"""
BATTERY = """\
Current Battery Service state:
  AC powered: false
  USB powered: {usb}
  Wireless powered: false
  status: {status}
  level: 84
  scale: 100
  voltage: 4063
  temperature: 326
"""
THERMAL = """\
IsStatusOverride: false
Thermal Status: 2
Cached temperatures:
\tTemperature{mValue=99.0, mType=0, mName=CPU0, mStatus=0}
HAL Ready: true
Current temperatures from HAL:
\tTemperature{mValue=51.5, mType=0, mName=CPU0, mStatus=0}
\tTemperature{mValue=33.0, mType=3, mName=SKIN, mStatus=0}
Current cooling devices from HAL:
"""
PLUS_IS_IN = DeviceProfile(
    "test",
    "phone",
    "t",
    facts={"battery_current_positive": Fact("charging", "t"), "battery_current_unit": Fact("uA", "t")},
)


@pytest.fixture
def stub(tmp_path: Path) -> Iterator[StubPhone]:
    with stub_phone(tmp_path) as stub:
        yield stub


def gauge(stub: StubPhone, current: int, status: str, *, online: int = 1) -> None:
    for name, text in (("type", "Battery"), ("status", status), ("current_now", current), ("voltage_now", 4_000_000)):
        stub.node(f"class/power_supply/battery/{name}", text)
    stub.node("class/power_supply/usb/type", "USB")
    stub.node("class/power_supply/usb/online", online)


def phone(stub: StubPhone) -> StubPhone:
    """A phone with two clusters, three zones and all its services."""
    for number, top in ((0, "1800000"), (4, "2400000")):
        for name, text in (("min_freq", "300000"), ("max_freq", top), ("governor", "schedutil")):
            stub.node(f"devices/system/cpu/cpufreq/policy{number}/scaling_{name}", text)
        stub.node(f"devices/system/cpu/cpufreq/policy{number}/cpuinfo_max_freq", "2400000")
    for number, (kind, raw) in enumerate((("cpu-0-0-usr", "48100"), ("gpuss-0-usr", "61000"), ("soc", "93"))):
        stub.node(f"class/thermal/thermal_zone{number}/type", kind)
        stub.node(f"class/thermal/thermal_zone{number}/temp", raw)
    stub.set("prop/ro.build.fingerprint", "samsung/beyond0/beyond0:12/SP1A/G970:user/release-keys")
    stub.set("dumpsys/battery", BATTERY.format(usb="true", status=2))
    stub.set("dumpsys/thermalservice", THERMAL)
    return stub


def test_facts_have_what_decides_comparability(stub: StubPhone) -> None:
    gauge(phone(stub), -300_000, "Discharging", online=0)
    facts = phone_facts(stub.phone)
    elsewhere = {"turbo", "nvpmodel", "jetson_clocks", "input_sha256", "meter", "boundary", "target_used"}
    of_the_phone = {*COMPARABILITY_KEYS} - elsewhere
    assert of_the_phone <= {*facts}
    assert json.loads(json.dumps(facts)) == facts
    seen = {key: facts[key] for key in sorted(of_the_phone - {"cpuset"})}
    assert seen == {
        "airplane_mode": False,
        "brightness": "auto",
        "charging": False,
        "frequency_max_hz": [1.8e9, 2.4e9],
        "frequency_min_hz": [3e8, 3e8],
        "governor": "schedutil",
        "idle_state": "screen_on",
        "os_build": "samsung/beyond0/beyond0:12/SP1A/G970:user/release-keys",
        "power_supply": "usb",
        "screen": "on",
        "wifi": True,
    }
    assert (facts["root"], facts["selinux"], facts["bluetooth"], facts["thermal_status"]) == (
        False,
        "enforcing",
        True,
        2,
    )
    assert (facts["temperature_c"], facts["temperature_channel"]) == (48.1, "cpu-0-0-usr")
    assert facts["temperatures_c"] == {"cpu-0-0-usr": 48.1, "gpuss-0-usr": 61.0, "hal_cpu0": 51.5, "hal_skin": 33.0}
    assert facts["battery_level_ratio"] == 0.84
    assert facts["free_space_b"] > 0
    assert facts["load_before"] >= 0
    assert facts["cpuset"][0].isdigit()


def test_everything_comes_in_one_round_trip(stub: StubPhone) -> None:
    phone_facts(stub.phone)
    identify(stub.phone)
    assert len(stub.shell.commands) == 2


def test_phone_that_says_nothing_has_no_facts(stub: StubPhone) -> None:
    for program in ("getprop", "getenforce", "id", "settings", "cmd", "dumpsys"):
        (stub.sysfs.parent / "bin" / program).write_text("#!/bin/sh\nexit 1\n")
    facts = phone_facts(stub.named("adb:x"))
    unknown = ("governor", "frequency_max_hz", "charging", "power_supply", "screen", "brightness", "wifi", "idle_state")
    assert {facts[key] for key in (*unknown, "airplane_mode", "bluetooth", "temperature_c", "selinux", "root")} == {
        None
    }


@pytest.mark.parametrize(
    ("current", "status", "online", "profile", "charging", "basis"),
    [
        (450_000, "Charging", 1, PLUS_IS_IN, True, "the current's sign"),
        (-450_000, "Charging", 1, PLUS_IS_IN, False, "the current's sign"),
        (450_000, "Discharging", 1, PLUS_IS_IN, True, "the current's sign"),
        (-450_000, "Charging", 1, None, True, "the gauge's status; the current's sign is not decided"),
        (-450_000, "Discharging", 0, None, False, "the gauge's status; no supply is connected, and current flows"),
        (0, "Full", 1, PLUS_IS_IN, False, "the gauge's status; no current flows"),
        (450_000, "Unknown", 1, None, True, "dumpsys battery; the current's sign is not decided"),
    ],
)
def test_charging_goes_by_the_real_current(
    stub: StubPhone,
    current: int,
    status: str,
    online: int,
    profile: DeviceProfile | None,
    charging: bool,  # noqa: FBT001
    basis: str,
) -> None:
    gauge(phone(stub), current, status, online=online)
    facts = phone_facts(stub.phone) if profile is None else phone_facts(stub.phone, profile)
    assert (facts["charging"], facts["charging_basis"]) == (charging, basis)


def test_faked_state_of_the_battery_is_no_fact(stub: StubPhone) -> None:
    faked = BATTERY.format(usb="false", status=3).replace("\n", "\n  (UPDATES STOPPED -- use 'reset' to restart)\n", 1)
    phone(stub).set("dumpsys/battery", faked)
    facts = phone_facts(stub.phone)
    assert (facts["battery_faked"], facts["charging"], facts["power_supply"]) == (True, None, None)
    gauge(stub, 450_000, "Charging")
    facts = phone_facts(stub.phone)
    assert (facts["charging"], facts["power_supply"]) == (True, "usb")


def test_dark_screen_has_no_brightness(stub: StubPhone) -> None:
    stub.set("wakefulness", "Asleep")
    stub.set("settings/system/screen_brightness_mode", "0")
    facts = phone_facts(stub.phone)
    assert (facts["screen"], facts["brightness"], facts["brightness_setting"]) == ("off", 0, 77)
    assert facts["idle_state"] == "suspended"


def test_power_is_read_from_what_the_service_prints() -> None:
    power = parse_power(POWER)
    assert (power.screen, power.awake, power.powered, power.stays_on) == ("on", True, True, False)
    assert power.wake_locks == 1
    assert power.uptime_s == 55.1


@pytest.mark.parametrize(
    ("lines", "screen"),
    [
        ("mWakefulness=Dozing\nDisplay Power: state=OFF", "off"),
        ("mWakefulness=Dozing", "doze"),
        ("mWakefulness=Asleep", "off"),
        ("mWakefulness=Awake\nDisplay Power: state=DOZE_SUSPEND", "doze"),
        ("", None),
    ],
)
def test_screen_is_what_is_lit(lines: str, screen: str | None) -> None:
    assert parse_power(lines).screen == screen


def test_identity_has_the_name_that_people_know() -> None:
    properties = {
        "ro.product.brand": "Redmi",
        "ro.product.manufacturer": "Xiaomi",
        "ro.product.model": "22101316G",
        "ro.product.marketname": "Redmi Note 12 Pro",
        "ro.build.version.release": "12",
        "ro.serialno": "a1b2c3d4",
        "ro.soc.manufacturer": "Mediatek",
        "ro.soc.model": "MT6877V",
        "ro.product.cpu.abilist": "arm64-v8a,armeabi-v7a",
    }
    found = parse_identity("\n".join(f"[{key}]: [{value}]" for key, value in properties.items()), "adb:a1b2c3d4")
    assert (found.name, found.device_id) == ("Redmi Note 12 Pro · Android 12", "a1b2c3d4")
    assert (found.soc, found.abis) == ("Mediatek MT6877V", ("arm64-v8a", "armeabi-v7a"))
    assert "ro.serialno" not in found.properties


@pytest.mark.parametrize(
    ("brand", "maker", "model", "name"),
    [
        ("samsung", "samsung", "SM-G970F", "Samsung SM-G970F"),
        ("google", "Google", "Pixel 6", "Google Pixel 6"),
        ("OnePlus", "OnePlus", "OnePlus 7T", "OnePlus 7T"),
        ("", "", "Generic \x1b[31m\nTab", "Generic [31m Tab"),
    ],
)
def test_without_it_brand_and_model_stand_in(brand: str, maker: str, model: str, name: str) -> None:
    said = {"brand": brand, "manufacturer": maker, "model": model.replace("\n", "\x0b")}
    text = "\n".join(f"[ro.product.{key}]: [{value}]" for key, value in said.items())
    assert parse_identity(text.replace("\x0b", "\t"), "adb:1").name == name


@pytest.mark.parametrize("serial", ["", "unknown", "0123456789ABCDEF", "00000000"])
def test_serial_that_says_nothing_gives_way_to_the_address(serial: str) -> None:
    found = parse_identity(f"[ro.serialno]: [{serial}]", "adb+tcp://10.0.0.7:5555?x=1", hardware=": Qualcomm SM8150")
    assert (found.device_id, found.name, found.soc) == (
        "10.0.0.7:5555",
        "Android phone 10.0.0.7:5555",
        "Qualcomm SM8150",
    )


def test_answers_are_told_apart_whatever_they_print(stub: StubPhone) -> None:
    questions = {
        "a": "printf 'no newline'",
        "b": "echo err >&2; false",
        "c": "echo; echo 'x y'",
        "d": "cat",
        "e": "exit 3",
    }
    assert ask(stub.phone, questions) == {"a": "no newline", "b": "", "c": "x y", "d": "", "e": ""}


@given(st.binary(max_size=300))
def test_any_bytes_are_split(printed: bytes) -> None:
    assert split(b"t-0\n" + printed.replace(b"t-", b"") + b"\nt-1\n", "t", 2)[1] == ""
    assert len(split(printed, "t", 3)) == 3


ANY_TEXT = st.one_of(
    st.text(max_size=200),
    st.lists(st.sampled_from([*POWER.splitlines(), *BATTERY.splitlines(), *THERMAL.splitlines(), "\x1f", "0"])).map(
        "\n".join
    ),
)


@given(ANY_TEXT)
def test_any_text_is_some_identity(text: str) -> None:
    found = parse_identity(f"[ro.product.model]: [{text}]\n{text}", f"adb:{text}", hardware=text)
    assert found.name.isprintable()
    assert len(found.name) <= 128
    assert found.device_id.isprintable()
    assert set(found.properties) <= set(KEYS)
    parse_power(text)
    parse_switches(dict.fromkeys(("airplane_mode_on", "wifi_on", "wifi_status", "bluetooth_on"), text))


class _AnyAnswers(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return self["*"]


@given(ANY_TEXT)
def test_any_answers_are_some_facts(text: str) -> None:
    facts: dict[str, Any] = parse_facts(_AnyAnswers({"*": text}), StubPhone.anywhere())
    json.dumps(facts, allow_nan=False)

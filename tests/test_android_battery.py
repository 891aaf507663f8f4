"""Battery gauges: which node, which unit, which sign, and when its joules are what the phone consumes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.collectors.android.files import battery
from edgewatt.collectors.android.files.battery_quirks import gauge_of, parse_drawn, parse_temperature, parse_voltage
from edgewatt.device_profiles.loader import DeviceProfile
from edgewatt.profiler.channel import EnergySource
from edgewatt.profiler.energy.flow import flows_of
from edgewatt.profiler.errors import UsageError
from tests.android_looks import ANY_TEXT, columns, look, node_of, read, reasons, with_facts

SUPPLY = "sys/class/power_supply"
AMPERE, RAW, STATUS = "battery.current_a", "battery_current_raw.count_n", "battery_status.state_code"
GAUGE = EnergySource("phone/battery", (("battery.voltage_v", AMPERE),), "gauge", ("phone",))


def supply(name: str = "battery", kind: str | None = "Battery", **files: str | None) -> dict[str, str | None]:
    return {f"{SUPPLY}/{name}/{file}": text for file, text in {"type": kind, **files}.items()}


def phone(current: str = "352000", status: str = "Discharging", **more: str | None) -> dict[str, str | None]:
    files = {"status": status, "current_now": current, "voltage_now": "3888173", "temp": "290", "capacity": "50"}
    return supply(**{**files, "charge_counter": "1528169", **more})


def test_a_phone_that_drains_its_battery_has_amperes_out_of_it_and_joules() -> None:
    texts = phone("352000\n")
    found = battery.find(look(texts))
    assert read(found, texts) == {
        STATUS: 3,
        AMPERE: pytest.approx(0.352),
        RAW: 352000.0,
        "battery.voltage_v": pytest.approx(3.888173),
        "battery.temperature_c": 29.0,
        "battery.charge_coulomb": 1_000_000_000 - 1_528_169,
        "battery_level.state_code": 50.0,
    }
    assert found.sources == (GAUGE,)
    assert reasons(found) == {}
    assert {(node.stream, node.period_s) for node in found.nodes} == {("battery", 1.0)}
    assert {c.accuracy for node in found.nodes for c in node.channels} == {None}


@pytest.mark.parametrize(
    ("raw", "profile", "ampere", "unit", "sign"),
    [
        ("352000", "android_phone", 0.352, "uA by size", "read positive while discharging"),
        ("-352000", "android_phone", 0.352, "uA by size", "read negative while discharging"),
        ("352", "android_phone", 0.352, "mA by size", "read positive while discharging"),
        ("-1200", "samsung_galaxy", 1.2, "mA by the profile", "read negative while discharging"),
        ("-321", "huawei_p8_lite_2017", 0.321, "mA by the profile", "as the profile says (positive is charging)"),
        (
            "19000",
            with_facts(battery_current_unit="uA", battery_current_positive="discharging"),
            0.019,
            "uA",
            "discharging",
        ),
        ("7", with_facts(battery_current_unit="mA", battery_current_positive="charging"), -0.007, "mA", "charging"),
        ("-326171", "samsung_galaxy", 0.326171, "against the profile's mA", "while discharging"),
        ("143", "xiaomi", 0.143, "under 0.02 A, awake, against the profile's uA", "discharging"),
        ("-500000", "xiaomi", 0.5, "uA by the profile", "against the profile's positive is discharging"),
    ],
)
def test_unit_and_sign_by_profile_or_by_what_the_phone_shows(
    raw: str, profile: str | DeviceProfile, ampere: float, unit: str, sign: str
) -> None:
    found = battery.find(look(phone(raw), profile))
    assert read(found, phone(raw))[AMPERE] == pytest.approx(ampere)
    assert found.sources == (GAUGE,)
    assert unit in found.facts["battery_current_unit"]
    assert sign in found.facts["battery_current_sign"]


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("Charging", "it charges"),
        ("Full", "it is full on its charger"),
        ("Not charging", "it is plugged in and not charging"),
        ("Unknown", "the phone says Unknown"),
        ("Sleeping", "its status cannot be read"),
        ("", "its status cannot be read"),
    ],
)
@pytest.mark.parametrize("profile", ["android_phone", "xiaomi"])
def test_what_is_not_consumption_is_null_with_its_reason(status: str, reason: str, profile: str) -> None:
    texts = phone("-326171", status)
    found = battery.find(look(texts, profile))
    row = read(found, texts)
    assert (row[AMPERE], row[RAW]) == (None, -326171.0)
    assert found.sources == ()
    assert reason in reasons(found)["battery.energy_j"]


def test_a_cable_that_feeds_a_phone_which_says_discharging_is_not_believed() -> None:
    texts = {**phone(), **supply("usb", "USB_PD", online="1"), **supply("otg", "OTG", online="1")}
    found = battery.find(look(texts))
    assert reasons(found)["battery.energy_j"] == "it discharges while usb may feed the phone past it"
    assert "undecided" in found.facts["battery_current_sign"]
    unplugged = {**texts, f"{SUPPLY}/usb/online": "0"}
    assert battery.find(look(unplugged)).sources == (GAUGE,)


def test_charging_in_the_middle_of_a_run_is_null_and_not_a_wrong_sign() -> None:
    found = battery.find(look(phone("-352000")))
    rows = [
        read(found, phone(raw, status))[AMPERE]
        for raw, status in (
            ("-400000", "Discharging"),
            ("900000", "Charging"),
            ("0", "Full"),
            ("-300000", "Discharging"),
            ("100000", "Discharging"),  # its status is late: what flows in is negative, never turned around
            ("-25000000", "Discharging"),
            ("0", "Discharging"),
            ("-0x5", "Discharging"),
        )
    ]
    assert rows == [pytest.approx(0.4), None, None, pytest.approx(0.3), pytest.approx(-0.1), None, None, None]


def test_a_row_whose_status_cannot_be_read_has_no_current() -> None:
    found = battery.find(look(phone()))
    assert read(found, phone())[AMPERE] is not None
    assert read(found, {**phone(), f"{SUPPLY}/battery/status": None})[AMPERE] is None


def test_a_phone_that_charges_at_first_is_learnt_when_it_is_unplugged() -> None:
    found = battery.find(look(phone("-326", "Charging")))
    assert read(found, phone("15", "Discharging"))[AMPERE] is None
    assert read(found, phone("410", "Discharging"))[AMPERE] == pytest.approx(0.41)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("0", "its current stays at 0, which no phone draws"),
        ("15000", "a current of 15000 may be uA or mA"),
        ("3", "a current of 3 may be uA or mA"),
        ("none", "no current can be read"),
        ("", "no current can be read"),
    ],
)
def test_without_a_current_that_can_be_trusted_the_charge_is_counted(raw: str, reason: str) -> None:
    found = battery.find(look(phone(raw)))
    assert reason in reasons(found)[AMPERE]
    (source,) = found.sources
    assert source.name == "phone/battery_charge"
    channels = {c.column: c for node in found.nodes for c in node.channels}
    (flow,) = flows_of([[channels[column] for column in source.terms[0]]])
    assert flow.counter is channels["battery.charge_coulomb"]
    without = battery.find(look(phone(raw, charge_counter="0")))
    assert reason in reasons(without)["battery.energy_j"]
    assert without.sources == ()


def test_of_several_batteries_the_one_that_lives_is_read() -> None:
    dead, live = phone("0", voltage_now="0"), supply("bms", "BMS", current_now="412000", voltage_now="3901000")
    found = battery.find(look({**dead, **live}))
    assert found.facts["battery_node"] == "bms"
    assert found.facts["battery_nodes_left_out"] == ["battery"]
    row = read(found, {**dead, **live})
    assert (row[AMPERE], row[STATUS], row["battery.temperature_c"]) == (pytest.approx(0.412), 3, 29.0)


def test_of_two_that_live_the_one_that_moves_is_read_and_the_profile_comes_first() -> None:
    both = {**phone("352000"), **supply("bms", "BMS", current_now="412000", voltage_now="3901000")}
    moved = {**both, f"{SUPPLY}/bms/current_now": "398000"}
    assert battery.find(look(both)).facts["battery_node"] == "battery"
    assert battery.find(look(moved, earlier=both)).facts["battery_node"] == "bms"
    named = with_facts(battery_node="battery")
    assert battery.find(look(moved, named, earlier=both)).facts["battery_node"] == "battery"
    assert battery.find(look({**supply("max17fg", None, current_now="5"), **supply("usb", "USB")})).nodes == ()


def test_a_gauge_that_is_shown_only_in_its_uevent_is_one_node() -> None:
    said = {
        "NAME": "battery",
        "STATUS": "Discharging",
        "CURRENT_NOW": "-326171",
        "VOLTAGE_NOW": "3888173",
        "TEMP": "290",
    }
    uevent = "\n".join(f"POWER_SUPPLY_{key}={value}" for key, value in said.items())
    texts = supply("battery", None, current_now=None, voltage_now=None, uevent=uevent)
    found = battery.find(look(texts))
    assert [node.path for node in found.nodes] == [f"/{SUPPLY}/battery/uevent"]
    assert found.sources == (GAUGE,)
    assert read(found, texts)[AMPERE] == pytest.approx(0.326171)
    charging = {f"{SUPPLY}/battery/uevent": uevent.replace("Discharging", "Charging")}
    assert read(found, charging)[AMPERE] is None


def test_a_phone_that_denies_its_gauge_says_so() -> None:
    denied = battery.find(look(supply("battery", None, current_now=None, status=None)))
    assert columns(denied) == []
    assert reasons(denied)["battery"] == f"/{SUPPLY}/battery/current_now: permission denied"
    assert reasons(battery.find(look({})))["battery"] == f"no battery is visible under /{SUPPLY}"
    partly = battery.find(look({**phone(), f"{SUPPLY}/battery/current_now": None}))
    assert reasons(partly)[AMPERE] == "no current can be read"
    assert f"/{SUPPLY}/battery/current_now: permission denied" in [u.reason for u in partly.unavailable]


def test_how_often_it_is_read_and_how_often_it_changes_are_two_things() -> None:
    found = battery.find(look(phone(), "oneplus_11"))
    assert node_of(found, AMPERE).period_s == 1.0
    assert node_of(found, AMPERE).channels[0].period_s == 10.0


@pytest.mark.parametrize(
    ("fact", "value", "message"),
    [
        ("battery_current_unit", "A", "facts.battery_current_unit is 'A', expected one of uA, mA"),
        ("battery_current_positive", "in", "is 'in', expected one of discharging, charging"),
        ("battery_period_s", 0.0, "facts.battery_period_s is 0, expected 0.001 to 3600 s"),
    ],
)
def test_a_profile_that_says_nonsense_is_refused(fact: str, value: str | float, message: str) -> None:
    with pytest.raises(UsageError, match="device profile 'mine'") as caught:
        battery.find(look(phone(), with_facts(**{fact: value})))
    assert message in str(caught.value)


def test_voltage_is_in_the_one_unit_that_its_size_allows() -> None:
    assert [parse_voltage(t) for t in ("3888173", "4063", "4", "4.1", "8900000")] == [
        pytest.approx(v) for v in (3.888173, 4.063, 4.0, 4.1, 8.9)
    ]
    assert {parse_voltage(t) for t in ("0", "-4063", "1.9", "25", "99999999", "4,1", "", "NaN")} == {None}
    assert (parse_temperature("290"), parse_temperature("-999"), parse_temperature("29000")) == (29.0, None, None)
    assert (parse_drawn("0"), parse_drawn("1528169")) == (None, 998_471_831)


@given(ANY_TEXT, ANY_TEXT, st.sampled_from(["android_phone", "samsung_galaxy", "xiaomi"]))
def test_any_text_gives_values_in_bounds_or_none(text: str, other: str, profile: str) -> None:
    found = battery.find(look(phone(), profile))
    row = read(found, {path: text for path in phone() if "status" not in path} | {f"{SUPPLY}/battery/status": other})
    assert row[AMPERE] is None or abs(row[AMPERE]) <= 20
    assert row["battery.charge_coulomb"] is None or 0 <= row["battery.charge_coulomb"] < 2**63
    everything = {**dict.fromkeys(phone(), text), f"{SUPPLY}/battery/uevent": other}
    read(battery.find(look(everything, profile)), everything)
    read(battery.find(look({**everything, f"{SUPPLY}/battery/current_now": None}, profile)), everything)


@given(
    st.integers(-(10**8), 10**8),
    st.sampled_from(["uA", "mA", None]),
    st.sampled_from(["charging", "discharging", None]),
)
def test_what_drains_a_battery_is_never_negative_when_it_is_first_seen(
    raw: int, unit: str | None, positive: str | None
) -> None:
    gauge = gauge_of(unit, positive, [(raw, 3)])
    gauge.see_status("Discharging")
    value = gauge.current_a(str(raw))
    assert value is None or value > -0.02

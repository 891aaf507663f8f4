"""Thermal zones: units by size, sensors that are off, names that repeat, reasons that fit on a screen."""

import pytest
from hypothesis import given

from edgewatt.collectors.android.files import thermal_zones
from tests.android_looks import ANY_TEXT, Texts, columns, look, node_of, read, reasons

THERMAL = "sys/class/thermal"


def zones(*pairs: tuple[str | None, str | None]) -> dict[str, str | None]:
    return {
        f"{THERMAL}/thermal_zone{number}/{file}": text
        for number, pair in enumerate(pairs)
        for file, text in zip(("type", "temp"), pair, strict=True)
    }


def test_every_zone_has_its_type_as_name_and_its_unit_by_its_size() -> None:
    texts = zones(
        ("cpu-0-0-usr\n", "45300\n"), ("battery", "312"), ("mtktscpu", "51"), ("xo therm", "-5"), ("skin", "-1500")
    )
    found = thermal_zones.find(look(texts))
    assert read(found, texts) == {
        "cpu-0-0-usr.temperature_c": pytest.approx(45.3),
        "battery.temperature_c": pytest.approx(31.2),
        "mtktscpu.temperature_c": 51.0,
        "xo_therm.temperature_c": -5.0,
        "skin.temperature_c": pytest.approx(-1.5),
    }
    assert {node.period_s for node in found.nodes} == {1.0}


def test_the_unit_of_a_zone_stays_that_of_the_first_look() -> None:
    found = thermal_zones.find(look(zones(("modem", "21000"))))
    assert found.nodes[0].parse("900") == [pytest.approx(0.9)]
    tenths = thermal_zones.find(look(zones(("charger", "998"))))
    assert tenths.nodes[0].parse("1010") == [pytest.approx(101.0)]


@pytest.mark.parametrize("text", ["0", "-40000", "-273000", "2147483647", "150000", "45.3", "", "disabled"])
def test_a_sensor_that_is_off_is_null(text: str) -> None:
    found = thermal_zones.find(look(zones(("a", "45000"))))
    assert found.nodes[0].parse(text) == [None]


def test_zones_of_one_type_are_told_apart_by_their_number() -> None:
    found = thermal_zones.find(look(zones(("tsens", "40000"), ("tsens", "41000"), (None, "42000"))))
    assert columns(found) == [
        "tsens_thermal_zone0.temperature_c",
        "tsens_thermal_zone1.temperature_c",
        "thermal_zone2.temperature_c",
    ]


def test_what_fails_is_grouped_by_its_reason() -> None:
    texts = zones(*((f"denied{n}", None) for n in range(60)), ("off", "-273000"), ("good", "40000"), ("gone", "0"))
    found = thermal_zones.find(look(texts))
    assert columns(found) == ["good.temperature_c"]
    assert reasons(found) == {
        "60 thermal zones": "permission denied (denied0, denied1, denied2, denied3 and 56 more)",
        "2 thermal zones": "says 0, or what no sensor that is there can have (off, gone)",
    }


def test_volts_and_amperes_in_the_guise_of_zones_are_no_temperatures() -> None:
    texts = zones(
        ("pm8150b-ibat-lvl0", "1234"), ("vbat", "3812"), ("soc", "57"), ("vph-lvl0", "40000"), ("bclx", "40000")
    )
    assert columns(thermal_zones.find(look(texts))) == ["bclx.temperature_c"]
    assert columns(thermal_zones.find(look(zones(("soc", "57000"))))) == ["soc.temperature_c"]


def test_coolers_that_cap_a_clock_have_their_state() -> None:
    def cooler(number: int, kind: str, state: str | None) -> Texts:
        at = f"{THERMAL}/cooling_device{number}"
        return {f"{at}/type": kind, f"{at}/cur_state": state}

    texts = {
        **cooler(0, "cpufreq-cpu4", "3"),
        **cooler(1, "panel0-backlight", "1"),
        **cooler(2, "thermal-gpufreq-0", "0"),
    }
    found = thermal_zones.find(look({**texts, **cooler(3, "cpufreq-cpu0", None)}))
    assert read(found, texts) == {"cooling_cpufreq-cpu4.state_code": 3.0, "cooling_thermal-gpufreq-0.state_code": 0.0}
    assert node_of(found, "cooling_cpufreq-cpu4.state_code").parse("-1") == [None]


def test_a_phone_without_zones_says_so() -> None:
    assert reasons(thermal_zones.find(look({}))) == {"thermal zones": "none under /sys/class/thermal"}


@given(ANY_TEXT)
def test_any_text_gives_a_temperature_or_none(text: str) -> None:
    for scale in (0.001, 0.1, 1.0):
        (value,) = thermal_zones.temperature_parser(scale)(text)
        assert value is None or -40 < value < 150
    thermal_zones.find(look({**zones((text, text), ("a", text)), f"{THERMAL}/cooling_device0/cur_state": text}))
